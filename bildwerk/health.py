"""`bildwerk health`: whether the server on this machine is well, for container health checks (spec 03 section 2.2).

It runs every few seconds beside a busy server, so it loads no more than it needs and reads three variables only: a
server that runs with a bad setting elsewhere is still asked.
"""

from __future__ import annotations

import http.client
import socket
import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from bildwerk.environment import read_environment

if TYPE_CHECKING:
    import argparse

TIMEOUT_SECONDS: Final = 5
MAX_BODY_BYTES: Final = 65_536

_DEFAULT_BIND: Final = ":8080"
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  what a server listens on, not we
_EXAMPLES: Final = """\
examples:
  bildwerk health                              a server with the same environment
  IMGPROXY_BIND=127.0.0.1:9000 bildwerk health

IMGPROXY_BIND, IMGPROXY_NETWORK and IMGPROXY_PATH_PREFIX say where the server is; without a host it is this machine.
The answer is printed on stderr. The exit status is 0 when the server is well, else 1."""


def run(arguments: list[str]) -> int:
    """Asks once; 0 when the server answers 200."""
    if arguments:
        _parser().parse_args(arguments)
    environment = read_environment()
    bind = environment.get("IMGPROXY_BIND", "")
    network = environment.get("IMGPROXY_NETWORK", "").lower()
    is_unix = network == "unix"
    try:
        host, port = ("localhost", 0) if is_unix else address(bind, network)
    except ValueError as error:
        print(f"IMGPROXY_BIND: {error}", file=sys.stderr)
        return 1
    prefix = environment.get("IMGPROXY_PATH_PREFIX", "")
    # The server compares the prefix with the decoded path, so every character may be sent escaped.
    path = quote(f"{prefix if prefix.strip() else ''}/health", errors="surrogateescape")
    connection = _UnixConnection(bind) if is_unix else http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        status, text = _ask(connection, path)
    except (OSError, http.client.HTTPException) as error:
        where = bind if is_unix else f"http://{f'[{host}]' if ':' in host else host}:{port}"
        print(f"{where}{path}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    print(text if status == http.client.OK else f"{status}: {text}", file=sys.stderr)
    return 0 if status == http.client.OK else 1


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the unix socket at a path."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self._path)


def address(bind: str, network: str = "tcp") -> tuple[str, int]:
    """Host and port under which a server that listens on `bind` is reached from its own machine.

    Without a host it listens on every address, with `tcp6` on those of version 6 only.

    Raises:
        ValueError: it is no `host:port`.
    """
    host, colon, port = (bind if bind.strip() else _DEFAULT_BIND).strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not (port.isascii() and port.isdecimal()) or not 0 < int(port[:6]) < 65_536:
        raise ValueError(f"expected host:port, got {bind!r}")
    if not host:
        host = "::" if network == "tcp6" else "0.0.0.0"  # noqa: S104  what a server listens on, not we
    return _LOOPBACK.get(host, host), int(port)


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(MAX_BODY_BYTES).decode("utf-8", "replace").rstrip("\n")
    finally:
        connection.close()


def _parser() -> argparse.ArgumentParser:
    import argparse

    return argparse.ArgumentParser(
        prog="bildwerk health",
        description="Ask the server on this machine whether it is well.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
