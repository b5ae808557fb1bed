"""The scheduling policy of a process: ours, unless somebody has chosen one."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the policies are Linux's")

PROGRAM = """
import os, sys
from renderer.server.scheduling import wait_for_turns

os.sched_setscheduler(0, int(sys.argv[1]), os.sched_param(0))
wait_for_turns()
print(os.sched_getscheduler(0))
"""
OTHER, BATCH, IDLE = 0, 3, 5


@pytest.mark.parametrize(("before", "after"), [(OTHER, BATCH), (BATCH, BATCH), (IDLE, IDLE)])
def test_a_policy_that_somebody_has_chosen_stays(before: int, after: int) -> None:
    program = (sys.executable, "-c", PROGRAM, str(before))
    told = subprocess.run(program, check=True, capture_output=True, text=True, timeout=30)

    assert int(told.stdout) == after
