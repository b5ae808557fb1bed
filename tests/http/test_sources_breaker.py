"""Dead origins: they fail at once, hold nothing, and are back soon after they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from renderer.errors import SourceError, SourceStatus, SourceTimeout, SourceUnreachable
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.breaker import BreakerLoader, OriginBreakers
from renderer.sources.http import HttpLoader
from renderer.sources.source import NotModified, RawRequest, RawSource, Source, SourceHeaders
from scripts.ports import free_port


@dataclass
class Clock:
    """A clock that a test puts forward instead of waiting."""

    ahead: float = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return time.monotonic() + self.ahead


@asynccontextmanager
async def loading(
    clock: Clock | None = None, *, timeout_seconds: float = 5, **settings: object
) -> AsyncIterator[tuple[HttpLoader, OriginBreakers]]:
    """A loader that may reach this machine, and its breakers."""
    wanted = SourceSettings(**{"allow_loopback_source_addresses": True, **settings})  # type: ignore[arg-type]
    breakers = OriginBreakers(wanted, timeout_seconds=timeout_seconds, clock=clock or Clock())
    loader = HttpLoader(wanted, check_source=lambda _: None, breakers=breakers, timeout_seconds=timeout_seconds)
    try:
        yield loader, breakers
    finally:
        await loader.close()


async def fetch(loader: HttpLoader | BreakerLoader, url: str) -> Source | NotModified:
    """A fetch."""
    return await loader.fetch(url, conditions=Conditions(), max_bytes=0)


async def serve(_request: web.BaseRequest) -> web.StreamResponse:
    """An origin that is well."""
    return web.Response(body=b"body")


@dataclass
class Silent:
    """An origin that takes connections and says nothing."""

    url: str = ""
    connections: int = 0
    arrived: asyncio.Queue[asyncio.StreamWriter] = field(default_factory=asyncio.Queue)

    def accept(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection."""
        self.connections += 1
        self.arrived.put_nowait(writer)


@asynccontextmanager
async def silent() -> AsyncIterator[Silent]:
    """The origin, listening."""
    origin = Silent()
    server = await asyncio.start_server(origin.accept, "127.0.0.1", 0)
    origin.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield origin
    finally:
        server.close()
        while not origin.arrived.empty():
            origin.arrived.get_nowait().close()


async def test_an_origin_that_is_gone_fails_at_once_and_is_back_within_a_second_of_its_return() -> None:
    url = f"http://127.0.0.1:{(port := free_port())}/"
    async with loading() as (loader, breakers):
        for _ in range(5):
            with pytest.raises(SourceUnreachable, match="Connect call failed|refused"):
                await fetch(loader, url)
        with pytest.raises(SourceUnreachable, match="failing, not asked again") as raised:
            await fetch(loader, url)
        assert (raised.value.status, raised.value.public) == (404, "Source is unreachable")
        assert breakers.states() == {url.removesuffix("/"): ("open", 5)}

        server = RawTestServer(serve, port=port)
        await server.start_server()
        returned = time.monotonic()
        while True:
            try:
                await fetch(loader, url)
                break
            except SourceUnreachable:
                await asyncio.sleep(0.01)
        seconds = time.monotonic() - returned
        await server.close()

    assert seconds < 1.2
    assert breakers.states() == {}


async def test_while_it_is_open_nothing_is_sent() -> None:
    async with silent() as origin, loading(timeout_seconds=0.1) as (loader, _):
        for _ in range(5):
            with pytest.raises(SourceTimeout):
                await fetch(loader, origin.url)
        for _ in range(50):
            with pytest.raises(SourceTimeout, match="not asked again") as raised:
                await fetch(loader, origin.url)

    assert (raised.value.status, raised.value.public) == (504, "Source is unreachable")
    assert origin.connections == 5


async def test_a_silent_origin_holds_a_few_requests_and_others_are_served() -> None:
    """Sixteen wait; once they have waited two seconds, further ones fail at once, and another origin does not care."""
    clock = Clock()
    async with silent() as origin, RawTestServer(serve) as well, loading(clock) as (loader, _):
        waiting = [asyncio.create_task(fetch(loader, origin.url)) for _ in range(16)]
        writers = [await origin.arrived.get() for _ in waiting]
        clock.ahead = 2.5
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(SourceTimeout, match="answers nobody"):
                await fetch(loader, origin.url)
            await fetch(loader, str(well.make_url("/")))
        seconds = time.monotonic() - began

        writers[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        late = asyncio.create_task(fetch(loader, origin.url))
        writers.append(await origin.arrived.get())
        for task in (*waiting, late):
            task.cancel()
        await asyncio.gather(*waiting, late, return_exceptions=True)
        for writer in writers:
            writer.close()

    assert seconds < 3


@pytest.mark.parametrize("status", [404, 500, 502, 503, 504])
async def test_urls_that_fail_quickly_do_not_open_it(status: int) -> None:
    async def failing(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status) if request.path == "/bad" else web.Response(body=b"body")

    async with RawTestServer(failing) as server, loading() as (loader, breakers):
        for _ in range(30):
            with pytest.raises(SourceStatus):
                await fetch(loader, str(server.make_url("/bad")))
        await fetch(loader, str(server.make_url("/")))

    assert breakers.counts.opened == 0


async def test_urls_that_hang_do_not_open_it_while_others_are_answered() -> None:
    hangs = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/hang":
            await hangs.wait()
        return web.Response(body=b"body")

    async with RawTestServer(handle) as server, loading(timeout_seconds=0.3) as (loader, breakers):
        hanging = [asyncio.create_task(fetch(loader, str(server.make_url("/hang")))) for _ in range(15)]
        while any(not task.done() for task in hanging):
            await fetch(loader, str(server.make_url("/")))
        results = await asyncio.gather(*hanging, return_exceptions=True)
        hangs.set()

    assert {type(result) for result in results} == {SourceTimeout}
    assert (breakers.counts.opened, breakers.states()) == (0, {})


async def test_a_redirect_to_a_dead_origin_says_nothing_of_the_one_that_redirects() -> None:
    dead = f"http://127.0.0.1:{free_port()}/"

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/away":
            return web.Response(status=302, headers={"Location": dead})
        return web.Response(body=b"body")

    async with RawTestServer(handle) as server, loading() as (loader, breakers):
        for _ in range(8):
            with pytest.raises(SourceUnreachable):
                await fetch(loader, str(server.make_url("/away")))
        await fetch(loader, str(server.make_url("/")))

    assert breakers.states() == {dead.removesuffix("/"): ("open", 5)}


async def test_a_request_that_is_given_up_after_a_long_wait_counts() -> None:
    clock = Clock()
    async with silent() as origin, loading(clock) as (loader, breakers):
        waiting = asyncio.create_task(fetch(loader, origin.url))
        writer = await origin.arrived.get()
        clock.ahead = 3
        waiting.cancel()
        await asyncio.wait([waiting])
        writer.close()

    assert breakers.states() == {origin.url.removesuffix("/"): ("closed", 1)}


class Store:
    """A loader of objects that fails until it is well."""

    def __init__(self, error: SourceError) -> None:
        self.error: SourceError | None = error
        self.asked = 0

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:  # noqa: ARG002
        """Raises, or an empty object."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Source(data=b"", url=url, headers=SourceHeaders())

    async def stream(self, url: str, request: RawRequest) -> RawSource:  # noqa: ARG002  the protocol's
        """Raises."""
        self.asked += 1
        raise self.error or SourceError("not used")

    async def close(self) -> None:
        """Nothing to close."""


async def test_every_bucket_has_a_breaker_of_its_own() -> None:
    store, clock = Store(SourceUnreachable("refused")), Clock()
    loader = BreakerLoader(store, OriginBreakers(SourceSettings(), clock=clock))
    for _ in range(5):
        with pytest.raises(SourceUnreachable):
            await fetch(loader, "s3://bucket/key")
    for _ in range(5):
        with pytest.raises(SourceUnreachable, match="not asked again"):
            await fetch(loader, "s3://bucket/other")
        with pytest.raises(SourceUnreachable, match="not asked again"):
            await loader.stream("s3://bucket/other", RawRequest())
    assert store.asked == 5

    store.error = None
    await fetch(loader, "s3://another/key")
    clock.ahead = 0.5
    await fetch(loader, "s3://bucket/key")
    await fetch(loader, "s3://bucket/key")


class NearStore(Store):
    """The same with one object at hand."""

    def at_once(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified | None:  # noqa: ARG002
        """The object that is at hand."""
        return Source(data=b"", url=url, headers=SourceHeaders()) if url.endswith("near") else None


async def test_what_is_at_hand_does_not_depend_on_how_its_bucket_is() -> None:
    breakers = OriginBreakers(SourceSettings(), clock=Clock())
    loader = BreakerLoader(NearStore(SourceUnreachable("refused")), breakers)
    for _ in range(5):
        with pytest.raises(SourceUnreachable):
            await fetch(loader, "s3://bucket/far")
    before = breakers.states()

    assert isinstance(loader.at_once("s3://bucket/near", conditions=Conditions(), max_bytes=0), Source)
    assert loader.at_once("s3://bucket/far", conditions=Conditions(), max_bytes=0) is None
    assert breakers.states() == before == {"s3://bucket": ("open", 5)}
    assert (
        BreakerLoader(Store(SourceError("x")), breakers).at_once("s3://b/near", conditions=Conditions(), max_bytes=0)
        is None
    )


async def test_missing_objects_do_not_open_a_bucket_s_breaker() -> None:
    store = Store(SourceStatus("none", source_status=404))
    loader = BreakerLoader(store, OriginBreakers(SourceSettings()))
    for _ in range(20):
        with pytest.raises(SourceStatus, match="none"):
            await fetch(loader, "s3://bucket/key")

    assert store.asked == 20
