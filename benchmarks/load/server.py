"""A server as a process of its own, on this machine only."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load import accounting
from scripts.ports import free_port

START_SECONDS: Final = 60.0
BILDWERK: Final = ("-m", "bildwerk.main")
_OWN: Final = ("IMGPROXY_", "BILDWERK_")


@dataclass(slots=True)
class RunningServer:
    """`bildwerk serve`, its port and its log."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def children(self) -> list[int]:
        """The ids of its server processes."""
        return accounting.children(self.process.pid)

    def send(self, number: signal.Signals) -> None:
        """Sends the supervisor a signal."""
        self.process.send_signal(number)

    def pss_bytes(self) -> int:
        """Its proportional set size: what it holds, with shared pages divided among those who share them."""
        return accounting.pss_bytes(accounting.tree(self.process.pid))

    def cpu_seconds(self) -> float:
        """Processor time of all its processes, those that have ended included."""
        return accounting.cpu_seconds(self.process.pid)

    def is_well(self, timeout: float = 5.0) -> bool:
        """Whether it answers its health check."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", "/health", headers={"Connection": "close"})
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def running_server(
    log: Path, variables: Mapping[str, str], program: Sequence[str] = BILDWERK
) -> Iterator[RunningServer]:
    """Starts a server with these variables; it is there when the block begins and gone when it ends.

    Args:
        log: the file for what it writes.
        variables: its settings, and whatever else its environment needs.
        program: what Python runs, for a server that is altered in some way.

    Raises:
        RuntimeError: it did not start.
    """
    port = free_port()
    environment = {name: text for name, text in os.environ.items() if not name.startswith(_OWN)}
    environment |= {"IMGPROXY_BIND": f"127.0.0.1:{port}", **variables}
    command = [sys.executable, *program, "serve"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603  our own command
    server = RunningServer(process=process, port=port, log=log)
    try:
        _wait_until_well(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_well(server: RunningServer) -> None:
    end = time.monotonic() + START_SECONDS
    while not server.is_well():
        if server.process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the server did not start:\n{server.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
