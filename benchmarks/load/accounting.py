"""What processes cost, from the kernel's own accounting: processor time and memory of a whole tree.

The processor time of a process is its CPU clock (clock_getcpuclockid(3)): nanoseconds, of all its threads, also of
those that have ended. Children that ended and were waited for are in their parent's `cutime` and `cstime` (proc(5)),
in ticks of 10 ms. So nothing that a server does escapes, and what replaces a process counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_CPUCLOCK_SCHED: Final = 2
"""The kind of CPU clock that the scheduler keeps, of a process as a whole (posix-timers_types.h)."""

_LISTENING: Final = "0A"
_GONE: Final = (FileNotFoundError, ProcessLookupError)
_GONE_OR_FOREIGN: Final = (*_GONE, PermissionError)


def tree(root: int) -> list[int]:
    """The ids of a process and of all that descend from it; none when it is gone."""
    found: list[int] = []
    waiting = [root] if Path(f"/proc/{root}").exists() else []
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children(pid)
    return found


def children(pid: int) -> list[int]:
    """The ids of the children of all its threads."""
    # `children` names what one thread started: a server may fork from any.
    words: list[str] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(*_GONE):
            words += path.read_text(encoding="ascii").split()
    return [int(word) for word in words]


def cpu_seconds(root: int) -> float:
    """Processor time that a process and all that descend from it have used, those that have ended included.

    Raises:
        ProcessLookupError: there is no such process.
    """
    pids = tree(root)
    if not pids:
        raise ProcessLookupError(f"there is no process {root}")
    return sum(own_cpu_seconds(pid) + _waited_for_cpu_seconds(pid) for pid in pids)


def own_cpu_seconds(pid: int) -> float:
    """Processor time of one process, 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def _waited_for_cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except _GONE:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def pss_bytes(pids: Iterable[int]) -> int:
    """Proportional set size: what processes hold, with shared pages divided among those who share them.

    Raises:
        PermissionError: they are somebody else's.
    """
    return sum(_pss_bytes(pid) for pid in pids)


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except _GONE:
        return 0
    return 1024 * next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def listener(port: int) -> int | None:
    """The process that listens on a TCP port of this machine, or None if it cannot be seen.

    Where several share the socket it is the one that the others descend from.
    """
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    holders = {pid for pid, name in _sockets() if name in sockets} if sockets else set()
    roots = [pid for pid in sorted(holders) if parent(pid) not in holders]
    return roots[0] if roots else None


def parent(pid: int) -> int:
    """The parent's id, 0 when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except _GONE:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def command_name(pid: int) -> str:
    """The name that the kernel shows for a process."""
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/net/{table}")
        if not path.exists():
            continue
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _sockets() -> Iterator[tuple[int, str]]:
    """Every open socket of every process that may be looked at, as its process and the name of its link."""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(*_GONE_OR_FOREIGN):
            for descriptor in folder.iterdir():
                with suppress(*_GONE_OR_FOREIGN):
                    yield int(folder.parent.name), str(descriptor.readlink())


def allocator_of(pid: int) -> dict[str, str]:
    """The variables by which glibc's malloc is set in a process, as it was started."""
    # glibc ends each tunable with a zero where the variable is kept.
    lines = Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0glibc.", b":glibc.").split(b"\0")
    pairs = (os.fsdecode(line).partition("=") for line in lines)
    return {name: text for name, _, text in pairs if name == "GLIBC_TUNABLES" or name.startswith("MALLOC_")}
