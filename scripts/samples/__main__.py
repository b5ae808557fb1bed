"""`python -m scripts.samples FOLDER` draws the sample pictures into a folder, unless they are there already."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.samples.folder import draw_samples, is_current


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.samples", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go; made if it is missing")
    folder: Path = parser.parse_args(arguments).folder
    if not is_current(folder):
        # Threads of libvips cost more than they bring on planes this small: 5.3 s of CPU instead of 7.4.
        os.environ.setdefault("VIPS_CONCURRENCY", "1")
        print(f"Drawing sample pictures into {folder} ...", flush=True)
        draw_samples(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
