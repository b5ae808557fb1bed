"""What a report has to say before its figures: the machine, the versions, the settings, the command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pyvips

from benchmarks.pictures.corpus import Corpus
from benchmarks.pictures.wrk import command
from renderer.cpus import usable_cpus
from renderer.version import VERSION

_ALLOCATOR: Final = ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "MALLOC_CONF", "LD_PRELOAD")
_ROOT: Final = Path(__file__).resolve().parents[2]


def head(corpus: Corpus, arguments: Sequence[str], targets: Iterable[str]) -> dict[str, str]:
    """Names and texts, in the order of the report. No path of this machine is among them."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{platform.node()}, {_cpu_model()}, {usable_cpus()} CPUs, {_memory_gb():.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}, {platform.libc_ver()[0]} {platform.libc_ver()[1]}",
        "versions": ", ".join(_versions()),
        "allocator": allocator(os.environ),
        "load": "own asyncio clients on the same CPUs; cached hits with " + ("wrk" if command() else "them as well"),
        "targets": "; ".join(targets),
        "pictures": " ".join(map(shown, "; ".join(corpus.made_from).split())),
        "command": " ".join(["python -m benchmarks.pictures", *(shlex.quote(shown(one)) for one in arguments)]),
    }


def shown(argument: str) -> str:
    """An argument as others may read it: of an absolute path only its end."""
    name, equals, text = argument.rpartition("=")
    return f"{name}{equals}{Path(text).name}" if text.startswith("/") else argument


def allocator(variables: Mapping[str, str]) -> str:
    """What is set for the allocator, in all processes that this run starts."""
    told = [f"{name}={shown(variables[name])}" for name in _ALLOCATOR if name in variables]
    return (
        ", ".join(told)
        if told
        else "nothing set: what the server does by itself (two arenas, huge pages where the kernel has them)"
    )


def _versions() -> Iterator[str]:
    yield f"bildwerk {VERSION}{_commit()}"
    yield f"Python {platform.python_version()}"
    yield "libvips " + ".".join(str(pyvips.version(part)) for part in range(3))
    for name in ("pyvips", "aiohttp", "uvloop"):
        yield f"{name} {version(name)}"


def _commit() -> str:
    """The commit of the source, with a mark if it is not what was committed; empty without git."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607  whichever git the caller uses
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return f" ({told.stdout.strip()})"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.lower().startswith(("model name", "cpu model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
