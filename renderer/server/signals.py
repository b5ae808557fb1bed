"""Signals as something that can be waited for beside other things."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType

from renderer.server.child import CAUGHT, READ_BYTES


@contextlib.contextmanager
def caught_signals() -> Iterator[socket.socket]:
    """A socket that becomes readable with each signal of `CAUGHT`; before and after, they are handled as they were."""
    reading, writing = socket.socketpair()
    with reading, writing:
        for end in (reading, writing):
            end.settimeout(0)
        before = {number: signal.signal(number, _noticed) for number in CAUGHT}
        previous = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)


def received(signals: socket.socket) -> bytes:
    """The numbers of the signals that have come since."""
    try:
        return signals.recv(READ_BYTES)
    except BlockingIOError:
        return b""


def _noticed(_number: int, _frame: FrameType | None) -> None:
    """Does nothing: the number is on the socket."""
