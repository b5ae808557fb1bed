"""What all stores share, over a store on a socket of this process that answers as each test says."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from multidict import MultiMapping
from yarl import URL

from renderer.errors import BildwerkError, SourceError, SourceIncomplete, SourceStatus, SourceTooLarge
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.http_store import ObjectRequest, StoreRules, open_session, quoted
from renderer.sources.object_url import ObjectAddress
from renderer.sources.objects import ObjectLoader
from renderer.sources.source import RawRequest, Source, SourceHeaders
from tests.servers.web import serving

ANY = Conditions()
URL_OF_OBJECT = "gs://bucket/a.jpg"
Answers = Callable[[web.Request], web.StreamResponse]


@dataclass(kw_only=True)
class Store:
    """A store with a token that tests may let end."""

    port: int = 0
    rules: StoreRules = field(default_factory=StoreRules)
    token: str = "1"
    renewals: int = 0

    async def request(self, address: ObjectAddress, headers: Mapping[str, str]) -> ObjectRequest:
        """The request with the token."""
        url = URL(f"http://127.0.0.1:{self.port}/{quoted(address.container)}/{quoted(address.key)}", encoded=True)
        return ObjectRequest(url=url, headers={**headers, "Authorization": self.token})

    def renews(self, _request: ObjectRequest) -> bool:
        """Counts, and takes the next token."""
        self.renewals += 1
        self.token = str(int(self.token) + 1)
        return True

    def source_headers(self, headers: MultiMapping[str]) -> SourceHeaders:
        """The tag alone."""
        return SourceHeaders(etag=headers.get("ETag"))

    async def close(self) -> None:
        """Holds nothing."""


@dataclass(kw_only=True)
class Stored:
    """A loader and what its store was asked."""

    store: Store
    loader: ObjectLoader
    budget: ByteBudget
    answer: Answers = lambda _: web.Response(body=b"picture")
    requests: list[web.Request] = field(default_factory=list)

    async def fetch(self, *, max_bytes: int = 0) -> Source:
        """The object."""
        source = await self.loader.fetch(URL_OF_OBJECT, conditions=ANY, max_bytes=max_bytes)
        assert isinstance(source, Source)
        return source

    async def error(self, *, max_bytes: int = 0) -> BildwerkError:
        """What a fetch ends with."""
        with pytest.raises(BildwerkError) as refused:
            await self.fetch(max_bytes=max_bytes)
        return refused.value


@pytest.fixture
async def stored() -> AsyncIterator[Stored]:
    """A store without trouble."""
    store, settings, budget = Store(), SourceSettings(), ByteBudget(0)
    stored = Stored(
        store=store, loader=ObjectLoader(store, open_session(settings), settings, budget=budget), budget=budget
    )

    async def handle(request: web.Request) -> web.StreamResponse:
        stored.requests.append(request)
        return stored.answer(request)

    async with serving(handle) as store.port:
        yield stored
        await stored.loader.close()


def status_then(statuses: list[int]) -> Answers:
    """Answers with these statuses in turn, then with the object."""
    left = list(statuses)
    return lambda _: web.Response(status=left.pop(0)) if left else web.Response(body=b"picture")


@pytest.mark.parametrize("statuses", [[], [500], [503, 429], [502, 504]])
async def test_what_is_not_now_is_asked_for_again(stored: Stored, statuses: list[int]) -> None:
    stored.answer = status_then(statuses)

    assert (await stored.fetch()).data == b"picture"
    assert len(stored.requests) == len(statuses) + 1


async def test_three_times_are_enough(stored: Stored) -> None:
    stored.answer = status_then([503] * 9)

    assert (await stored.error()).status == 502
    assert len(stored.requests) == 3


@pytest.mark.parametrize(
    ("status", "kept", "relayed"),
    [
        (404, 404, 404),
        (400, 404, 400),
        (403, 404, 403),
        (410, 404, 410),
        (501, 502, 502),
        (301, 404, 404),
        (206, 404, 404),
    ],
)
async def test_what_a_status_becomes(stored: Stored, status: int, kept: int, relayed: int) -> None:
    """An error below 500 is 404, unless statuses count as the source's; nothing but "not now" is asked again."""
    stored.answer = status_then([status] * 9)
    for is_relayed, expected in ((False, kept), (True, relayed)):
        stored.store.rules = StoreRules(relays_statuses=is_relayed)

        assert (await stored.error()).status == expected

    assert len(stored.requests) == 2


async def test_credentials_are_renewed_once(stored: Stored) -> None:
    stored.answer = lambda request: web.Response(status=200 if request.headers["Authorization"] == "2" else 401)
    await stored.fetch()
    assert stored.store.renewals == 1

    stored.answer = lambda _: web.Response(status=401)
    assert (await stored.error()).status == 404
    assert stored.store.renewals == 2


async def test_redirects_are_not_followed(stored: Stored) -> None:
    """A store that redirects could lead its credentials anywhere."""
    stored.answer = lambda request: web.Response(status=302, headers={"Location": f"http://{request.host}/other"})

    assert isinstance(await stored.error(), SourceError)
    assert [request.path for request in stored.requests] == ["/bucket/a.jpg"]


async def test_gzip_is_decoded_within_the_bound(stored: Stored) -> None:
    data = bytes(100_000)
    headers = {"Content-Encoding": "gzip"}
    stored.answer = lambda _: web.Response(body=gzip.compress(data), headers=headers)

    assert (await stored.fetch(max_bytes=len(data))).data == data
    error = await stored.error(max_bytes=len(data) - 1)

    assert (type(error), isinstance(error, SourceTooLarge) and error.is_late) == (SourceTooLarge, True)


async def test_a_size_that_is_announced_is_refused_early(stored: Stored) -> None:
    """The fallback picture may stand in then, with the refused object's tag (spec 03 section 5.3)."""
    stored.answer = lambda _: web.Response(body=bytes(1000), headers={"ETag": '"tag"'})

    error = await stored.error(max_bytes=999)

    assert isinstance(error, SourceTooLarge)
    assert (error.is_late, error.etag) == (False, '"tag"')


async def test_bytes_are_counted_until_they_are_given_back(stored: Stored) -> None:
    source = await stored.fetch()
    assert stored.budget.held_bytes == len(source.data)

    source.lease.release()

    assert stored.budget.held_bytes == 0


async def test_a_connection_that_breaks_before_the_answer_is_made_again(stored: Stored) -> None:
    broken = iter([True, True, False])

    def answer(request: web.Request) -> web.Response:
        if next(broken) and request.transport is not None:
            request.transport.abort()
        return web.Response(body=b"picture")

    stored.answer = answer

    assert (await stored.fetch()).data == b"picture"
    assert len(stored.requests) == 3


@pytest.mark.parametrize(
    ("relays", "status", "expected"),
    [(False, 404, 404), (False, 501, 501), (True, 404, 404), (True, 403, 403), (True, 501, 501)],
)
async def test_a_raw_error_is_a_status_and_our_own_text(
    stored: Stored, *, relays: bool, status: int, expected: int
) -> None:
    """The store's text may name accounts."""
    stored.store.rules = StoreRules(relays_statuses=relays)
    stored.answer = lambda _: web.Response(status=status, text="<Error>account 123</Error>")

    async with await stored.loader.stream(URL_OF_OBJECT, RawRequest()) as answer:
        body = b"".join([chunk async for chunk in answer.chunks])

    assert answer.status == expected
    assert body == (b"/a.jpg doesn't exist" if status == 404 else b"/a.jpg can't be read")


async def test_other_raw_errors_are_errors(stored: Stored) -> None:
    stored.answer = lambda _: web.Response(status=403)

    with pytest.raises(SourceError) as refused:
        await stored.loader.stream(URL_OF_OBJECT, RawRequest())

    assert (refused.value.status, isinstance(refused.value, SourceStatus)) == (404, False)


async def test_a_raw_stream_that_is_cut_is_an_error(stored: Stored) -> None:
    sent = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(bytes(100))
        await sent.wait()
        assert request.transport is not None
        request.transport.abort()
        return response

    async def read() -> None:
        async with await stored.loader.stream(URL_OF_OBJECT, RawRequest()) as answer:
            async for chunk in answer.chunks:
                assert chunk == bytes(100)
                sent.set()

    async with serving(handle) as stored.store.port:
        with pytest.raises(SourceIncomplete):
            await read()
