"""Stores and queues in memory that keep the promises of the real ones, and can be told to fail."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyvips

from api.application import Api
from api.problems import PreconditionFailed, StoreUnavailable
from api.routes import ROUTES
from api.services import Services
from api.settings import ApiSettings, load_api_settings
from api.stores.facts import Facts
from api.stores.incoming import Arrived
from api.stores.originals import ANY, Condition, Original
from renderer.formats import NAMES
from tests.api.queued import ListQueue

BUCKET = "pictures"


@dataclass
class MemoryOriginals:
    """A bucket in a dictionary; `before` is called with the name of each method that is about to take effect."""

    objects: dict[str, tuple[bytes, Original]] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    before: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def source_url(self, key: str) -> str:
        """As a bucket's."""
        return f"s3://{BUCKET}/{key}"

    def head(self, key: str) -> Original | None:
        """What is there."""
        self._begin("head")
        found = self.objects.get(key)
        return found and found[1]

    def put(self, key: str, data: bytes, facts: Facts, condition: Condition = ANY) -> Original:
        """Writes at once, under a lock."""
        self._begin("put")
        with self.lock:
            there = self.objects.get(key)
            if condition.is_absent and there is not None:
                raise PreconditionFailed("there is one")
            if condition.etag is not None and (there is None or there[1].etag != condition.etag):
                raise PreconditionFailed("it is another one")
            original = Original(
                key=key,
                size=len(data),
                content_type=NAMES[facts.format].mime,
                etag=f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"',
                modified_at=1_795_000_000.0,
                facts=facts,
            )
            self.objects[key] = data, original
            return original

    def delete(self, key: str, *, all_versions: bool = False) -> bool:  # noqa: ARG002  it has no versions
        """Takes it away."""
        self._begin("delete")
        return self.objects.pop(key, None) is not None

    def _begin(self, method: str) -> None:
        if method in self.fails:
            raise StoreUnavailable("The store does not answer.")
        if self.before is not None:
            self.before(method)


@dataclass
class MemoryIncoming:
    """Places for large files: what is put into `files` has arrived."""

    files: dict[str, Arrived] = field(default_factory=dict)
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: dict[str, bytes] = field(default_factory=dict)

    def presign(
        self, id: str, *, content_type: str, size: int, metadata: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Notes what the form binds."""
        self.tickets[id] = {"content_type": content_type, "size": size, "metadata": dict(metadata)}
        return "https://store.example/", {"key": f"incoming/{id}/file"}

    def arrive(self, id: str, data: bytes) -> dict[str, Any]:
        """Puts a file into its place; gives the event that S3 sends."""
        ticket = self.tickets[id]
        self.files[id] = Arrived(
            data=data, metadata=ticket["metadata"], content_type=ticket["content_type"], etag='"e"'
        )
        return {"Records": [{"s3": {"object": {"key": f"incoming/{id}/file"}}}]}

    def id_of(self, key: str) -> str | None:
        """The middle of the key."""
        return key.split("/")[1] if key.endswith("/file") else None

    def read(self, id: str) -> Arrived | None:
        """What is there."""
        return self.files.get(id)

    def remove(self, id: str) -> None:
        """Takes it away."""
        self.files.pop(id, None)

    def write_outcome(self, id: str, document: bytes) -> None:
        """Writes it down."""
        self.outcomes[id] = document

    def read_outcome(self, id: str) -> bytes | None:
        """What is written down."""
        return self.outcomes.get(id)


def settings(**variables: str) -> ApiSettings:
    """Settings over a bucket."""
    return load_api_settings({"BILDWERK_BUCKET": BUCKET, **variables})


@dataclass
class Application:
    """The functions over stores in memory, asked as API Gateway asks them."""

    originals: MemoryOriginals = field(default_factory=MemoryOriginals)
    queue: ListQueue = field(default_factory=ListQueue)
    settings: ApiSettings = field(default_factory=settings)
    further: dict[str, Any] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        """The functions."""
        return Api(Services(settings=self.settings, originals=self.originals, queue=self.queue, **self.further))

    def ask(self, method: str, path: str, body: bytes | str | None = None, **more: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer; see `proxied` for what else may be given."""
        answer = self.answer(method, path, body, **more)
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    def answer(self, method: str, path: str, body: bytes | str | None = None, **more: Any) -> dict[str, Any]:
        """The function's whole answer."""
        event = proxied(method, path, body, **more)
        function = next(
            (route.function for route in ROUTES if (route.method, route.resource) == (method, event["resource"])),
            "read",
        )
        found: dict[str, Any] = getattr(self.api, function)(event, None)
        return found


def proxied(
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    token: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A REST proxy event.

    Args:
        method: of the request.
        path: percent-encoded.
        body: bytes come in base64, text as it is.
        headers: by name.
        query: decoded.
        token: what the authorizer has said of it; by default one that may do everything.
    """
    resource = path if path in ("/images", "/uploads", "/openapi.json") else f"/{path.split('/')[1]}/{{key+}}"
    return {
        "httpMethod": method,
        "path": path,
        "resource": "/uploads/{id}" if resource == "/uploads/{key+}" else resource,
        "headers": dict(headers or {}),
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
        "queryStringParameters": dict(query) if query else None,
        "requestContext": {
            "authorizer": _context(token or {"token": "tests", "scopes": "upload,delete", "prefix": ""})
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }


def _context(token: Mapping[str, str]) -> dict[str, str]:
    """What the authorizer says of a token; none of its texts is empty."""
    marks = {"prefix": "=", "scopes": "read,"}
    return {name: marks.get(name, "") + text for name, text in token.items()}


def picture(format: str = "png", *, width: int = 40, height: int = 30, shade: int = 7) -> bytes:
    """A picture with some content."""
    image = pyvips.Image.xyz(width, height).bandjoin(shade).cast("uchar").copy(interpretation="srgb")
    return bytes(image.write_to_buffer(f".{format}"))


@contextmanager
def nothing_stored(application: Application) -> Iterator[None]:
    """Nothing is written or ordered while the block runs."""
    before = dict(application.originals.objects), list(application.queue.sent)
    yield
    assert (application.originals.objects, application.queue.sent) == before
