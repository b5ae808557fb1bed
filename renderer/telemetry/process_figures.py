"""What the kernel says about this process: memory, CPU time, open files (proc(5))."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc/self")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFigures:
    """One process at one moment. `resident_bytes` counts pages that it shares with other processes."""

    resident_bytes: int
    virtual_bytes: int
    cpu_seconds: float
    open_files: int
    max_open_files: int
    started_at: float


def process_figures(now: float) -> ProcessFigures | None:
    """The figures, or None where there is no `/proc`.

    Args:
        now: on the clock of `time.time`.
    """
    try:
        # The command's name stands in parentheses and may hold anything, blanks among it.
        stat = (_PROC / "stat").read_text(errors="replace").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        open_files = sum(1 for _ in (_PROC / "fd").iterdir()) - 1  # not the one that lists them
    except OSError:
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return ProcessFigures(
        resident_bytes=int(stat[21]) * os.sysconf("SC_PAGE_SIZE"),
        virtual_bytes=int(stat[20]),
        cpu_seconds=(int(stat[11]) + int(stat[12])) / ticks,
        open_files=open_files,
        max_open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        started_at=now - uptime + int(stat[19]) / ticks,
    )
