"""Raw http sources: relayed as they are, bounded by idle time."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from renderer.errors import SourceError, SourceIncomplete, SourceStatus, SourceTimeout
from renderer.settings.sources import SourceSettings
from renderer.sources.http import HttpLoader
from renderer.sources.source import RawRequest, RawSource, SourceHeaders

BODY = bytes(range(256)) * 4


class Origin:
    """A server that reads a request's head, then writes `head` and plays `script`."""

    def __init__(self) -> None:
        self.head = b""
        self.script: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
        self.requests: list[list[str]] = []
        self.was_left = asyncio.Event()
        self.playing: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begins to play, in a task that the test can end."""
        self.playing.add(asyncio.create_task(self.play(reader, writer)))

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(request.decode().strip().split("\r\n"))
            writer.write(self.head)
            if self.script is not None:
                await self.script(writer)
            await reader.read()  # returns when the client has closed
            self.was_left.set()
        finally:
            writer.close()

    async def stop(self) -> None:
        """Ends whatever still plays."""
        for task in self.playing:
            task.cancel()
        await asyncio.gather(*self.playing, return_exceptions=True)


@asynccontextmanager
async def streaming(
    origin: Origin, request: RawRequest | None = None, *, timeout_seconds: float = 5
) -> AsyncIterator[RawSource]:
    """A raw answer from the origin."""
    server = await asyncio.start_server(origin.accept, "127.0.0.1", 0)
    loader = HttpLoader(
        SourceSettings(allow_loopback_source_addresses=True),
        check_source=lambda _: None,
        timeout_seconds=timeout_seconds,
    )
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        async with await loader.stream(url, request or RawRequest()) as raw:
            yield raw
    finally:
        await loader.close()
        server.close()
        await origin.stop()


@pytest.fixture
async def origin() -> Origin:
    """An origin that answers 200 until a test says otherwise."""
    origin = Origin()
    origin.head = response(b"200 OK")
    return origin


def response(status: bytes, *headers: bytes, body: bytes = BODY) -> bytes:
    """A whole response."""
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


async def body(raw: RawSource) -> bytes:
    """All chunks."""
    return b"".join([chunk async for chunk in raw.chunks])


async def test_status_headers_and_body_are_relayed(origin: Origin) -> None:
    origin.head = response(
        b"200 OK",
        b'ETag: W/"x"',
        b"content-type: image/x-anything",
        b"Last-Modified: garbage",
        b"Accept-Ranges: bytes",
        b"Cache-Control: max-age=7",
        b"Expires: 0",
        b"Server: hidden",
        b"Set-Cookie: a=b",
        b"Connection: keep-alive",
    )

    async with streaming(origin) as raw:
        assert (raw.status, raw.content_length) == (200, len(BODY))
        assert list(raw.headers.items()) == [
            ("Content-Type", "image/x-anything"),
            ("Accept-Ranges", "bytes"),
            ("Last-Modified", "garbage"),
            ("ETag", 'W/"x"'),
        ]
        assert raw.caching == SourceHeaders(
            etag='W/"x"',
            last_modified="garbage",
            cache_control="max-age=7",
            expires="0",
            content_type="image/x-anything",
        )
        assert await body(raw) == BODY


async def test_the_client_s_four_headers_are_sent_on(origin: Origin) -> None:
    request = RawRequest(
        range="bytes=5-9", if_none_match="*", if_modified_since="then", accept_encoding="gzip, br;q=0.5"
    )

    async with streaming(origin, request):
        pass

    assert origin.requests[0][0] == "GET /x HTTP/1.1"
    assert sorted(origin.requests[0][2:]) == [
        "Accept-Encoding: gzip, br;q=0.5",
        "If-Modified-Since: then",
        "If-None-Match: *",
        "Range: bytes=5-9",
        "User-Agent: imgproxy/4.0.12",
    ]


async def test_without_them_nothing_is_added(origin: Origin) -> None:
    async with streaming(origin):
        pass

    assert origin.requests[0][2:] == ["User-Agent: imgproxy/4.0.12"]


@pytest.mark.parametrize(
    "status",
    [
        b"206 Partial Content",
        b"403 Forbidden",
        b"404 Not Found",
        b"416 Range Not Satisfiable",
        b"503 Busy",
        b"302 Found",
    ],
)
async def test_other_statuses_are_relayed_with_their_bodies(origin: Origin, status: bytes) -> None:
    origin.head = response(status, b"Content-Range: bytes 5-9/10", body=b"a text")

    async with streaming(origin) as raw:
        assert raw.status == int(status[:3])
        assert raw.headers == {"Content-Range": "bytes 5-9/10"}
        assert await body(raw) == b"a text"


@pytest.mark.parametrize("status", [b"304 Not Modified", b"204 No Content"])
async def test_an_answer_without_a_body_has_no_length(origin: Origin, status: bytes) -> None:
    origin.head = b"HTTP/1.1 " + status + b'\r\nContent-Length: 1024\r\nETag: "x"\r\n\r\n'

    async with streaming(origin) as raw:
        assert (raw.status, raw.content_length, raw.headers) == (int(status[:3]), None, {"ETag": '"x"'})
        assert await body(raw) == b""


async def test_switching_protocols_is_refused(origin: Origin) -> None:
    origin.head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"

    with pytest.raises(SourceStatus, match="101") as raised:
        async with streaming(origin):
            pass

    assert raised.value.status == 404


async def test_gzip_stays_encoded(origin: Origin) -> None:
    encoded = gzip.compress(BODY)
    origin.head = response(b"200 OK", b"Content-Encoding: gzip", body=encoded)

    async with streaming(origin) as raw:
        assert raw.headers == {"Content-Encoding": "gzip"}
        assert await body(raw) == encoded


async def test_a_body_of_unknown_length_has_none(origin: Origin) -> None:
    origin.head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    async with streaming(origin) as raw:
        assert raw.content_length is None
        assert await body(raw) == b"hello"


async def test_a_header_that_cannot_be_written_again_is_left_out(origin: Origin) -> None:
    origin.head = response(b"200 OK", b'ETag: "\xff"', b"Content-Type: image/jpeg")

    async with streaming(origin) as raw:
        assert raw.headers == {"Content-Type": "image/jpeg"}
        assert raw.caching.etag is None


async def test_a_body_that_is_cut_short_breaks_off_with_an_error(origin: Origin) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.close()

    origin.head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfive."
    origin.script = cut

    async with streaming(origin) as raw:
        with pytest.raises(SourceIncomplete):
            await body(raw)


async def test_a_stream_may_last_longer_than_the_timeout_as_long_as_it_flows(origin: Origin) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        for _ in range(20):
            await asyncio.sleep(0.02)
            writer.write(b".")
            await writer.drain()

    origin.head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
    origin.script = drip

    async with streaming(origin, timeout_seconds=0.3) as raw:
        assert await body(raw) == b"." * 20


async def test_a_stream_that_stops_flowing_times_out(origin: Origin) -> None:
    origin.head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfive."

    async with streaming(origin, timeout_seconds=0.3) as raw:
        assert await anext(raw.chunks) == b"five."
        with pytest.raises(SourceTimeout):
            await anext(raw.chunks)


async def test_a_client_that_takes_its_time_does_not_time_the_source_out(origin: Origin) -> None:
    origin.head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfive."
    go_on = asyncio.Event()

    async def finish(writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(b"four")

    origin.script = finish

    async with streaming(origin, timeout_seconds=0.3) as raw:
        assert await anext(raw.chunks) == b"five."
        await asyncio.sleep(0.4)  # the client is slow for longer than the timeout
        go_on.set()
        assert await anext(raw.chunks) == b"four"


async def test_an_origin_that_never_answers_times_out(origin: Origin) -> None:
    origin.head = b""

    with pytest.raises(SourceTimeout) as raised:
        async with streaming(origin, timeout_seconds=0.05):
            pass

    assert raised.value.status == 504


async def test_closing_half_way_hangs_up_on_the_origin(origin: Origin) -> None:
    origin.head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nfive."

    async with streaming(origin) as raw:
        assert await anext(raw.chunks) == b"five."
        await raw.aclose()
        await raw.aclose()
        async with asyncio.timeout(5):
            await origin.was_left.wait()


async def test_an_unreachable_origin_is_a_source_error() -> None:
    loader = HttpLoader(SourceSettings(), check_source=lambda _: None)

    with pytest.raises(SourceError):
        await loader.stream("http://127.1/", RawRequest())

    await loader.close()
