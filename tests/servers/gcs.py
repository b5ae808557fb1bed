"""fake-gcs-server, a server of Google Cloud Storage's APIs, with its objects in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scripts import servers
from scripts.ports import free_port
from tests.servers.process import asked, executable, started


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeGcs:
    """A running server."""

    port: int

    @property
    def endpoint(self) -> str:
        """What `IMGPROXY_GCS_ENDPOINT` is set to."""
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, name: str) -> None:
        """A bucket that keeps generations."""
        self._post("/storage/v1/b?project=tests", {"name": name, "versioning": {"enabled": True}})

    def put(self, bucket: str, key: str, body: bytes, **metadata: str) -> dict[str, Any]:
        """Stores an object; `metadata` are members of its resource. The answer is that resource."""
        resource = json.dumps({"name": key, **metadata}).encode()
        parts = [
            *(b"--frontier", b"Content-Type: application/json", b"", resource),
            *(b"--frontier", b"Content-Type: " + metadata.get("contentType", "image/jpeg").encode(), b"", body),
            b"--frontier--",
        ]
        return self._post(
            f"/upload/storage/v1/b/{quote(bucket)}/o?uploadType=multipart",
            b"\r\n".join(parts),
            "multipart/related; boundary=frontier",
        )

    def _post(self, path: str, body: object, content_type: str = "application/json") -> dict[str, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        resource: dict[str, Any] = json.loads(asked("POST", self.port, path, data, {"Content-Type": content_type})[1])
        return resource


@contextmanager
def running() -> Iterator[FakeGcs]:
    """A started server without buckets."""
    port = free_port()
    options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-public-host", "127.0.0.1"]
    with started([[str(executable(servers.FAKE_GCS)), *options, "-backend", "memory", "-log-level", "error"]], [port]):
        yield FakeGcs(port=port)
