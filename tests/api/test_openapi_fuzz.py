"""Whatever is asked, in the document's terms or against them, is answered as the document says."""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from api.openapi import document
from api.routes import ROUTES
from benchmarks.load.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server, writer
from scripts.ports import free_port
from tests.api.fuzzing import Target, fuzzed, narrowed, png
from tests.servers.process import started
from tests.servers.s3 import shared_s3

__all__ = ["shared_s3"]

SEED: Final = 6
EXAMPLES: Final = 80
LEAST_CASES: Final = 1000
BUCKET: Final = "fuzzed-originals"
TOKEN: Final = "a-token-for-fuzzing-0123456789abcdef"


class _Origin(BaseHTTPRequestHandler):
    """Answers with a picture, or with what is none."""

    answers: Final = {
        "/shoe.png": (200, png(30, 20, 99)),
        "/page.png": (200, b"<html></html>"),
        "/empty.png": (200, b""),
    }

    def do_GET(self) -> None:
        status, body = self.answers.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def origin() -> Iterator[str]:
    """The address of a server that pictures are fetched from."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Origin)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def api_under_test(store: S3Server, folder: Path) -> Iterator[str]:
    """The address of `bildwerk api` as a process of its own, over a bucket of a real S3 server."""
    with closing(writer(store)) as client:
        client.create_bucket(Bucket=BUCKET)
    port = free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "BILDWERK_BUCKET": BUCKET,
        "BILDWERK_S3_ENDPOINT": f"http://127.0.0.1:{store.port}",
        "BILDWERK_API_BIND": f"127.0.0.1:{port}",
        "BILDWERK_API_STATE": str(folder / "state"),
        "BILDWERK_API_TOKENS": json.dumps([{"name": "fuzzer", "token": TOKEN, "scopes": ["upload", "delete"]}]),
        "BILDWERK_UPLOAD_ALLOW_HTTP": "true",
        "BILDWERK_UPLOAD_ALLOW_ADDRESSES": "loopback",
    }
    with started([[sys.executable, "-m", "bildwerk.main", "api"]], [port], environment):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.timeout(300)  # half a minute on two idle cores
def test_every_answer_is_one_of_the_document(shared_s3: S3Server, tmp_path: Path) -> None:
    """No server error, no status, header or body that is not documented, nothing wrong that is taken for right."""
    with origin() as pictures, api_under_test(shared_s3, tmp_path) as address:
        target = Target(api=address, token=TOKEN, origin=pictures)
        names = ["shoe.png", "page.png", "empty.png", "missing.png"]
        asked = functools.partial(fuzzed, narrowed(document(), names), target, examples=EXAMPLES)
        known, invented = asked(seed=SEED), asked(seed=SEED + 1, remembers=False)

    assert known.failures + invented.failures == []
    statuses = known.statuses + invented.statuses
    assert statuses.total() >= LEAST_CASES
    assert {label for label, _ in statuses} == {f"{route.method} {route.resource.replace('+', '')}" for route in ROUTES}
    good = {label for label, status in statuses if 200 <= status < 300}
    assert len(good) >= len(ROUTES) - 1, "only the outcome of an upload has a number that nobody guesses"
