"""The listening socket: TCP of one or both versions, or a unix socket (spec 03 section 1.2)."""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path
from typing import Final

from renderer.errors import ConfigurationError

BACKLOG: Final = 4096
"""Connections that wait to be accepted; the system may hold fewer (`net.core.somaxconn`)."""

_FAMILIES: Final = {"tcp4": socket.AF_INET, "tcp6": socket.AF_INET6}


def open_listener(bind: str, network: str = "tcp", *, reuse_port: bool = False, name: str) -> socket.socket:
    """A non-blocking socket that listens.

    Args:
        bind: `host:port`, `:port` for every address, or the path of a unix socket.
        network: `tcp`, `tcp4`, `tcp6` or `unix`.
        reuse_port: lets other sockets listen on the same port.
        name: the setting, for errors.

    Raises:
        ConfigurationError: it cannot listen there.
    """
    try:
        listener = _unix(bind) if network == "unix" else _tcp(bind, network, reuse_port=reuse_port)
    except (OSError, ValueError) as error:
        expected = "the path of a unix socket" if network == "unix" else "host:port to listen on"
        raise ConfigurationError([f"{name}: expected {expected}, got {bind!r} ({error})"]) from error
    listener.settimeout(0)
    return listener


def shown_address(listener: socket.socket) -> str:
    """Where people reach the listener: a URL, or the path of a unix socket."""
    if listener.family == socket.AF_UNIX:
        return str(listener.getsockname())
    host, port = listener.getsockname()[:2]
    if host in ("::", "0.0.0.0"):  # noqa: S104  compared, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def remove_socket_file(listener: socket.socket) -> None:
    """Removes the file of a unix socket; other sockets have none."""
    if listener.family == socket.AF_UNIX:
        with contextlib.suppress(FileNotFoundError):
            Path(listener.getsockname()).unlink()


def _tcp(bind: str, network: str, *, reuse_port: bool) -> socket.socket:
    host, colon, port = bind.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()):
        raise ValueError("there is no port")
    if int(port[:6]) >= 65_536:
        raise ValueError("there is no such port")
    host = host.removeprefix("[").removesuffix("]")
    family = _FAMILIES.get(network)
    is_dual = host in ("", "::") and family is None and socket.has_dualstack_ipv6()
    if family is None:
        family = socket.AF_INET6 if is_dual else _family(host)
    return socket.create_server(
        (host, int(port)), family=family, dualstack_ipv6=is_dual, backlog=BACKLOG, reuse_port=reuse_port
    )


def _family(host: str) -> socket.AddressFamily:
    """IPv4 if a host has such an address, as Go's listeners have it; this machine's own name may have both."""
    if not host:
        return socket.AF_INET
    found = [entry[0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)]
    return socket.AF_INET if socket.AF_INET in found else found[0]


def _unix(path: str) -> socket.socket:
    _remove_abandoned(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_abandoned(path: str) -> None:
    """Removes a socket file that nobody listens on: a server that was killed left it."""
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)  # a listener whose queue is full would let us wait
        if probe.connect_ex(path) == errno.ECONNREFUSED:
            Path(path).unlink()
