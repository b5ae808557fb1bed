"""A server starts with huge pages for malloc, unless somebody has decided otherwise."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bildwerk import allocator
from scripts.ports import free_port

HAS_HUGE_PAGES = allocator._are_of_use()


def environment_of_server(**variables: str) -> dict[str, str]:
    """The environment that a server runs in once it answers."""
    port = free_port()
    given = {name: text for name, text in os.environ.items() if name != allocator.VARIABLE}
    given |= {"IMGPROXY_BIND": f"127.0.0.1:{port}", "BILDWERK_PROCESSES": "1", **variables}
    process = subprocess.Popen([sys.executable, "-m", "bildwerk.main", "serve"], env=given, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        # glibc ends each tunable with a zero where the variable is kept.
        lines = Path(f"/proc/{process.pid}/environ").read_bytes().decode().replace("\0glibc.", ":glibc.").split("\0")
        return dict(line.split("=", 1) for line in lines if line)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the server did not start")


@pytest.mark.skipif(not HAS_HUGE_PAGES, reason="no glibc 2.35, or a kernel without huge pages")
def test_a_server_has_huge_pages() -> None:
    assert environment_of_server()[allocator.VARIABLE] == allocator.TUNABLES


def test_who_has_set_the_allocator_has_decided() -> None:
    assert environment_of_server(GLIBC_TUNABLES="glibc.malloc.check=0")[allocator.VARIABLE] == "glibc.malloc.check=0"
