"""A small upload API for tests of its clients: the contract's routes over a dictionary, with troubles on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

TOKEN = "bw_test-0123456789abcdefghij"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(status: int, name: str, detail: str, **members: Any) -> web.Response:
    """RFC 9457."""
    document = {"type": f"urn:bildwerk:problem:{name}", "title": name, "status": status, "detail": detail, **members}
    return web.json_response(document, status=status, content_type="application/problem+json")


@dataclass
class UploadApi:
    """The API, and what came in.

    Attributes:
        images: bytes by their keys.
        requests: method and path of each, as they were sent.
        names: of files in forms.
        fetched: URLs.
        troubles: for a method and a path, what is done instead of the request, once each.
        refused: keys whose content is refused.
        most_at_once: requests under way.
    """

    images: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    troubles: dict[str, list[Answer]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    polls: Counter[str] = field(default_factory=Counter)
    max_bytes: int = 4_194_304
    at_once: int = 0
    most_at_once: int = 0

    def app(self) -> web.Application:
        """To be served."""

        @web.middleware
        async def watched(request: web.Request, handler: Answer) -> web.StreamResponse:
            return await self._watched(request, handler)

        app = web.Application(middlewares=[watched], client_max_size=2**28)
        app.add_routes(
            [
                web.post("/v1/images", self.post),
                web.put("/v1/images/{key:.+}", self.put),
                web.get("/v1/images/{key:.+}", self.get),
                web.delete("/v1/images/{key:.+}", self.delete),
                web.post("/v1/uploads", self.announce),
                web.get("/v1/uploads/{id}", self.status),
                web.post("/bucket", self.form),
            ]
        )
        return app

    async def _watched(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        name = f"{request.method} {request.raw_path}"
        self.requests.append(name)
        is_store = request.path == "/bucket"
        # The store is a stranger: it must never see the token.
        shown = request.headers.get("Authorization")
        if shown != (None if is_store else f"Bearer {TOKEN}"):
            return problem(401, "unauthorized", "There is no such token.")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if trouble := self.troubles.get(name):
                return await trouble.pop(0)(request)
            return await answer(request)
        finally:
            self.at_once -= 1

    def stored(self, key: str, data: bytes, *, is_purged: bool = False) -> dict[str, Any]:
        """What is told of a picture."""
        source_url = f"s3://bucket/{key}"
        return {
            "key": key,
            "bucket": "bucket",
            "source_url": source_url,
            "source_encoded": base64.urlsafe_b64encode(source_url.encode()).rstrip(b"=").decode(),
            "content_type": "image/png",
            "bytes": len(data),
            "width": 60,
            "height": 40,
            "frames": 1,
            "etag": '"e"',
            "sha256": hashlib.sha256(data).hexdigest(),
            "cache_tag": "o-" + hashlib.sha256(key.encode()).hexdigest()[:32],
            "last_modified": "2026-01-01T00:00:00Z",
            "uploaded_by": "test",
            "file_name": None,
            "purge": {"id": "purge-1", "state": "queued"} if is_purged else None,
        }

    def _take(self, key: str | None, data: bytes) -> web.Response:
        if key is None:
            digest = hashlib.sha256(data).hexdigest()
            key = f"{digest[:2]}/{digest}.png"
        if key in self.refused:
            return problem(422, "broken-image", self.refused[key])
        is_new = key not in self.images
        self.images[key] = data
        return web.json_response(self.stored(key, data), status=201 if is_new else 200)

    async def put(self, request: web.Request) -> web.Response:
        """`PUT /images/{key+}`."""
        data = await request.read()
        self.types.append(request.headers["Content-Type"])
        if len(data) > self.max_bytes:
            return problem(413, "too-large", "It is too large: /uploads.", uploads="/uploads")
        return self._take(_key(request), data)

    async def post(self, request: web.Request) -> web.Response:
        """`POST /images` with a form or a URL."""
        if request.content_type == "application/json":
            asked = await request.json()
            self.fetched.append(asked["url"])
            return self._take(asked.get("key"), b"from afar")
        fields = await request.post()
        file = fields["file"]
        assert isinstance(file, web.FileField)
        self.names.append(file.filename)
        return self._take(None, file.file.read())

    async def get(self, request: web.Request) -> web.Response:
        """`GET /images/{key+}`."""
        key = _key(request)
        if key not in self.images:
            return problem(404, "not-found", "There is no picture under this key.")
        return web.json_response(self.stored(key, self.images[key]))

    async def delete(self, request: web.Request) -> web.Response:
        """`DELETE /images/{key+}`."""
        key = _key(request)
        told = {"key": key, "cache_tag": "o-" + "0" * 32, "purge": {"id": "purge-2", "state": "queued"}}
        if self.images.pop(key, None) is None:
            return problem(404, "not-found", "There was none.", **told)
        return web.json_response(told, status=202)

    async def announce(self, request: web.Request) -> web.Response:
        """`POST /uploads`."""
        asked = await request.json()
        id = f"{len(self.tickets):032x}"
        self.tickets[id] = asked
        told = {
            "id": id,
            "url": f"http://{request.host}/bucket",
            "fields": {"key": f"incoming/{id}", "policy": "e30=", "x-amz-signature": "0" * 64},
            "key": asked.get("key"),
            "max_bytes": asked["bytes"],
            "expires_at": "2026-01-01T00:05:00Z",
            "status": f"/uploads/{id}",
        }
        return web.json_response(told, status=201)

    async def form(self, request: web.Request) -> web.Response:
        """The store's own form; like S3 it wants to know the length, and the file as the last field."""
        if request.content_length is None:
            return web.Response(status=411)
        parts = [(name, value) async for name, value in _parts(request)]
        names = [name for name, _ in parts]
        if names != ["key", "policy", "x-amz-signature", "file"]:
            return web.Response(status=403)
        ticket = self.tickets[parts[0][1].decode().removeprefix("incoming/")]
        if len(parts[-1][1]) != ticket["bytes"]:
            return web.Response(status=400)
        ticket["data"] = parts[-1][1]
        return web.Response(status=204)

    async def status(self, request: web.Request) -> web.Response:
        """`GET /uploads/{id}`: it takes a moment until a file has been inspected."""
        id = request.match_info["id"]
        self.polls[id] += 1
        told: dict[str, Any] = {"id": id, "state": "waiting"}
        ticket = self.tickets[id]
        if "data" in ticket and self.polls[id] > 1:
            answer = self._take(ticket.get("key"), ticket["data"])
            document = json.loads(answer.body or b"")  # type: ignore[arg-type]  # it is no payload here
            state, member = ("stored", "image") if answer.status < 300 else ("refused", "problem")
            told |= {"state": state, member: document}
        return web.json_response(told)


async def _parts(request: web.Request) -> Any:
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        yield part.name, await part.read()  # type: ignore[union-attr]  # no form within the form


def _key(request: web.Request) -> str:
    return unquote(request.raw_path.partition("/images/")[2].partition("?")[0])


def busy(retry_after: str = "0", status: int = 503) -> Answer:
    """Says that it has no time now."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = problem(status, "store-unavailable", "The store did not answer.")
        response.headers["Retry-After"] = retry_after
        return response

    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    """Ends the connection."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(0)
    return web.Response()
