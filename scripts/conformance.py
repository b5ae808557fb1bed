"""Replays the recorded answers against this checkout and asks for at least the percentage that the repository holds.

    python -m scripts.conformance FOLDER [further arguments of the runner]

FOLDER is the corpus with its runner, beside the repository. Where it is not there, the run says so and passes: nothing
here depends on it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
MINIMUM = ROOT / "conformance-minimum.txt"


def main(arguments: list[str]) -> int:
    """The exit status of the runner."""
    folder = Path(arguments[0])
    runner = folder / "run.py"
    if not runner.is_file():
        print(f"conformance: no recorded answers at {folder}, nothing is replayed")
        return 0
    minimum = MINIMUM.read_text(encoding="utf-8").strip()
    print(f"conformance: at least {minimum} % must hold", flush=True)
    server = ROOT / ".venv" / "bin" / "bildwerk"
    command = [sys.executable, str(runner), "--start", f"{server} serve", "--min", minimum, *arguments[1:]]
    return subprocess.run(command, check=False).returncode  # noqa: S603  the runner's path is the caller's


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
