"""What the tests of stores share: clients of a real S3 server, a bucket of it, and pictures' facts."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from api.settings import StoreSettings
from api.stores.aws import Clients
from api.stores.facts import Facts
from benchmarks.load.s3 import ACCESS_KEY, SECRET_KEY, S3Server

KEYS = [
    "a.jpg",
    "a b.jpg",
    "a  b.jpg",
    " leading and trailing ",
    "a+b.jpg",
    "100%.jpg",
    "a%20b.jpg",
    "a%2Fb.jpg",
    "quote'\"`.jpg",
    "a&b=c;d.jpg",
    "<a>.jpg",
    "x#y.jpg",
    "a:b@c,d!e$f(g)*[h].jpg",
    "back\\slash.jpg",
    "{a|b}^~.jpg",
    "Größe/übung.jpg",
    "日本/写真.jpg",
    "🐈‍⬛/🖼️.jpg",
    "deep/er/and/deep/er/a.jpg",
    ".hidden/.file",
    "dots.../a..b",
    "incoming.jpg",
    "-",
    "~",
    "a" * 255,
]
"""Every kind of character that a key may have, and names that mean something elsewhere."""


def facts_for(data: bytes, **changed: Any) -> Facts:
    """Facts of a picture with these bytes."""
    known: dict[str, Any] = {"format": "png", "width": 3, "height": 2, "frames": 1, "uploaded_by": "editor"}
    return Facts(sha256=hashlib.sha256(data).hexdigest(), **{**known, **changed})


@pytest.fixture(scope="session")
def clients(shared_s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """Clients of the shared server; made once, since each reads the SDK's models, which takes half a second."""
    nowhere = str(tmp_path_factory.mktemp("aws") / "none")
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        environment.setenv("AWS_CONFIG_FILE", nowhere)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
        environment.setenv("NO_PROXY", "127.0.0.1")
        made = Clients(StoreSettings(s3_endpoint=f"http://127.0.0.1:{shared_s3.port}"))
        # The client keeps the environment's credentials and proxies that it was made with.
        made.s3.list_buckets()
    yield made
    made.close()


@pytest.fixture
def store(clients: Clients) -> StoreSettings:
    """Settings of a store over an empty bucket of the shared server."""
    bucket = f"originals-{uuid.uuid4().hex}"
    clients.s3.create_bucket(Bucket=bucket)
    return StoreSettings(bucket=bucket)


@contextmanager
def canned(*answers: tuple[int, str]) -> Iterator[tuple[StoreSettings, list[str]]]:
    """A store that answers with a status and a code of S3's, one after the other, and which methods it was asked."""
    asked: list[str] = []
    left = list(answers)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(self.command)
            status, code = left.pop(0) if len(left) > 1 else left[0]
            body = f"<Error><Code>{code}</Code></Error>".encode() if code and self.command != "HEAD" else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"0123"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    for method in ("DELETE", "GET", "HEAD", "POST", "PUT"):
        setattr(Answers, f"do_{method}", Answers._answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield StoreSettings(bucket="bucket", s3_endpoint=f"http://127.0.0.1:{server.server_port}"), asked
        finally:
            server.shutdown()
            thread.join()
