"""Requests that come at one time share what they have in common: the result, the source, its decoded pixels."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pyvips
from aiohttp import web

from renderer.app import Application, application
from renderer.cache.key import cache_key
from renderer.rendition import Rendition, Turn
from renderer.request.parse import parse_request
from renderer.response.validators import Conditions
from renderer.settings.load import load_settings
from renderer.sources.source import Source
from renderer.telemetry.observation import Observation
from tests.servers.web import serving as origin_serving

WIDTHS = (20, 30, 40, 60, 80, 100)


def photograph() -> bytes:
    """A noisy JPEG of 800 by 600 pixels: widths of 100 and less are loaded at 1/8."""
    noise = pyvips.Image.perlin(800, 600, cell_size=16, seed=7).bandjoin(
        [pyvips.Image.perlin(800, 600, cell_size=size, seed=size) for size in (9, 40)]
    )
    data: bytes = noise.linear([120], [128]).cast("uchar").copy(interpretation="srgb").jpegsave_buffer(Q=90)
    return data


@dataclass
class Origin:
    """Answers every request with one picture, once it is told to."""

    body: bytes = field(default_factory=photograph)
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, _request: web.Request) -> web.Response:
        """The picture."""
        self.asked += 1
        await self.opened.wait()
        return web.Response(body=self.body, content_type="image/jpeg", headers=self.headers)


@dataclass
class Site:
    """A server over an origin."""

    origin: Origin
    source: str
    application: Application
    address: str

    async def get(self, session: aiohttp.ClientSession, options: str, **headers: str) -> bytes:
        """The picture that these options give."""
        async with session.get(f"{self.address}/unsafe/{options}/plain/{self.source}", headers=headers) as answer:
            assert answer.status == 200
            return await answer.read()

    async def until_admitted(self, count: int) -> None:
        """Returns when so many requests are in the server."""
        async with asyncio.timeout(10):
            while self.application.services.workers.load.admitted < count:  # noqa: ASYNC110  requests are the server's
                await asyncio.sleep(0.005)

    async def together(self, session: aiohttp.ClientSession, *wishes: tuple[str, dict[str, str]]) -> list[bytes]:
        """The answers to requests that are all there before the origin answers."""
        tasks = [asyncio.create_task(self.get(session, options, **headers)) for options, headers in wishes]
        await self.until_admitted(len(wishes))
        self.origin.opened.set()
        return await asyncio.gather(*tasks)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def opened(stack: AsyncExitStack, **variables: str) -> Site:
    origin = Origin()
    port = await stack.enter_async_context(origin_serving(origin.answer))
    settings = load_settings({"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "1", "IMGPROXY_WORKERS": "2", **variables})
    app = await stack.enter_async_context(application(settings))
    runner = web.ServerRunner(web.Server(app, handler_cancellation=True), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return Site(origin=origin, source=f"http://127.0.0.1:{port}/a.jpg", application=app, address=address)


async def test_identical_requests_share_one_render(stack: AsyncExitStack, session: aiohttp.ClientSession) -> None:
    site = await opened(stack)
    bodies = await site.together(session, *[("w:50", {})] * 20)
    assert len(set(bodies)) == 1
    assert site.origin.asked == 1
    assert site.application.services.renders.shared.renders == 19


async def test_a_burst_of_sizes_shares_one_download_and_one_decode(
    stack: AsyncExitStack, session: aiohttp.ClientSession
) -> None:
    site = await opened(stack)
    together = await site.together(session, *((f"w:{width}", {}) for width in WIDTHS))
    assert site.origin.asked == 1
    assert site.application.services.renders.shared.decodes == len(WIDTHS) - 1
    alone = [await site.get(session, f"w:{width}") for width in WIDTHS]
    assert together == alone
    assert site.application.services.renders.shared.held_bytes == 0
    assert site.application.services.sources.budget is not None
    assert site.application.services.sources.budget.held_bytes == 0


@pytest.mark.parametrize("options", ["c:200:200/w:50", "t:10/w:50", "rot:90/w:50", "w:50/f:webp", "w:700", "bl:2/w:90"])
async def test_what_is_shared_does_not_change_results(
    stack: AsyncExitStack, session: aiohttp.ClientSession, options: str
) -> None:
    site = await opened(stack)
    shared, *_ = await site.together(session, (options, {}), ("w:51", {}), ("w:699", {}))
    assert shared == await site.get(session, options)


async def test_a_larger_size_serves_the_smaller_ones_only_by_a_setting(
    stack: AsyncExitStack, session: aiohttp.ClientSession
) -> None:
    site = await opened(stack, BILDWERK_SHARED_DECODE="larger")
    widths = (40, 150, 200)
    together = await site.together(session, *((f"w:{width}", {}) for width in widths))
    assert site.application.services.renders.shared.decodes == 2
    alone = [await site.get(session, f"w:{width}") for width in widths]
    small, *larger = zip(together, alone, strict=True)
    assert all(shared == own for shared, own in larger)
    assert small[0] != small[1]
    difference = np.abs(pixels(small[0]) - pixels(small[1]))
    assert difference.mean() < 3


def pixels(data: bytes) -> np.ndarray:
    return pyvips.Image.new_from_buffer(data, "").numpy().astype(float)


@pytest.mark.parametrize(
    "variables", [{"BILDWERK_SHARED_DECODE": "off"}, {"BILDWERK_SHARED_DECODE_BYTES": "100"}], ids=["off", "no room"]
)
async def test_without_room_each_decodes_for_itself(
    stack: AsyncExitStack, session: aiohttp.ClientSession, variables: dict[str, str]
) -> None:
    site = await opened(stack, **variables)
    together = await site.together(session, *((f"w:{width}", {}) for width in WIDTHS))
    assert site.application.services.renders.shared.decodes == 0
    assert together == [await site.get(session, f"w:{width}") for width in WIDTHS]


async def test_who_asked_first_may_leave(stack: AsyncExitStack, session: aiohttp.ClientSession) -> None:
    site = await opened(stack)
    first = asyncio.create_task(site.get(session, "w:50"))
    await site.until_admitted(1)
    second = asyncio.create_task(site.get(session, "w:50"))
    await site.until_admitted(2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    site.origin.opened.set()
    assert await second
    assert site.origin.asked == 2


async def test_nobody_is_answered_with_what_was_fetched_for_another_client(
    stack: AsyncExitStack, session: aiohttp.ClientSession
) -> None:
    """Cookies go to the origin here, so its answer may be for one client only."""
    site = await opened(stack, IMGPROXY_COOKIE_PASSTHROUGH="1", IMGPROXY_COOKIE_PASSTHROUGH_ALL="1")
    await site.together(session, *(("w:50", {"Cookie": f"user={user}"}) for user in ("a", "b", "a")))
    assert site.origin.asked == 2


async def test_a_cookie_that_the_origin_sets_is_for_one_client(
    stack: AsyncExitStack, session: aiohttp.ClientSession
) -> None:
    site = await opened(stack, IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH="Set-Cookie")
    await site.together(session, *[("w:50", {})] * 3)
    assert site.origin.asked == 3


async def test_everybody_hears_of_a_failure(stack: AsyncExitStack, session: aiohttp.ClientSession) -> None:
    site = await opened(stack)
    site.origin.body = b"no picture"
    site.origin.opened.set()
    target = f"{site.address}/unsafe/w:50/plain/{site.source}"

    async def status() -> int:
        async with session.get(target) as answer:
            return answer.status

    assert await asyncio.gather(*(status() for _ in range(5))) == [422] * 5


async def test_conditions_of_one_client_are_not_anothers(stack: AsyncExitStack, session: aiohttp.ClientSession) -> None:
    site = await opened(stack)
    await site.together(session, ("w:50", {"If-None-Match": '"x"'}), ("w:50", {}))
    assert site.origin.asked == 2


TRIES = 20
"""The kernel may say at any time that a file would have to be waited for; in so many tries it does not each time."""


async def test_a_burst_of_sizes_of_a_picture_that_is_at_hand_shares_its_decode(tmp_path: Path) -> None:
    noise = pyvips.Image.gaussnoise(4000, 3000, mean=128, sigma=20).cast("uchar")
    noise.jpegsave(str(tmp_path / "a.jpg"), Q=60)
    now = time.time_ns()
    os.utime(tmp_path / "a.jpg", ns=(now + 1_000_000_000, now - 1_000_000_000))
    settings = load_settings({"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(tmp_path), "IMGPROXY_WORKERS": "2"})
    async with application(settings) as app:
        renders, grammar, sources = app.services.renders, app.services.grammar, app.services.sources

        async def rendered(width: int) -> bytes:
            wanted = parse_request(f"w:{width}/plain/local:///a.jpg", grammar)
            seen = Observation(request_id="", method="GET", target="", client_ip="")
            turn = Turn(key=cache_key(wanted), at=asyncio.get_running_loop().time() + 30, seen=seen)
            result = await renders.render(wanted, turn)
            assert isinstance(result, Rendition)
            return result.image.data

        def is_at_hand() -> bool:
            source = sources.at_once("local:///a.jpg", conditions=Conditions(), max_bytes=0)
            if isinstance(source, Source):
                source.release()
            return source is not None

        alone = [await rendered(width) for width in WIDTHS]
        if not any(is_at_hand() for _ in range(TRIES)):
            pytest.skip("this system has no file at hand: on the file system of its temporary files, or none at all")
        spared = []
        for _ in range(TRIES):
            if is_at_hand():
                before = renders.shared.decodes
                assert await asyncio.gather(*map(rendered, WIDTHS)) == alone
                spared.append(renders.shared.decodes - before)

        assert max(spared) == len(WIDTHS) - 1
