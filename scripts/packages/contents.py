"""What the packages of the Lambda functions hold, and which function takes which.

Named is what stays out: a new dependency of the lock is in both until somebody has looked, so that nobody misses it.
That no function loads anything of what stays out is tested by asking all of them (tests/infra/test_packages.py).
The SDK is ours though Lambda has one: it lags behind, and another one than the lock's was never tested.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from scripts.image.slim import superfluous
from scripts.image.wheels import normal

OWN: Final = ("api", "renderer")
"""Packages of this repository; what the functions import of the renderer they share with the server."""

FUNCTIONS: Final[Mapping[str, str]] = {
    "authorize": "plain",
    "presign": "plain",
    "read": "plain",
    "delete": "plain",
    "change": "plain",
    "purge": "plain",
    "upload": "pictures",
    "arrival": "pictures",
}
"""The package of each function of `api.functions`: those that look at pictures need libvips and what it lacks."""

PACKAGES: Final = tuple(sorted(set(FUNCTIONS.values()), reverse=True))

NOWHERE: Final[Mapping[str, str]] = {
    "cryptography": "encrypted source URLs are the server's",
    "pillow": "its faster decoders serve renders; uploads are read as libvips reads them",
    "prometheus-client": "metrics of functions are CloudWatch's",
    "pycparser": "cffi parses C only where pyvips has no compiled half",
    "tqdm": "progress bars are for people",
    "uvloop": "functions listen on no socket",
}
"""What no function loads, with the reason."""

DECODERS: Final = frozenset({"cffi", "imagecodecs", "lxml", "numpy", "pi-heif", "pyvips", "pyvips-binary"})
"""What only functions load that look at pictures."""

_KEPT_OF_DIST_INFO: Final = ("METADATA", "licenses/*", "LICEN[CS]E*", "COPYING*", "AUTHORS*", "NOTICE*")
"""The rest tells installers when, how and where from the package came, which differs from machine to machine."""


def is_loaded(entry: str) -> bool:
    """Whether some function loads a package, which is given as its entry of the lock."""
    return normal(entry.partition("==")[0]) not in NOWHERE


def parts_of(folder: Path, names: Collection[str]) -> set[str]:
    """What packages have put into a folder, as installed by pip: names of files and folders in it."""
    found = set()
    for record in folder.glob("*.dist-info/RECORD"):
        if normal(record.parent.name.partition("-")[0]) in names:
            with record.open(newline="", encoding="utf-8") as lines:
                found |= {Path(row[0]).parts[0] for row in csv.reader(lines)}
    return found


def leftovers(folder: Path) -> Iterator[Path]:
    """Files and folders of an installed package that no function reads; one may be inside another."""
    yield folder / "bin"
    yield from superfluous(folder)
    yield from folder.glob("*-stubs")
    for about in folder.glob("*.dist-info"):
        for path in about.rglob("*"):
            name = path.relative_to(about).as_posix()
            if path.is_file() and not any(fnmatchcase(name, kept) for kept in _KEPT_OF_DIST_INFO):
                yield path
