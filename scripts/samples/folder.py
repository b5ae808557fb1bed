"""Keeps a folder of sample pictures current: they are drawn anew when the code that draws them has changed.

A stamp beside the pictures holds a digest of that code. It is written last, so that pictures left half drawn count as
none.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

STAMP: Final = ".drawn-by"
"""The stamp's name; hidden, so that listings show pictures only."""


def is_current(folder: Path) -> bool:
    """Whether every picture in the folder is there, drawn by the code as it is now."""
    stamp = folder / STAMP
    if not stamp.is_file():
        return False
    digest, *names = stamp.read_text(encoding="utf-8").split("\n")
    return digest == _digest() and all((folder / name).is_file() for name in names)


def draw_samples(folder: Path) -> bool:
    """Draws the pictures into the folder, unless it is current.

    Returns:
        Whether anything was drawn.
    """
    if is_current(folder):
        return False
    # Imported here: a folder that is current should not wait for libvips and numpy.
    from scripts.samples.files import FILES

    folder.mkdir(parents=True, exist_ok=True)
    (folder / STAMP).unlink(missing_ok=True)
    for name, write in FILES.items():
        write(str(folder / name))
    (folder / STAMP).write_text("\n".join([_digest(), *FILES]), encoding="utf-8")
    return True


def _digest() -> str:
    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.*")):
        if path.suffix in {".py", ".svg"}:
            code.update(path.read_bytes())
    return code.hexdigest()
