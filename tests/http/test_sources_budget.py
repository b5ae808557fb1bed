"""The bytes of sources that are held in memory, from the origin's first byte to the end of the render."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from renderer.errors import SourceError, SourceIncomplete, SourceTimeout, SourceTooLarge
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.http import HttpLoader
from renderer.sources.local import LocalLoader
from renderer.sources.registry import open_sources
from renderer.sources.source import NotModified, Source, SourceLoader
from renderer.storage.filesystem import Filesystem

KILOBYTE = bytes(1024)


@dataclass
class Origin:
    """An origin: `/N` has N kilobytes, `/chunked/N` does not say so, `/gzip/N` packs them, `/cut/N` stops halfway.

    `/slow/N` sends half, and the rest once `goes_on` is set. `/lie` announces much and sends nothing.
    """

    base: str = ""
    asked: int = 0
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The body."""
        self.asked += 1
        form, _, size = request.path.removeprefix("/").rpartition("/")
        response = web.StreamResponse()
        body = KILOBYTE * (int(size) if size.isdigit() else 0)
        if form == "gzip":
            body = gzip.compress(body)
            response.headers["Content-Encoding"] = "gzip"
        if form != "chunked":
            response.content_length = len(body) if size != "lie" else 1 << 40
        await response.prepare(request)
        half = len(body) // 2 if form in ("slow", "cut") else len(body)
        await response.write(body[:half])
        if form == "cut" and request.transport is not None:
            request.transport.close()
        if form == "slow" or size == "lie":
            await self.goes_on.wait()
            await response.write(body[half:])
        return response


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening."""
    origin = Origin()
    async with RawTestServer(origin.handle) as server:
        origin.base = str(server.make_url("/")).removesuffix("/")
        yield origin
        origin.goes_on.set()


@asynccontextmanager
async def loading(budget: ByteBudget, *, timeout_seconds: float = 5) -> AsyncIterator[HttpLoader]:
    """A loader that may reach this machine."""
    settings = SourceSettings(allow_loopback_source_addresses=True)
    loader = HttpLoader(settings, check_source=lambda _: None, budget=budget, timeout_seconds=timeout_seconds)
    try:
        yield loader
    finally:
        await loader.close()


async def fetch(loader: SourceLoader, url: str, *, max_bytes: int = 0) -> Source:
    """A fetch."""
    source = await loader.fetch(url, conditions=Conditions(), max_bytes=max_bytes)
    assert isinstance(source, Source)
    return source


@pytest.mark.parametrize("form", ["", "/chunked", "/gzip"])
@pytest.mark.parametrize("kilobytes", [0, 1, 100, 10_000])
async def test_a_source_holds_exactly_its_bytes_until_it_is_released(origin: Origin, form: str, kilobytes: int) -> None:
    budget = ByteBudget(1 << 30)
    async with loading(budget) as loader:
        source = await fetch(loader, f"{origin.base}{form}/{kilobytes}")
        assert budget.held_bytes == len(source.data) == 1024 * kilobytes
        with source.lease:
            pass

    assert budget.held_bytes == 0


@pytest.mark.parametrize(
    ("path", "max_bytes", "error"),
    [("/cut/100", 0, SourceIncomplete), ("/chunked/100", 5000, SourceTooLarge), ("/100", 5000, SourceTooLarge)],
)
async def test_a_download_that_fails_holds_nothing(
    origin: Origin, path: str, max_bytes: int, error: type[SourceError]
) -> None:
    budget = ByteBudget(1 << 30)
    async with loading(budget) as loader:
        with pytest.raises(error) as raised:
            await fetch(loader, origin.base + path, max_bytes=max_bytes)

    assert budget.held_bytes == 0
    # Only what is refused by its announced length came before the body began.
    assert raised.value.is_late is (path != "/100")


async def test_downloads_wait_for_room_and_their_origin_s_clock_stands_still(origin: Origin) -> None:
    """The second download waits longer than its time limit: that is our memory's fault, not the origin's."""
    budget = ByteBudget(150 * 1024)
    async with loading(budget, timeout_seconds=0.3) as loader:
        first = await fetch(loader, f"{origin.base}/100")
        second = asyncio.create_task(fetch(loader, f"{origin.base}/100"))
        done, _ = await asyncio.wait([second], timeout=0.6)
        assert (done, budget.waiting, budget.held_bytes) == (set(), 1, 100 * 1024)

        first.lease.release()
        source = await second

    assert len(source.data) == 100 * 1024


async def test_while_it_waits_a_request_can_be_given_up(origin: Origin) -> None:
    budget = ByteBudget(150 * 1024)
    async with loading(budget) as loader:
        first = await fetch(loader, f"{origin.base}/100")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await fetch(loader, f"{origin.base}/100")
        first.lease.release()
        third = await fetch(loader, f"{origin.base}/150")

    assert (budget.waiting, budget.held_bytes) == (0, len(third.data))


async def test_the_clock_goes_on_after_the_wait(origin: Origin) -> None:
    budget = ByteBudget(150 * 1024)
    async with loading(budget, timeout_seconds=0.2) as loader:
        first = await fetch(loader, f"{origin.base}/100")
        second = asyncio.create_task(fetch(loader, f"{origin.base}/slow/100"))
        await asyncio.wait([second], timeout=0.3)
        first.lease.release()
        with pytest.raises(SourceTimeout):
            await second

    assert budget.held_bytes == 0


@pytest.mark.parametrize("form", ["", "/chunked", "/gzip"])
async def test_many_downloads_in_little_memory_all_end(origin: Origin, form: str) -> None:
    budget, most = ByteBudget(1024 * 1024), 0

    async def use() -> None:
        nonlocal most
        source = await fetch(loader, f"{origin.base}{form}/400")
        with source.lease:
            most = max(most, budget.held_bytes)
            await asyncio.sleep(0)

    async with loading(budget) as loader, asyncio.timeout(20):
        await asyncio.gather(*(use() for _ in range(40)))

    assert budget.held_bytes == 0
    # Growing sources may pass over the limit by what one of them still lacks.
    assert most <= 1024 * 1024 + (0 if not form else 400 * 1024)


async def test_a_source_larger_than_the_budget_passes(origin: Origin) -> None:
    budget = ByteBudget(100 * 1024)
    async with loading(budget) as loader, asyncio.timeout(20):
        sources = [asyncio.create_task(fetch(loader, f"{origin.base}{form}/1000")) for form in ("", "/chunked")]
        for task in asyncio.as_completed(sources):
            source = await task
            assert len(source.data) == 1000 * 1024
            source.lease.release()

    assert budget.held_bytes == 0


async def test_an_origin_that_only_promises_takes_little_room(origin: Origin) -> None:
    """It announces a terabyte and sends nothing; others have room meanwhile."""
    budget = ByteBudget(64 * 1024 * 1024)
    async with loading(budget) as loader:
        liar = asyncio.create_task(fetch(loader, f"{origin.base}/lie", max_bytes=1 << 41))
        while not budget.held_bytes:  # noqa: ASYNC110  there is no event of it
            await asyncio.sleep(0)
        assert budget.held_bytes == 16 * 1024 * 1024
        source = await fetch(loader, f"{origin.base}/10000")
        source.lease.release()
        liar.cancel()
        await asyncio.wait([liar])

    assert budget.held_bytes == 0


async def test_local_files_count_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(KILOBYTE * 100)
    budget = ByteBudget(150 * 1024)
    loader = LocalLoader(Filesystem(tmp_path), SourceSettings(), budget=budget, timeout_seconds=0.2)
    first = await fetch(loader, "local:///a")
    second = asyncio.create_task(fetch(loader, "local:///a"))
    done, _ = await asyncio.wait([second], timeout=0.4)
    assert (done, budget.held_bytes) == (set(), 100 * 1024)

    first.lease.release()
    assert len((await second).data) == 100 * 1024
    third = asyncio.create_task(fetch(loader, "local:///a"))
    await asyncio.wait([third], timeout=0.05)
    third.cancel()
    await asyncio.wait([third])

    assert (budget.waiting, budget.held_bytes) == (0, 100 * 1024)


async def test_the_setting_is_the_budget_of_all_sources(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(KILOBYTE)
    settings = SourceSettings(
        allow_loopback_source_addresses=True, local_filesystem_root=tmp_path, max_source_bytes_in_flight=5000
    )
    sources = open_sources(settings, check_source=lambda _: None)
    held = [await sources.fetch(url) for url in ("local:///a", f"{origin.base}/2")]
    await sources.close()

    assert sources.budget is not None
    assert (sources.budget.max_bytes, sources.budget.held_bytes) == (5000, 3 * 1024)
    assert not any(isinstance(source, NotModified) for source in held)
