"""Which arrangements are compared: processes and threads, and allocators."""

from __future__ import annotations

import ctypes.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.load.debian import Say, unpack
from benchmarks.load.server import BILDWERK

ALTERED: Final = ("-m", "benchmarks.processes.altered")
_HUGE_PAGES: Final = "glibc.malloc.hugetlb=1"
_JEMALLOC: Final = "libjemalloc.so.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A server: its processes, the threads of all of them, and what is different about it."""

    name: str
    processes: int
    threads: int
    program: tuple[str, ...] = BILDWERK
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """Its settings and its environment."""
        own = {"BILDWERK_PROCESSES": str(self.processes), "IMGPROXY_WORKERS": str(self.threads)}
        return {**own, **self.environment}


def process_models(cpus: int) -> tuple[Variant, ...]:
    """One process with many threads against many processes with few."""
    return (
        Variant(name=f"{cpus} processes x 1 thread", processes=cpus, threads=cpus),
        Variant(name=f"{cpus} processes x 2 threads", processes=cpus, threads=2 * cpus),
        Variant(name=f"1 process x {cpus} threads", processes=1, threads=cpus),
        Variant(name=f"1 process x {2 * cpus} threads", processes=1, threads=2 * cpus),
    )


def allocators(cpus: int, jemalloc: Path | None) -> tuple[Variant, ...]:
    """The default's processes and threads over several uses of malloc; the first is the server as it is."""

    def variant(name: str, *program: str, **environment: str) -> Variant:
        return Variant(
            name=name, processes=cpus, threads=2 * cpus, program=program or BILDWERK, environment=environment
        )

    glibc = (
        variant("2 arenas (as it is)"),
        variant("1 arena", *ALTERED, "--arenas", "1"),
        variant("4 arenas", *ALTERED, "--arenas", "4"),
        variant("glibc's default", *ALTERED, "--arenas", "0"),
        variant("2 arenas, malloc_trim", *ALTERED, "--trim"),
        variant("2 arenas, 1 MB mapped", *ALTERED, "--map", str(1024 * 1024)),
        variant("2 arenas, 8 MB mapped", *ALTERED, "--map", str(8 * 1024 * 1024)),
        variant("2 arenas, huge pages", GLIBC_TUNABLES=_HUGE_PAGES),
        variant("2 arenas, huge pages, 1 MB mapped", *ALTERED, "--map", str(1024 * 1024), GLIBC_TUNABLES=_HUGE_PAGES),
    )
    return glibc if jemalloc is None else (*glibc, variant("jemalloc", LD_PRELOAD=str(jemalloc)))


def jemalloc(folder: Path, say: Say) -> Path | None:
    """The library, the system's or Debian's unpacked into the folder; None where it cannot be had."""
    if name := ctypes.util.find_library("jemalloc"):
        return Path(name)
    if found := next(folder.rglob(_JEMALLOC), None):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    unpack(["libjemalloc2"], folder, say)
    return next(folder.rglob(_JEMALLOC), None)
