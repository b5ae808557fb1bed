"""A caching proxy that stands in for CloudFront in a demonstration, and shows what cache tags do. It is no CDN.

    python -m scripts.demo.cdn --port 8080 --api-port 8085 --origin http://127.0.0.1:8082 --distribution EDEMO

It keeps answers in memory by path and canonical Accept, asks the renderer once where many ask for the same (as Origin
Shield does), and drops by tag what `CreateInvalidation` names on a port of its own, at once instead of within seconds.
Signatures of such requests are not checked: both ports are this machine's only.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, MultiMapping
from yarl import URL

from renderer.flights import Flights
from scripts.demo.invalidation import BadInvalidation, Invalidation, made_text, read_invalidation, refusal_text
from scripts.demo.kept import Answer, Kept, Key, canonical_accept, seconds_to_keep, tags_of

ORIGIN_SECONDS: Final = 35.0
"""As in compose/nginx.conf: more than the renderer takes."""

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
MOST_REQUESTS: Final = 128
"""That wait for the renderer at the same time; more are told to come again."""

_MOST_REFERENCES: Final = 1000
_HOP_BY_HOP: Final = frozenset(
    ("connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "x-cache")
)
"""And what this server writes itself."""


class Cdn:
    """One distribution.

    Args:
        origin: URL of the renderer.
        client: asks it.
        kept: the answers.
        distribution: its id.
    """

    def __init__(self, origin: str, client: aiohttp.ClientSession, kept: Kept, *, distribution: str) -> None:
        self._origin = origin
        self._client = client
        self._kept = kept
        self._path = f"/2020-05-31/distribution/{distribution}/invalidation"
        self._flights: Flights[Answer] = Flights()
        self.waiting = 0
        """Requests that wait for the renderer."""
        self._made: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._invalidations = 0

    async def picture(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a viewer."""
        path = request.raw_path.partition("?")[0]  # the query is no part of the key, and is not passed on
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "This CDN passes on GET and HEAD.", {"Allow": "GET, HEAD"})
        if not path.startswith("/"):
            return _plain(400, "The target has to be a path.")
        key = (path, canonical_accept(request.headers.get("Accept", "")))
        if (answer := self._kept.get(key, time.monotonic())) is not None:
            return _given(request, answer, "Hit from demo")
        if self.waiting >= MOST_REQUESTS:
            return _plain(503, "Too many requests wait for the renderer.", {"Retry-After": "1"})
        self.waiting += 1
        try:
            answer = await self._fetched(key)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return _plain(502, f"The renderer does not answer: {type(error).__name__}.")
        finally:
            self.waiting -= 1
        return _given(request, answer, "Miss from demo")

    async def invalidate(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer of CloudFront's own API."""
        if request.method != "POST" or request.path != self._path:
            return _xml(404, refusal_text("NoSuchDistribution", "There is one distribution, and one thing to do."))
        if not request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            # Which keeps web pages out: a browser asks before it sends this header elsewhere, and is not answered.
            return _xml(403, refusal_text("MissingAuthenticationToken", "The request is not signed."))
        try:
            wanted = read_invalidation(await request.read())
        except BadInvalidation as error:
            return _xml(400, refusal_text("InvalidArgument", str(error)))
        id, at = self._made.get(wanted.reference) or self._dropped(wanted)
        return _xml(201, made_text(id, wanted, at), {"Location": f"{self._path}/{id}"})

    async def _fetched(self, key: Key) -> Answer:
        """The renderer's answer. Whoever asks after an invalidation is not given what was asked for before it."""
        begun = self._invalidations
        until = asyncio.get_running_loop().time() + ORIGIN_SECONDS
        answer, is_maker = await self._flights.shared((key, begun), lambda: self._asked(key), until)
        # It may have been made of a picture that is gone meanwhile.
        if is_maker and begun == self._invalidations:
            self._kept.put(key, answer)
        return answer

    async def _asked(self, key: Key) -> Answer:
        path, accept = key
        url = URL(f"{self._origin}{path}", encoded=True)
        async with self._client.get(url, headers={"Accept": accept}, allow_redirects=False) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise ValueError(f"more than {MAX_BODY_BYTES:,} bytes")
            return Answer(
                status=response.status,
                headers=_without(response.headers, _HOP_BY_HOP),
                body=bytes(body),
                tags=tags_of(response.headers.get("Cache-Tag", "")),
                seconds=seconds_to_keep(response.status, response.headers.get("Cache-Control", "")),
                at=time.monotonic(),
            )

    def _dropped(self, wanted: Invalidation) -> tuple[str, str]:
        """The id of a new invalidation, and when it was made."""
        self._invalidations += 1
        count = self._kept.drop_tagged(wanted.tags)
        made = f"I{self._invalidations:013}", datetime.now(UTC).isoformat(timespec="seconds")
        self._made[wanted.reference] = made
        if len(self._made) > _MOST_REFERENCES:
            self._made.popitem(last=False)
        named = ", ".join(f"#{tag}" for tag in wanted.tags[:3]) + (", ..." if len(wanted.tags) > 3 else "")
        print(f"cdn: invalidation of {named}, kept answers dropped: {count}", flush=True)
        return made


def _given(request: web.BaseRequest, answer: Answer, state: str) -> web.StreamResponse:
    headers, etag = CIMultiDict(answer.headers), answer.headers.get("ETag")
    headers["X-Cache"] = state
    if state.startswith("Hit"):
        headers["Age"] = str(int(time.monotonic() - answer.at))
    if etag is not None and answer.status == 200 and request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=_without(headers, frozenset(("content-type", "content-disposition"))))
    return web.Response(status=answer.status, headers=headers, body=answer.body)


def _without(headers: MultiMapping[str], names: frozenset[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in names)


def _plain(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers={**(headers or {}), "X-Cache": "Error from demo"})


def _xml(status: int, text: bytes, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=text, content_type="text/xml", headers=headers)


async def _serve(chosen: argparse.Namespace) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with origin_client() as client:
        cdn = Cdn(chosen.origin, client, Kept(), distribution=chosen.distribution)
        runners = []
        for handler, port in ((cdn.picture, chosen.port), (cdn.invalidate, chosen.api_port)):
            runner = web.ServerRunner(web.Server(handler, access_log=None))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port, shutdown_timeout=2).start()
            runners.append(runner)
        await ending.wait()
        for runner in runners:
            await runner.cleanup()


def origin_client() -> aiohttp.ClientSession:
    """What the renderer is asked with: bytes as they come, nothing added, no cookies."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=ORIGIN_SECONDS),
        connector=aiohttp.TCPConnector(limit=MOST_REQUESTS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding", "User-Agent"),
    )


def main() -> int:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo.cdn", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="for viewers")
    parser.add_argument("--api-port", type=int, required=True, help="for CreateInvalidation")
    parser.add_argument("--origin", required=True, help="the renderer's URL")
    parser.add_argument("--distribution", required=True, help="the id that invalidations name")
    asyncio.run(_serve(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
