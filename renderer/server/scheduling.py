"""How the kernel shares processors among the threads of a server process (Linux, sched(7))."""

from __future__ import annotations

import logging
import os
import sys

_log = logging.getLogger(__name__)


def wait_for_turns() -> None:
    """Lets threads that have something to do wait until a processor is free, instead of stopping who works there.

    Rows of a picture go from libvips' thread to the one that encodes them. By default each time the one that gets some
    stops the one that gives them, 20 times a JPEG of 2 megapixels, and finds the processor's caches full of the other's
    data: decision 0016. It is for all threads that begin later too. Who has given the process another policy than the
    system's usual one has decided; where the system does not let it be changed, all stays as it is.
    """
    if sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError as error:
        _log.debug("The process is scheduled as any other: %s", error)
