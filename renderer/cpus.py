"""How many processors this process may use: affinity and the quota of its control group."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cpus() -> int:
    """The CPUs that this process may use, at least 1."""
    return bounded_cpus(len(os.sched_getaffinity(0)), Path("/"))


def bounded_cpus(cpus: int, root: Path) -> int:
    """The CPUs that affinity leaves, or fewer if the control group's quota is lower; parts count whole.

    Args:
        cpus: by the scheduler's affinity.
        root: of the file system, to read the quota of this process under it.
    """
    quotas = [quota for folder in _control_groups(root) if (quota := _quota(folder)) is not None]
    return max(1, min(cpus, *map(math.ceil, quotas))) if quotas else cpus


def _control_groups(root: Path) -> Iterator[Path]:
    """Folders of the control groups that bound this process: its own and all above it, of version 2 and of version 1.

    Inside a container the paths in `/proc` may be the host's and exist nowhere; the mount's own folder is then the
    container's group (cgroups(7), "/proc/pid/cgroup").
    """
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        mounts = ("",) if not controllers else ("cpu", "cpu,cpuacct") if "cpu" in controllers.split(",") else ()
        for mount in mounts:
            top = root / "sys/fs/cgroup" / mount
            own = top / path.strip("/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(top))


def _quota(folder: Path) -> float | None:
    """CPUs by `cpu.max` of version 2 or the two files of version 1; None without a limit."""
    limit = _text(folder / "cpu.max")
    if limit is None:
        limit = " ".join(_text(folder / name) or "" for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    try:
        quota, period = (int(part) for part in limit.split())
    except ValueError:
        return None  # "max", or no files
    return quota / period if quota > 0 and period > 0 else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
