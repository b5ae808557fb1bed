"""What tests of telemetry share: a receiver on a real socket, and a request that is observed from start to end."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from renderer.errors import BildwerkError
from renderer.settings.load import load_settings
from renderer.telemetry.monitors import tracing_monitors
from renderer.telemetry.observation import Monitor, Observation, Stage, Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request that a receiver got; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Receiver:
    """An HTTP server that answers everything with one status, and keeps what it got.

    `may_answer` is open at first; cleared, every answer waits for it.
    """

    url: str = ""
    status: int = 200
    body: bytes = b""
    got: queue.Queue[Received] = field(default_factory=queue.Queue)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def next(self, path: str = "") -> Received:
        """The next request to that path, or to any; others before it are passed over."""
        until = time.monotonic() + 20
        while True:
            received = self.got.get(timeout=max(0.01, until - time.monotonic()))
            if received.path.startswith(path):
                return received


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    found = Receiver()
    found.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            found.got.put(
                Received(
                    path=self.path, headers={name.lower(): value for name, value in self.headers.items()}, body=body
                )
            )
            found.may_answer.wait(30)
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        do_PUT = do_POST  # noqa: N815  the server's own names
        do_GET = do_POST  # noqa: N815

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                """The client of a test that is over may leave in the middle of an answer."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    found.may_answer.set()
    server.shutdown()
    server.server_close()
    thread.join()


HEADERS = {
    "host": "pictures.example:8080",
    "user-agent": "browser/1",
    "authorization": "Bearer secret-token",
    "cookie": "session=secret-cookie",
    "referer": "http://pages.example/",
}
OPTIONS = {"resize": {"width": 300, "enlarge": True}, "quality": 80, "gravity": {"type": "ce", "x": 0.5}}
SOURCE = "http://origin.example:81/a/b.jpg"


@pytest.fixture
def observe() -> Callable[..., Observation]:
    """Plays a processing request to monitors and returns what was seen of it, source headers under `notes`."""

    def play(
        monitors: Sequence[Monitor],
        *,
        error: BildwerkError | None = None,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
        stages: Sequence[Stage] = (Stage.QUEUE, Stage.DOWNLOAD, Stage.PROCESSING),
        is_understood: bool = True,
    ) -> Observation:
        seen = Observation(
            request_id="request-1",
            method="GET",
            target="/sig/rs:fit:300/plain/a",
            client_ip="203.0.113.7",
            headers={**HEADERS, **(headers or {})},
            peer=("127.0.0.1", 5555),
            server=("127.0.0.1", 8080),
            monitors=monitors,
        )
        seen.begin()
        if is_understood:
            seen.understood(SOURCE, OPTIONS)
        for stage in stages:
            with seen.stage(stage):
                if stage is Stage.DOWNLOAD:
                    seen.notes["source headers"] = seen.source_headers()
        if error is not None:
            seen.failed(error)
        seen.end(error.status if error else status, 1000)
        return seen

    return play


@pytest.fixture
def vitals() -> Callable[[], Vitals]:
    """Figures of a process, each another one."""
    return lambda: Vitals(
        workers=4,
        requests_in_progress=6,
        images_in_progress=3,
        queue_length=2,
        connections=9,
        source_bytes_in_flight=1024,
        vips_memory_bytes=2048,
        vips_max_memory_bytes=4096,
        vips_allocs=5,
    )


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Sets variables for the libraries that read the process environment, and returns them as a mapping."""

    def put(**variables: str) -> dict[str, str]:
        # 169.254.169.254 is no address that a test may ask.
        variables = {"AWS_EC2_METADATA_DISABLED": "true", **variables}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return variables

    return put


@pytest.fixture
def monitors_over_http(
    receiver: Receiver, environment: Callable[..., dict[str, str]], vitals: Callable[[], Vitals]
) -> Callable[..., list[Monitor]]:
    """Builds the monitors that speak OTLP over HTTP to the receiver, under further variables."""

    def build(otel: dict[str, str] | None = None, **variables: str) -> list[Monitor]:
        found = environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", **(otel or {})
        )
        settings = load_settings({"IMGPROXY_OPEN_TELEMETRY_ENABLE": "1", **variables})
        return tracing_monitors(settings, environment=found, vitals=vitals, version="1.2.3")

    return build
