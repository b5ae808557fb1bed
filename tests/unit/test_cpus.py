"""CPUs are those of affinity and of the control group's quota."""

from __future__ import annotations

from pathlib import Path

import pytest

from renderer.cpus import bounded_cpus

_GROUPS_2 = "0::/pod/container\n"
_GROUPS_1 = "5:memory:/task\n4:cpu,cpuacct:/task\n0::/\n"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 8),
        ({"proc/self/cgroup": _GROUPS_2}, 8),
        ({"proc/self/cgroup": _GROUPS_2, "sys/fs/cgroup/pod/container/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": _GROUPS_2, "sys/fs/cgroup/pod/container/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": _GROUPS_2, "sys/fs/cgroup/pod/container/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": _GROUPS_2, "sys/fs/cgroup/pod/container/cpu.max": "25000 100000\n"}, 1),
        ({"proc/self/cgroup": _GROUPS_2, "sys/fs/cgroup/pod/container/cpu.max": "1600000 100000\n"}, 8),
        ({"proc/self/cgroup": _GROUPS_2, "sys/fs/cgroup/pod/cpu.max": "400000 100000\n"}, 4),
        ({"proc/self/cgroup": _GROUPS_2, "sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3),
        (
            {
                "proc/self/cgroup": _GROUPS_2,
                "sys/fs/cgroup/pod/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/pod/container/cpu.max": "400000 100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": _GROUPS_1,
                "sys/fs/cgroup/cpu,cpuacct/task/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/task/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": _GROUPS_1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": _GROUPS_1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        ({"proc/self/cgroup": "0::/../..\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1),
        ({"proc/self/cgroup": "no such line\n\n", "sys/fs/cgroup/cpu.max": "no number\n"}, 8),
    ],
)
def test_the_quota_of_the_control_group_limits_the_cpus(tmp_path: Path, files: dict[str, str], cpus: int) -> None:
    """Of a machine with eight; both versions, the container's own mount, and groups around the container's."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")

    assert bounded_cpus(8, tmp_path) == cpus
