"""Becomes another program that ends with the process that started it, however that one ends.

    python bound.py PARENT COMMAND...

The kernel sends SIGTERM when the parent is gone (prctl(2), PR_SET_PDEATHSIG; an exec keeps the setting). It is a
program of its own because Python may not run code between fork and exec once there are threads. Where there is no
prctl it only runs the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Never returns."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("whoever started this is gone")
    os.execv(command[0], command)  # noqa: S606  the command is whole, no shell is meant


if __name__ == "__main__":
    main()
