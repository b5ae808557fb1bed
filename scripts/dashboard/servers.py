"""What runs beside Prometheus: the render server, and an origin that answers slowly or with errors now and then."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from scripts.ports import free_port

WORKERS: Final = 4
QUEUE_SIZE: Final = 8
_START_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderServer:
    """A running server: its ports, and the process that supervises the others."""

    port: int
    metrics_port: int
    process: int

    def server_processes(self) -> list[int]:
        """The processes that render."""
        children = Path(f"/proc/{self.process}/task/{self.process}/children")
        return [int(child) for child in children.read_text(encoding="ascii").split()]


@contextlib.contextmanager
def render_server(samples: Path) -> Iterator[RenderServer]:
    """Runs `bildwerk serve` with two processes, few workers and a short queue."""
    port, metrics_port = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("IMGPROXY_", "BILDWERK_"))},
        "IMGPROXY_BIND": f"127.0.0.1:{port}",
        "IMGPROXY_PROMETHEUS_BIND": f"127.0.0.1:{metrics_port}",
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(samples),
        "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "true",
        "IMGPROXY_LOG_LEVEL": "error",
        "IMGPROXY_WORKERS": str(WORKERS),
        "IMGPROXY_REQUESTS_QUEUE_SIZE": str(QUEUE_SIZE),
        "IMGPROXY_TIMEOUT": "3",
        "BILDWERK_PROCESSES": "2",
    }
    command = [str(Path(sys.executable).parent / "bildwerk"), "serve"]
    # What it logs about the load's errors is no news here.
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603  ours
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            yield RenderServer(port=port, metrics_port=metrics_port, process=process.pid)
        finally:
            process.terminate()


@contextlib.contextmanager
def flaky_origin(samples: Path) -> Iterator[int]:
    """Serves the sample pictures over HTTP; gives the port."""
    handler: Any = partial(_Flaky, directory=str(samples))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class _Flaky(SimpleHTTPRequestHandler):
    """One answer in twenty is an error, every one takes up to 80 ms."""

    def do_GET(self) -> None:
        time.sleep(random.uniform(0.005, 0.08))  # noqa: S311  no secret
        if random.random() < 0.05:  # noqa: S311  no secret
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310  an http URL of ours
            return
        time.sleep(0.1)
    raise RuntimeError("the server does not start")
