"""Walks through a running demonstration as a person would: of each step it says whether it has shown what it should."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from scripts.demo.page import Shown
from scripts.demo.setup import Setup
from scripts.demo.store import media_type

PATIENCE_SECONDS: Final = 15.0
"""For what other processes are about to do: the queue of purges, Prometheus' next look."""

_POLL_SECONDS: Final = 0.1
_KEY: Final = "demo/check.jpg"
_OPTIONS: Final = "rs:fit:320:320"
_ACCEPTS: Final = {"image/avif": "image/avif,image/webp,image/apng,*/*;q=0.8", "image/webp": "image/webp,*/*"}


class NotShown(Exception):
    """A step has not shown what it should; the text says what was seen instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.headers.get('Content-Type')}, X-Cache: {self.headers.get('X-Cache')}"


class Check:
    """One walk.

    Args:
        shown: what the page tells of.
        client: asks everybody.
    """

    def __init__(self, shown: Shown, client: aiohttp.ClientSession) -> None:
        self._shown = shown
        self._setup: Setup = shown.setup
        self._client = client

    async def walk(self) -> None:
        """Every step, each told when it is done.

        Raises:
            NotShown: one went wrong.
        """
        await self._refused()
        _tell("a picture with a wrong signature is refused, and so is an upload without the token")
        tag = await self._uploaded()
        _tell(f"{self._shown.uploaded().name} is uploaded, its tag is {tag}")
        for media_type_, accept in _ACCEPTS.items():
            first, second = await self._kept(accept, media_type_, tag)
            _tell(f"{media_type_}: first {first.headers['X-Cache']}, then {second.headers['X-Cache']}")
        await self._deleted(tag)
        for media_type_, accept in _ACCEPTS.items():
            seconds = await self._gone(accept)
            _tell(f"{media_type_}: 404 through the CDN {seconds:.1f} s after its deletion")
        if self._shown.has_prometheus:
            _tell(f"Prometheus has counted {await self._counted():.0f} requests")
        else:
            print("left out: Prometheus, which is not here", flush=True)

    async def _refused(self) -> None:
        signature = self._setup.picture(_OPTIONS, _KEY).split("/")[3]
        url = self._setup.picture(_OPTIONS, _KEY).replace(signature, signature[::-1])
        _expect(403, await self._ask("GET", url), "a wrong signature")
        _expect(401, await self._ask("PUT", self._image(), body=b"-"), "an upload without the token")

    async def _uploaded(self) -> str:
        picture = self._shown.uploaded()
        headers = {**self._bearer(), "Content-Type": media_type(picture)}
        reply = await self._ask("PUT", self._image(), headers, await asyncio.to_thread(picture.read_bytes))
        if reply.status not in (200, 201):
            raise NotShown(f"the upload was answered {reply}: {reply.body[:500]!r}")
        return str(_json(reply)["cache_tag"])

    async def _kept(self, accept: str, media_type_: str, tag: str) -> tuple[_Reply, _Reply]:
        """The first answer, which the renderer gave, and the first that the CDN had kept.

        The purge of the upload itself may come between the two, and then there are some of the renderer's.
        """
        first = await self._picture(accept)
        if (first.headers.get("X-Cache"), first.headers.get("Content-Type")) != ("Miss from demo", media_type_):
            raise NotShown(f"the first answer was {first}")
        if tag not in first.headers.get("Cache-Tag", ""):
            raise NotShown(f"the picture does not have the tag {tag}: {first.headers.get('Cache-Tag')}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (again := await self._picture(accept)).headers.get("X-Cache") != "Hit from demo":
            await _wait(deadline, f"the CDN keeps nothing: {again}")
        if again.body != first.body or "Age" not in again.headers:
            raise NotShown(f"what the CDN has kept is another answer: {again}")
        return first, again

    async def _deleted(self, tag: str) -> None:
        reply = await self._ask("DELETE", self._image(), self._bearer())
        if reply.status != 202 or _json(reply)["cache_tag"] != tag:
            raise NotShown(f"the deletion was answered {reply}: {reply.body[:500]!r}")

    async def _gone(self, accept: str) -> float:
        """After how many seconds the CDN has no picture any more."""
        began = time.monotonic()
        while (reply := await self._picture(accept)).status != 404:
            await _wait(began + PATIENCE_SECONDS, f"the CDN still has the picture: {reply}")
        return time.monotonic() - began

    async def _counted(self) -> float:
        deadline = time.monotonic() + PATIENCE_SECONDS
        url = self._setup.url("prometheus", "/api/v1/query?query=sum(requests_total)")
        while True:
            answer = _json(await self._ask("GET", url))
            if (found := answer["data"]["result"]) and (count := float(found[0]["value"][1])) > 0:
                return count
            await _wait(deadline, f"Prometheus has no request: {answer}")

    async def _picture(self, accept: str) -> _Reply:
        reply = await self._ask("GET", self._setup.picture(_OPTIONS, _KEY), {"Accept": accept})
        if reply.status not in (200, 404):
            raise NotShown(f"the picture was answered {reply}: {reply.body[:500]!r}")
        return reply

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> _Reply:
        async with self._client.request(method, url, headers=headers, data=body) as response:
            return _Reply(status=response.status, headers=response.headers, body=await response.read())

    def _image(self) -> str:
        return self._setup.url("api", f"/images/{_KEY}")

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._setup.token}"}


async def checked(shown: Shown) -> bool:
    """Whether the whole walk has gone well."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as client:
            await Check(shown, client).walk()
    except (NotShown, aiohttp.ClientError, TimeoutError) as error:
        print(f"FAIL  {str(error) or type(error).__name__}", flush=True)
        return False
    return True


async def _wait(deadline: float, otherwise: str) -> None:
    if time.monotonic() > deadline:
        raise NotShown(f"{otherwise}, {PATIENCE_SECONDS:.0f} s long")
    await asyncio.sleep(_POLL_SECONDS)


def _expect(status: int, reply: _Reply, what: str) -> None:
    if reply.status != status:
        raise NotShown(f"{what} was answered {reply}, not {status}")


def _json(reply: _Reply) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(reply.body)
    return found


def _tell(text: str) -> None:
    print(f"ok    {text}", flush=True)
