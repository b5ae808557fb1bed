"""Ports for servers that are about to be started by tests, benchmarks and scripts."""

from __future__ import annotations

import secrets
import socket
from contextlib import closing
from typing import Final

_FIRST: Final = 20_000
_COUNT: Final = 12_000
"""Below 32,768, where Linux takes ports for connections from: one of those may be gone before a server has it."""
_TRIES: Final = 100


def free_port() -> int:
    """A port of the loopback interface that nothing listens on now, and nothing but a server will take."""
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_COUNT)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port among {_TRIES}")
