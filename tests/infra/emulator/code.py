"""The code of the functions, as the emulator runs it: ours from the asset, what it needs from this environment.

The packages for Lambda take 45 s to build, for every change of a line; what is in them, and that functions start with
it, has tests of its own (tests/infra/test_packages.py). Here the packages that they are built from, in the versions of
the same locks, are those of the environment that runs the tests.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Final

from scripts.packages.building import add_byte_code
from scripts.packages.contents import OWN

OTHERS: Final = sysconfig.get_path("purelib")
"""Where functions find the rest."""
_PROJECT: Final = Path(__file__).parents[3]


def own_code(folder: Path) -> Path:
    """The archive of a function: compiled, because each function would compile it anew."""
    code = folder / "code"
    for name in OWN:
        shutil.copytree(_PROJECT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    add_byte_code(code, sys.executable)
    archive = folder / "code.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for path in sorted(code.rglob("*")):
            file.write(path, path.relative_to(code))
    return archive
