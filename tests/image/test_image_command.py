"""`make image` where it cannot work: it says why, and what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_without_buildah_it_says_so(tmp_path: Path) -> None:
    """One line on stderr and status 2, and nothing is made."""
    result = subprocess.run(
        [sys.executable, "-m", "scripts.image"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("make image: not here: buildah, mmdebstrap, ")
    assert "apt-get install buildah mmdebstrap" in result.stderr
