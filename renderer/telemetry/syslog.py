"""Lines to syslog: RFC 3164 to the machine's own socket, the same with an RFC 3339 time and a host over the network.

The connection is made again when it breaks; meanwhile lines are lost and counted by whoever writes them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import Final

from renderer.errors import ConfigurationError
from renderer.settings.monitoring import LogSettings
from renderer.telemetry.log_writer import Waiting

_OWN_SOCKETS: Final = ("/dev/log", "/var/run/syslog", "/var/run/log")
_FACILITY: Final = 1 << 3
"""User-level messages (RFC 3164 section 4.1.1)."""

_TIMEOUT_SECONDS: Final = 5.0
_FAMILIES: Final = {"4": socket.AF_INET, "6": socket.AF_INET6}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class SyslogSink:
    """One connection to syslog; it is opened at once, so that a wrong address is known at start.

    Raises:
        ConfigurationError: nobody listens there.
    """

    def __init__(self, settings: LogSettings) -> None:
        self._network, self._address = settings.syslog_network, settings.syslog_address
        self._tag = settings.syslog_tag
        self._host = "" if self._network in {"", "unix", "unixgram"} else socket.gethostname()
        try:
            self._socket: socket.socket | None = self._connected()
        except (OSError, ValueError) as error:
            shown = self._address or "the machine's own socket"
            raise ConfigurationError([f"IMGPROXY_SYSLOG_ADDRESS: expected syslog at {shown} ({error})"]) from error

    def write(self, lines: Sequence[Waiting]) -> None:
        """Sends the lines, after connecting once more where that is needed."""
        for line in lines:
            message = self._message(line)
            try:
                self._send(message)
            except OSError:
                self.close()
                self._send(message)

    def _send(self, message: bytes) -> None:
        if self._socket is None:
            self._socket = self._connected()
        try:
            self._socket.sendall(message)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection; the next line would begin another."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _message(self, line: Waiting) -> bytes:
        now = time.localtime()
        if self._host:
            zone = time.strftime("%z", now)
            stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', now)}{zone[:3]}:{zone[3:]} {self._host}"
        else:
            # Not strftime: the month has to be English whatever the locale is.
            stamp = f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2d} {now.tm_hour:02d}:{now.tm_min:02d}:{now.tm_sec:02d}"
        # A line end would begin the next message; `#012` is how syslog servers themselves write it.
        text = line.text.replace("\n", "#012")
        head = f"<{_FACILITY | _severity(line.level)}>{stamp} {self._tag}[{os.getpid()}]: "
        return f"{head}{text}\n".encode("utf-8", "replace")

    def _connected(self) -> socket.socket:
        if self._network.startswith(("udp", "tcp")):
            return self._over_network()
        paths = (self._address,) if self._address else _OWN_SOCKETS
        kinds = {"unix": (socket.SOCK_STREAM,), "unixgram": (socket.SOCK_DGRAM,)}.get(
            self._network, (socket.SOCK_DGRAM, socket.SOCK_STREAM)
        )
        problem = OSError("no such socket")
        for path in paths:
            for kind in kinds:
                try:
                    return _open(socket.AF_UNIX, kind, path)
                except OSError as error:
                    problem = error
        raise problem

    def _over_network(self) -> socket.socket:
        host, colon, port = self._address.rpartition(":")
        if not colon or self._address.endswith("]"):
            host, port = self._address, "514"
        kind = socket.SOCK_DGRAM if self._network.startswith("udp") else socket.SOCK_STREAM
        family = _FAMILIES.get(self._network[3:], socket.AF_UNSPEC)
        problem = OSError("the name has no address")
        for found in socket.getaddrinfo(host.strip("[]"), port, family, kind):
            try:
                return _open(found[0], kind, found[4])
            except OSError as error:
                problem = error
        raise problem


def _open(family: int, kind: int, address: object) -> socket.socket:
    connection = socket.socket(family, kind)
    try:
        connection.settimeout(_TIMEOUT_SECONDS)
        connection.connect(address)  # type: ignore[arg-type]  # a path or what getaddrinfo gave
    except OSError:
        connection.close()
        raise
    return connection


def _severity(level: int) -> int:
    """RFC 3164 section 4.1.1: debug, informational, warning, error; critical is an error too (spec 03 section 7.5)."""
    if level < logging.INFO:
        return 7
    if level < logging.WARNING:
        return 6
    return 4 if level < logging.ERROR else 3
