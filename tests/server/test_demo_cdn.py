"""The demonstration's stand-in for CloudFront: keeps by path and canonical Accept, asks once, drops by tag."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import boto3  # type: ignore[import-untyped]  # the SDK has no types
import pytest
from aiohttp import web
from multidict import CIMultiDict

from api.purges.invalidations import Invalidations
from scripts.demo import cdn as module
from scripts.demo.cdn import Cdn, origin_client
from scripts.demo.kept import Answer, Kept, canonical_accept, seconds_to_keep, tags_of
from scripts.ports import free_port
from tests.servers.web import serving

LONG = "max-age=0, s-maxage=31536000, public"
CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"


@dataclass
class Renderer:
    """What the CDN asks: notes down what came, and answers each path with a body, a status and a tag of its own."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    cache_control: str = LONG
    body: bytes = b"picture"
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        """The answer, once `goes_on` is set."""
        self.asked.append((request.raw_path, request.headers["Accept"]))
        body = self.body
        await self.goes_on.wait()
        headers = {"Cache-Control": self.cache_control, "ETag": '"1"', "Cache-Tag": f"o-{request.path[1:]},V-1"}
        return web.Response(status=self.status, body=body, headers={**headers, "X-Cache": "miss"})


@dataclass
class Place:
    """A CDN before a renderer."""

    cdn: Cdn
    renderer: Renderer
    viewers: int
    api: int
    client: aiohttp.ClientSession

    async def get(self, path: str, accept: str = "*/*", method: str = "GET", **headers: str) -> tuple[int, str, bytes]:
        """Status, X-Cache and body of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Accept": accept}
        url = f"http://127.0.0.1:{self.viewers}{path}"
        async with self.client.request(method, url, headers=named) as response:
            if response.headers["X-Cache"].startswith("Hit"):
                assert int(response.headers["Age"]) >= 0
            return response.status, response.headers["X-Cache"], await response.read()

    async def drop(self, *tags: str, reference: str = "") -> str:
        """The id of an invalidation, made by what the API makes them with."""
        cloudfront = boto3.client(
            "cloudfront",
            endpoint_url=f"http://127.0.0.1:{self.api}",
            region_name="us-east-1",
            aws_access_key_id="demo",
            aws_secret_access_key="demo",
        )
        made = Invalidations(cloudfront, "EDEMO").invalidate
        return await asyncio.to_thread(made, tags, reference or f"{tags}")


@asynccontextmanager
async def running(kept: Kept | None = None) -> AsyncIterator[Place]:
    """A CDN on sockets, with a renderer that answers at once."""
    renderer = Renderer()
    renderer.goes_on.set()
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(renderer.answer))
        client = await stack.enter_async_context(origin_client())
        cdn = Cdn(f"http://127.0.0.1:{origin}", client, kept or Kept(), distribution="EDEMO")
        ports = []
        for handler in (cdn.picture, cdn.invalidate):
            runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            ports.append(runner.addresses[0][1])
        viewer = await stack.enter_async_context(aiohttp.ClientSession())
        yield Place(cdn, renderer, viewers=ports[0], api=ports[1], client=viewer)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  what holds is told by no Event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("status", "cache_control", "seconds"),
    [
        (200, LONG, 31536000),
        (200, "max-age=60, public", 60),
        (200, "S-MaxAge=5, max-age=60", 5),
        (200, 's-maxage="7"', 7),
        (200, "max-age=60, s-maxage=0", 0),
        (200, "no-cache", 0),
        (200, "private, max-age=60", 0),
        (200, "no-store, s-maxage=60", 0),
        (200, "max-age=-1", 0),
        (200, "", 0),
        (404, "", 10),
        (404, "max-age=3", 3),
        (403, "max-age=60", 0),
        (429, "max-age=60", 0),
        (500, "s-maxage=60", 0),
    ],
)
def test_how_long_an_answer_is_kept(status: int, cache_control: str, seconds: int) -> None:
    assert seconds_to_keep(status, cache_control) == seconds


@pytest.mark.parametrize(
    ("accept", "canonical"),
    [
        (CHROME, "image/avif,image/webp,*/*"),
        (FIREFOX, "image/avif,image/webp,*/*"),
        ("image/webp,image/avif,image/jxl,video/*;q=0.8", "image/avif,image/webp,*/*"),
        ("image/webp;q=0", "image/webp,*/*"),
        ("image/avif", "image/avif,*/*"),
        ("Image/WebP,*/*", "*/*"),
        ("text/html", "*/*"),
        ("", "*/*"),
        ("x" * 8192, "*/*"),
    ],
)
def test_browsers_are_told_apart_by_what_they_show(accept: str, canonical: str) -> None:
    assert canonical_accept(accept) == canonical
    assert canonical_accept(canonical) == canonical


def test_what_was_used_longest_ago_makes_room() -> None:
    def answer(size: int) -> Answer:
        return Answer(status=200, headers=CIMultiDict(), body=bytes(size), tags=frozenset(), seconds=10, at=0.0)

    kept = Kept(max_bytes=3 * answer(1000).size)
    for name in "abc":
        kept.put((name, ""), answer(1000))
    assert kept.get(("a", ""), 1.0) is not None
    kept.put(("d", ""), answer(1000))
    kept.put(("huge", ""), answer(100_000))
    kept.put(("d", ""), answer(500))

    assert [name for name in ("a", "b", "c", "d", "huge") if kept.get((name, ""), 9.9)] == ["a", "c", "d"]
    assert kept.bytes == 2 * answer(1000).size + answer(500).size
    assert [name for name in "acd" if kept.get((name, ""), 10.0)] == []
    assert (len(kept), kept.bytes) == (0, 0)


def test_tags_are_compared_without_case() -> None:
    assert tags_of(" o-AB, v-1,,") == {"o-ab", "v-1"}


async def test_a_picture_is_asked_for_once_by_path_and_kind_of_browser() -> None:
    async with running() as place:
        answers = [
            await place.get("/a/plain/s3://b/caf%C3%A9", CHROME),
            await place.get("/a/plain/s3://b/caf%C3%A9?utm=1", FIREFOX),
            await place.get("/a/plain/s3://b/caf%C3%A9", "image/webp"),
            await place.get("/a/plain/s3://b/caf%C3%A9", CHROME, "HEAD"),
            await place.get("/a/plain/s3://b/caf%C3%A9", CHROME, If_None_Match='"1"'),
            await place.get("/a/plain/s3://b/caf%C3%A9", CHROME, If_None_Match='"2"'),
        ]
        refused = await place.get("/a/plain/s3://b/caf%C3%A9", CHROME, "POST")

    assert answers == [
        (200, "Miss from demo", b"picture"),
        (200, "Hit from demo", b"picture"),
        (200, "Miss from demo", b"picture"),
        (200, "Hit from demo", b""),
        (304, "Hit from demo", b""),
        (200, "Hit from demo", b"picture"),
    ]
    assert refused[0] == 405
    assert place.renderer.asked == [
        ("/a/plain/s3://b/caf%C3%A9", "image/avif,image/webp,*/*"),
        ("/a/plain/s3://b/caf%C3%A9", "image/webp,*/*"),
    ]


async def test_many_who_ask_at_once_are_answered_by_one_request() -> None:
    async with running() as place:
        place.renderer.goes_on.clear()
        asking = [asyncio.create_task(place.get("/a", CHROME)) for _ in range(20)]
        await until(lambda: place.cdn.waiting == 20)
        place.renderer.goes_on.set()
        answers = await asyncio.gather(*asking)

    assert {status for status, *_ in answers} == {200}
    assert len(place.renderer.asked) == 1


async def test_an_invalidation_drops_a_picture_in_every_format_and_no_other() -> None:
    async with running() as place:
        for path, accept in (("/a", CHROME), ("/a", "image/webp"), ("/b", CHROME)):
            await place.get(path, accept)
        first = await place.drop("o-A", reference="once")
        states = [(await place.get(path, accept))[1] for path, accept in (("/a", CHROME), ("/a", "image/webp"))]
        other = await place.get("/b", CHROME)
        again = await place.drop("o-A", reference="once")
        still = await place.get("/a", CHROME)
        another = await place.drop("v-1")
        after = await place.get("/b", CHROME)

    assert states == ["Miss from demo"] * 2
    assert other[1] == "Hit from demo"
    assert (again, still[1]) == (first, "Hit from demo"), "a reference that comes again makes no invalidation"
    assert another != first
    assert after[1] == "Miss from demo", "the tag of all pictures"


async def test_what_was_asked_for_before_an_invalidation_is_not_kept_after_it() -> None:
    async with running() as place:
        place.renderer.goes_on.clear()
        before = asyncio.create_task(place.get("/a"))
        await until(lambda: len(place.renderer.asked) == 1)
        await place.drop("o-a")
        place.renderer.goes_on.set()
        await before
        after = await place.get("/a")

    assert after[1] == "Miss from demo"


async def test_what_was_asked_for_before_an_invalidation_is_given_to_nobody_who_asks_after_it() -> None:
    async with running() as place:
        place.renderer.goes_on.clear()
        before = asyncio.create_task(place.get("/a"))
        await until(lambda: len(place.renderer.asked) == 1)
        place.renderer.body = b"another"
        await place.drop("o-a")
        after = asyncio.create_task(place.get("/a"))
        await until(lambda: len(place.renderer.asked) == 2)
        place.renderer.goes_on.set()
        bodies = (await before)[2], (await after)[2]
        kept = await place.get("/a")

    assert bodies == (b"picture", b"another")
    assert kept == (200, "Hit from demo", b"another")


@pytest.mark.parametrize(
    ("status", "state"), [(404, "Hit from demo"), (403, "Miss from demo"), (503, "Miss from demo")]
)
async def test_errors_are_passed_on_and_only_a_404_is_kept(status: int, state: str) -> None:
    """Under its tag, so that an upload makes it go."""
    async with running() as place:
        place.renderer.status, place.renderer.cache_control = status, ""
        await place.get("/a")
        second = await place.get("/a")
        await place.drop("o-a")
        third = await place.get("/a")

    assert second[:2] == (status, state)
    assert third[:2] == (status, "Miss from demo")


async def test_a_renderer_that_is_away_or_endless_is_an_error_of_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 3)
    async with running() as place, origin_client() as client:
        endless = await place.get("/a")
        alone = Cdn(f"http://127.0.0.1:{free_port()}", client, Kept(), distribution="EDEMO")
        async with serving(alone.picture) as port:
            place.viewers = port
            away = await place.get("/a")

    assert (endless[0], away[0]) == (502, 502)


GOOD = (
    b'<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Paths><Quantity>1</Quantity><Items>'
    b"<Path>#o-a</Path></Items></Paths><CallerReference>r</CallerReference></InvalidationBatch>"
)
PATH = "/2020-05-31/distribution/EDEMO/invalidation"


@pytest.mark.parametrize(
    ("path", "body", "signed", "status", "code"),
    [
        (PATH, GOOD, True, 201, "<Status>Completed</Status>"),
        (PATH, GOOD, False, 403, "MissingAuthenticationToken"),
        (PATH.replace("EDEMO", "EOTHER"), GOOD, True, 404, "NoSuchDistribution"),
        (PATH, b"no XML", True, 400, "InvalidArgument"),
        (PATH, b"", True, 400, "InvalidArgument"),
        (PATH, GOOD.replace(b"#o-a", b"/a*"), True, 400, "drops by #tag only"),
        (PATH, GOOD.replace(b"#o-a", b"#" + b"a" * 257), True, 400, "InvalidArgument"),
        (PATH, GOOD.replace(b"<CallerReference>r</CallerReference>", b""), True, 400, "caller reference"),
        (PATH, GOOD.replace(b"<Path>#o-a</Path>", b"<Path>#o-a</Path>" * 3001), True, 400, "1 to 3000"),
        (
            PATH,
            b'<!DOCTYPE a [<!ENTITY e "#o-a">]>' + GOOD.replace(b"#o-a", b"&e;"),
            True,
            400,
            "InvalidArgument",
        ),
    ],
)
async def test_requests_for_invalidations(path: str, body: bytes, signed: bool, status: int, code: str) -> None:
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=demo"} if signed else {}
    async with running() as place:
        url = f"http://127.0.0.1:{place.api}{path}"
        async with place.client.post(url, data=body, headers=headers) as response:
            text = await response.text()

    assert response.status == status
    assert code in text
