"""Sizes, short bodies and slow origins, against a server that writes whatever bytes a test wants."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from renderer.errors import SourceError, SourceIncomplete, SourceStatus, SourceTimeout, SourceTooLarge
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.http import HttpLoader
from renderer.sources.source import Source

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]
KILOBYTE = bytes(range(256)) * 4


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    """The URL of a server that reads a request's head and then plays the script; it is over when the client is."""
    playing: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        playing.add(asyncio.create_task(play(reader, writer)))

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await script(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, as several tests want it to
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    finally:
        server.close()
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)


def sending(*pieces: bytes) -> Script:
    """Writes the pieces and closes."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.writelines(pieces)

    return script


def stalling_after(*pieces: bytes) -> Script:
    """Writes the pieces and then nothing, with the connection open."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.writelines(pieces)
        await writer.drain()
        await asyncio.Event().wait()

    return script


def with_length(body: bytes, *headers: bytes, announced: int | None = None) -> bytes:
    """A 200 with Content-Length."""
    length = len(body) if announced is None else announced
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % length, *headers, b"", body])


def until_close(body: bytes, *headers: bytes) -> bytes:
    """A 200 whose end is the connection's."""
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", body])


def chunked(body: bytes, *headers: bytes) -> bytes:
    """A 200 in one chunk, without the last one."""
    head = b"\r\n".join([b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", *headers, b"", b""])
    return head + b"%x\r\n%s\r\n" % (len(body), body)


GZIP = b"Content-Encoding: gzip"
LAST_CHUNK = b"0\r\n\r\n"


async def fetched(script: Script, *, max_bytes: int = 0, timeout_seconds: float = 5, memory: int = 1 << 29) -> bytes:
    """What a fresh loader brings."""
    async with serving(script) as url:
        loader = HttpLoader(
            SourceSettings(allow_loopback_source_addresses=True),
            check_source=lambda _: None,
            timeout_seconds=timeout_seconds,
            max_bytes_in_memory=memory,
        )
        try:
            source = await loader.fetch(url, conditions=Conditions(), max_bytes=max_bytes)
        finally:
            await loader.close()
    assert isinstance(source, Source)
    return source.data


FORMS = {
    "with Content-Length": with_length(KILOBYTE),
    "until the connection closes": until_close(KILOBYTE),
    "chunked": chunked(KILOBYTE) + LAST_CHUNK,
    "gzip with Content-Length": with_length(gzip.compress(KILOBYTE), GZIP),
    "gzip, chunked": chunked(gzip.compress(KILOBYTE), GZIP) + LAST_CHUNK,
}


@pytest.mark.parametrize("response", FORMS.values(), ids=FORMS.keys())
async def test_a_file_of_exactly_the_limit_passes_and_one_byte_more_does_not(response: bytes) -> None:
    assert await fetched(sending(response), max_bytes=1024) == KILOBYTE
    assert await fetched(sending(response), max_bytes=1025) == KILOBYTE

    with pytest.raises(SourceTooLarge) as raised:
        await fetched(sending(response), max_bytes=1023)

    assert (raised.value.status, raised.value.public) == (422, "Invalid source image")


@pytest.mark.parametrize("response", FORMS.values(), ids=FORMS.keys())
async def test_without_a_limit_the_memory_s_bound_holds(response: bytes) -> None:
    assert await fetched(sending(response), memory=1024) == KILOBYTE

    with pytest.raises(SourceTooLarge):
        await fetched(sending(response), memory=1023)


async def test_the_request_s_limit_may_be_above_the_memory_s_bound() -> None:
    assert await fetched(sending(with_length(KILOBYTE)), max_bytes=2000, memory=10) == KILOBYTE


@pytest.mark.parametrize("body", [KILOBYTE, b""])
async def test_a_negative_limit_refuses_every_file(body: bytes) -> None:
    with pytest.raises(SourceTooLarge):
        await fetched(sending(with_length(body)), max_bytes=-1)


async def test_an_announced_size_over_the_limit_is_refused_before_the_body_comes() -> None:
    with pytest.raises(SourceTooLarge):
        await fetched(stalling_after(with_length(b"", announced=1_000_000)), max_bytes=1000)


async def test_an_endless_body_is_cut_off_at_the_limit() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(until_close(b"\xff\xd8"))
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    with pytest.raises(SourceTooLarge):
        await fetched(endless, max_bytes=1_000_000)


async def test_a_gzip_bomb_is_cut_off_at_the_limit() -> None:
    bomb = gzip.compress(bytes(100_000_000))

    with pytest.raises(SourceTooLarge):
        await fetched(sending(with_length(bomb, GZIP)), max_bytes=1_000_000)


async def test_gzip_is_decoded_although_nobody_asked_for_it() -> None:
    assert await fetched(sending(with_length(gzip.compress(KILOBYTE * 500), GZIP))) == KILOBYTE * 500


async def test_an_empty_body_is_an_empty_file() -> None:
    assert await fetched(sending(with_length(b""))) == b""


SHORT = {
    "fewer bytes than announced": with_length(KILOBYTE, announced=1025),
    "no bytes at all": with_length(b"", announced=5),
    "chunks without the last one": chunked(KILOBYTE),
    "half a chunk": chunked(KILOBYTE)[:-500],
    "gzip that stops early": with_length(gzip.compress(KILOBYTE)[:-9], GZIP),
    "gzip, fewer bytes than announced": with_length(gzip.compress(KILOBYTE)[:-9], GZIP, announced=5000),
}


@pytest.mark.parametrize("response", SHORT.values(), ids=SHORT.keys())
async def test_a_body_that_is_cut_short_is_incomplete(response: bytes) -> None:
    with pytest.raises(SourceIncomplete) as raised:
        await fetched(sending(response))

    assert (raised.value.status, raised.value.public) == (422, "Source response is incomplete")


@pytest.mark.parametrize(
    "script",
    [
        sending(),
        sending(b"HTTP/1.1 200"),
        sending(b"hello\r\n\r\n"),
        sending(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
        sending(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        sending(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
        sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        sending(with_length(b"this is no gzip", GZIP)),
    ],
    ids=["nothing", "half a line", "no HTTP", "-5 bytes", "x bytes", "a huge header", "a bad chunk", "no gzip"],
)
async def test_an_answer_that_makes_no_sense_is_a_source_error(script: Script) -> None:
    with pytest.raises(SourceError) as raised:
        await fetched(script)

    assert raised.value.status in (404, 422)


@pytest.mark.parametrize(
    "script",
    [
        stalling_after(),
        stalling_after(b"HTTP/1.1 200 OK\r\n"),
        stalling_after(with_length(b"", announced=10)),
        stalling_after(with_length(KILOBYTE, announced=2000)),
        stalling_after(chunked(KILOBYTE)),
        stalling_after(with_length(gzip.compress(KILOBYTE)[:-1], GZIP, announced=2000)),
    ],
    ids=["before the status", "in the head", "before the body", "in the body", "between chunks", "in a gzip stream"],
)
async def test_an_origin_that_stalls_times_out(script: Script) -> None:
    with pytest.raises(SourceTimeout) as raised:
        await fetched(script, timeout_seconds=0.05)

    assert (raised.value.status, raised.value.public) == (504, "Source is unreachable")


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A byte every few milliseconds, without end."""
    writer.write(until_close(b""))
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.005)


async def test_the_deadline_holds_for_the_whole_body_and_not_for_each_byte() -> None:
    began = time.monotonic()

    with pytest.raises(SourceTimeout):
        await fetched(dripping, timeout_seconds=0.1)

    assert time.monotonic() - began < 2


async def test_the_deadline_holds_for_all_redirects_together() -> None:
    async def slow_loop(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.04)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with pytest.raises(SourceTimeout):
        await fetched(slow_loop, timeout_seconds=0.1)


async def test_an_error_page_that_stalls_is_still_an_error_page() -> None:
    page = b"HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n"

    with pytest.raises(SourceStatus, match="503") as raised:
        await fetched(stalling_after(page))

    assert raised.value.status == 502


async def test_a_caller_that_gives_up_is_not_told_of_a_timeout() -> None:
    async with serving(stalling_after(with_length(KILOBYTE, announced=2000))) as url:
        loader = HttpLoader(SourceSettings(allow_loopback_source_addresses=True), check_source=lambda _: None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await loader.fetch(url, conditions=Conditions(), max_bytes=0)
        await loader.close()
