"""What malloc does in a server: large blocks in pages of their own, and those pages huge ones.

A picture takes tens of megabytes for some milliseconds. Where glibc keeps them for the next one, a server holds twice
what it uses; where it gives them back at once, the next picture pays for every page of 4 KB that it touches first. In
huge pages of 2 MB it does not, so both can be had (decision 0010). Small free blocks are joined with their neighbors
at once, and not all of them whenever a source's bytes want a large block. glibc looks at this when a program starts and
not later, so the server starts itself anew once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "GLIBC_TUNABLES"
TUNABLES: Final = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mxfast=0"
    ":glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=4194304"
)
_KNOWS_HUGE_PAGES: Final = (2, 35)
_HUGE_PAGES: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def begin_anew(environment: Mapping[str, str]) -> None:
    """Starts this program anew under `TUNABLES` if they are of use here; the process stays the same.

    Args:
        environment: of this process. Whoever has set `GLIBC_TUNABLES`, to whatever, has decided.
    """
    if VARIABLE in environment or not _are_of_use():
        return
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**environment, VARIABLE: TUNABLES})  # noqa: S606  ourselves


def _are_of_use() -> bool:
    """Whether this is a glibc that knows huge pages, on a Linux that gives them to who asks, or to all."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        modes = _HUGE_PAGES.read_text(encoding="ascii")
        known = tuple(int(part) for part in version.split(".")[:2])
    except (AttributeError, OSError, ValueError):
        return False
    return name == "glibc" and known >= _KNOWS_HUGE_PAGES and "[never]" not in modes
