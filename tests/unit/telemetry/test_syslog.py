"""Lines reach a syslog server that listens on a real socket."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.errors import ConfigurationError
from renderer.settings.load import load_settings
from renderer.settings.monitoring import LogSettings
from renderer.telemetry.log_writer import Line
from renderer.telemetry.syslog import SyslogSink

LOCAL = re.compile(r"<(\d+)>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d pictures\[(\d+)\]: (.*)\n")
REMOTE = re.compile(r"<(\d+)>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \S+ pictures\[(\d+)\]: (.*)\n")


def settings(network: str, address: str) -> LogSettings:
    """Settings that send everything to an address."""
    return LogSettings(syslog_enabled=True, syslog_network=network, syslog_address=address, syslog_tag="pictures")


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    """A server for datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        yield server


def test_a_udp_server_gets_a_message_for_each_line(udp: socket.socket) -> None:
    """Severity by level (critical counts as an error), a host, and no line end inside a message."""
    host, port = udp.getsockname()
    send = SyslogSink(settings("udp", f"{host}:{port}"))
    levels = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
    send.write([Line(level, f"text ä\n{level}") for level in levels])
    send.close()

    received = [REMOTE.fullmatch(udp.recv(1000).decode()) for _ in levels]
    assert [(found[1], int(found[2]), found[3]) for found in received if found] == [
        (str(8 + severity), os.getpid(), f"text ä#012{level}")
        for severity, level in zip((7, 6, 4, 3, 3), levels, strict=True)
    ]


@pytest.mark.parametrize("network", ["", "unixgram"])
def test_a_local_socket_gets_the_older_form(tmp_path: Path, network: str) -> None:
    """RFC 3164 without a host, as the machine's own syslog expects it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        send = SyslogSink(settings(network, str(tmp_path / "log")))
        send.write([Line(logging.INFO, "hello")])
        send.close()

        found = LOCAL.fullmatch(server.recv(1000).decode())
    assert found is not None
    assert (found[1], found[3]) == ("14", "hello")


def test_a_tcp_server_that_comes_back_is_connected_to_again() -> None:
    """What is sent while nobody listens is lost with an OSError, which the writer counts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        send = SyslogSink(settings("tcp", f"127.0.0.1:{port}"))
        first, _ = server.accept()
        send.write([Line(logging.INFO, "one")])
        assert first.recv(1000).endswith(b"one\n")
        first.close()
    send.write([Line(logging.INFO, "lost")])  # the system takes these bytes before it learns that nobody reads
    with pytest.raises(OSError, match="refused"):
        send.write([Line(logging.INFO, "lost, and known to be")])
    with socket.create_server(("127.0.0.1", port)) as server:
        send.write([Line(logging.INFO, "two")])
        second, _ = server.accept()
        with second:
            assert second.recv(1000).endswith(b"two\n")
    send.close()


@pytest.mark.parametrize(
    ("network", "address"), [("unix", "/nonexistent/log"), ("tcp", "127.0.0.1:1"), ("udp", "nowhere.invalid:514")]
)
def test_a_server_that_is_not_there_stops_the_start(network: str, address: str) -> None:
    """The message names the variable."""
    with pytest.raises(ConfigurationError, match="IMGPROXY_SYSLOG_ADDRESS"):
        SyslogSink(settings(network, address))


def test_a_network_needs_an_address() -> None:
    """Seen when settings are read, like every other bad setting."""
    with pytest.raises(ConfigurationError, match="IMGPROXY_SYSLOG_ADDRESS"):
        load_settings({"IMGPROXY_SYSLOG_ENABLE": "true", "IMGPROXY_SYSLOG_NETWORK": "udp"})
