"""What is made already is sent again for as long as it may be, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pyvips
from aiohttp import web

from renderer.cache.opened import open_results
from renderer.cache.tags import original_tag
from renderer.settings.load import load_settings
from tests.servers.bildwerk import serving
from tests.servers.web import serving as origin_serving

MEMORY = {"BILDWERK_RESULTS_MEMORY_BYTES": "10000000"}


def picture(red: int) -> bytes:
    image = pyvips.Image.black(60, 40, bands=3).linear([1], [red, 40, 40]).copy(interpretation="srgb")
    data: bytes = image.cast("uchar").pngsave_buffer()
    return data


@dataclass
class Origin:
    """Answers with a picture whose ETag is its color, and with 304 to who has it."""

    red: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    cuts: bool = False
    asked: list[str | None] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The picture, or what else is wanted of it."""
        etag = f'"{self.red}"'
        self.asked.append(request.headers.get("If-None-Match"))
        if self.status != 200:
            return web.Response(status=self.status)
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag, **self.headers})
        body = picture(self.red)
        if not self.cuts:
            return web.Response(body=body, content_type="image/png", headers={"ETag": etag, **self.headers})
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:-20])
        assert request.transport is not None
        request.transport.close()
        return response


@dataclass
class Answer:
    """What a client gets."""

    status: int
    state: str | None
    body: bytes
    headers: dict[str, str]


@dataclass
class Site:
    """Servers over one origin, one after the other."""

    stack: AsyncExitStack
    session: aiohttp.ClientSession
    origin: Origin
    source: str
    address: str = ""

    async def start(self, **variables: str) -> None:
        """A new server."""
        settings = load_settings({"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "1", **variables})
        self.address = await self.stack.enter_async_context(serving(settings))

    async def get(self, options: str = "w:20", **headers: str) -> Answer:
        """The answer to these options."""
        return await self.get_target(f"/unsafe/{options}/plain/{self.source}", **headers)

    async def get_target(self, target: str, **headers: str) -> Answer:
        """The answer to a request target."""
        async with self.session.get(self.address + target, headers=headers) as answer:
            received = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, answer.headers.get("X-Cache"), await answer.read(), received)


@pytest.fixture
async def site(session: aiohttp.ClientSession) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        origin = Origin(headers={"Cache-Control": "max-age=600"})
        port = await stack.enter_async_context(origin_serving(origin.answer))
        yield Site(stack, session, origin, f"http://127.0.0.1:{port}/a.png")


async def test_nothing_is_kept_unless_it_is_wanted(site: Site) -> None:
    await site.start()
    assert [(await site.get()).state for _ in range(2)] == [None, None]
    assert len(site.origin.asked) == 2


async def test_a_kept_result_is_the_same_answer(site: Site) -> None:
    await site.start(**MEMORY)
    first, second = await site.get(), await site.get()
    assert (first.state, second.state) == ("miss", "hit-memory")
    changing = {"x-cache", "x-request-id", "date"}
    assert first.body == second.body
    assert {n: v for n, v in first.headers.items() if n not in changing} == {
        n: v for n, v in second.headers.items() if n not in changing
    }
    assert len(site.origin.asked) == 1


async def test_results_survive_a_restart(site: Site, tmp_path: Path) -> None:
    variables = {"IMGPROXY_CACHE_USE": "fs", "IMGPROXY_CACHE_FS_ROOT": str(tmp_path / "results")}
    async with AsyncExitStack() as site.stack:
        await site.start(**variables)
        first = await site.get()
    async with AsyncExitStack() as site.stack:
        await site.start(**variables)
        second = await site.get()
    assert (first.state, second.state) == ("miss", "hit-store")
    assert first.body == second.body
    assert len(site.origin.asked) == 1


async def test_a_client_that_has_it_is_told_so_without_the_source(site: Site) -> None:
    await site.start(**MEMORY)
    first = await site.get()
    again = await site.get(**{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert len(site.origin.asked) == 1


async def test_what_may_be_stale_is_confirmed_by_its_source(site: Site) -> None:
    site.origin.headers = {"Cache-Control": "no-cache"}
    await site.start(**MEMORY)
    states = [(await site.get()).state for _ in range(3)]
    assert states == ["miss", "revalidated", "revalidated"]
    assert site.origin.asked == [None, '"200"', '"200"']


async def test_what_has_changed_is_made_anew(site: Site) -> None:
    site.origin.headers = {}
    await site.start(**MEMORY)
    first = await site.get()
    site.origin.red = 90
    second, third = await site.get(), await site.get()
    assert [first.state, second.state, third.state] == ["miss", "expired", "revalidated"]
    assert first.body != second.body == third.body


async def test_a_source_that_is_gone_is_gone(site: Site) -> None:
    site.origin.headers = {}
    await site.start(**MEMORY)
    await site.get()
    site.origin.status = 404
    assert [(await site.get()).status for _ in range(2)] == [404, 404]
    site.origin.status = 200
    assert (await site.get()).status == 200


@pytest.mark.parametrize("said", ["no-store", "private, max-age=60"])
async def test_what_must_not_be_kept_is_not(site: Site, said: str) -> None:
    site.origin.headers = {"Cache-Control": said}
    await site.start(**MEMORY)
    assert [(await site.get()).state for _ in range(2)] == ["miss", "miss"]


async def test_a_cut_source_is_not_kept(site: Site) -> None:
    await site.start(**MEMORY)
    site.origin.cuts = True
    assert (await site.get()).status == 422
    site.origin.cuts = False
    assert (await site.get()).state == "miss"


async def test_a_fallback_picture_is_not_kept(site: Site, tmp_path: Path) -> None:
    (tmp_path / "fallback.png").write_bytes(picture(10))
    site.origin.status = 500
    await site.start(IMGPROXY_FALLBACK_IMAGE_PATH=str(tmp_path / "fallback.png"), **MEMORY)
    assert [(await site.get()).state for _ in range(2)] == ["miss", "miss"]
    site.origin.status = 200
    assert (await site.get()).status == 200


async def test_cookies_that_reach_the_source_keep_a_result_to_one_client(site: Site) -> None:
    await site.start(IMGPROXY_COOKIE_PASSTHROUGH="1", IMGPROXY_COOKIE_PASSTHROUGH_ALL="1", **MEMORY)
    assert [(await site.get(Cookie="user=1")).state for _ in range(2)] == ["bypass", "bypass"]
    assert [(await site.get()).state for _ in range(2)] == ["miss", "hit-memory"]


async def test_a_stricter_limit_is_not_answered_from_a_laxer_ones_result(site: Site) -> None:
    await site.start(IMGPROXY_ALLOW_SECURITY_OPTIONS="1", **MEMORY)
    assert (await site.get("w:20")).status == 200
    assert (await site.get("w:20/msr:0.0001")).status == 422


async def test_other_settings_make_other_results(site: Site, tmp_path: Path) -> None:
    variables = {"IMGPROXY_CACHE_USE": "fs", "IMGPROXY_CACHE_FS_ROOT": str(tmp_path / "results")}
    async with AsyncExitStack() as site.stack:
        await site.start(**variables)
        await site.get("w:20/f:jpg")
    async with AsyncExitStack() as site.stack:
        await site.start(IMGPROXY_QUALITY="20", **variables)
        assert (await site.get("w:20/f:jpg")).state == "miss"


async def test_a_purge_takes_every_size_of_an_original_away(site: Site, tmp_path: Path) -> None:
    variables = {"IMGPROXY_CACHE_USE": "fs", "IMGPROXY_CACHE_FS_ROOT": str(tmp_path / "results")}
    async with AsyncExitStack() as site.stack:
        await site.start(**variables)
        for width in (10, 20, 30):
            await site.get(f"w:{width}")
    results = open_results(load_settings(variables).results)
    assert results is not None
    assert await results.purge(original_tag(site.source)) == 3
    await results.close()
    async with AsyncExitStack() as site.stack:
        await site.start(**variables)
        assert [(await site.get(f"w:{width}")).state for width in (10, 20, 30)] == ["miss"] * 3


async def test_a_watermark_is_an_original_too(site: Site, tmp_path: Path) -> None:
    variables = {"IMGPROXY_CACHE_USE": "fs", "IMGPROXY_CACHE_FS_ROOT": str(tmp_path / "results")}
    mark = site.source.replace("a.png", "mark.png")
    async with AsyncExitStack() as site.stack:
        await site.start(IMGPROXY_WATERMARK_URL=mark, **variables)
        await site.get("wm:1")
        await site.get("w:20")
    results = open_results(load_settings(variables).results)
    assert results is not None
    assert await results.purge(original_tag(mark)) == 1
    await results.close()


async def test_a_store_that_is_gone_costs_nothing_but_the_render(site: Site, tmp_path: Path) -> None:
    root = tmp_path / "results"
    await site.start(IMGPROXY_CACHE_USE="fs", IMGPROXY_CACHE_FS_ROOT=str(root))
    root.rename(tmp_path / "elsewhere")
    root.write_text("no folder")
    assert [(await site.get()).status for _ in range(2)] == [200, 200]


async def test_local_sources_are_asked_again_when_nothing_can_purge(site: Site, pictures: Path) -> None:
    """Without a store a result lives for the memory's seconds, then the file is looked at."""
    await site.start(IMGPROXY_LOCAL_FILESYSTEM_ROOT=str(pictures), BILDWERK_RESULTS_TTL="0", **MEMORY)
    target = "/unsafe/w:20/plain/local:///a.png"
    assert [(await site.get_target(target)).state for _ in range(2)] == ["miss", "revalidated"]
    (pictures / "a.png").write_bytes(picture(11))
    assert (await site.get_target(target)).state == "expired"
