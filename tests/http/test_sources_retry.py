"""What is asked a second time: a request that met a kept connection in the moment in which the origin closed it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from renderer.errors import SourceError
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.http import HttpLoader
from renderer.sources.source import Source

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
Replies = Callable[[int, int], bytes | None]


@dataclass
class Origin:
    """An origin that answers as `replies` says for each connection and request on it, both from 0; None hangs up."""

    replies: Replies = lambda _connection, _request: ANSWER
    url: str = ""
    requests: list[tuple[int, int]] = field(default_factory=list)
    connections: list[asyncio.Task[None]] = field(default_factory=list)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection."""
        self.connections.append(asyncio.create_task(self.serve(reader, writer, len(self.connections))))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        """Requests, until one has no whole answer."""
        number = 0
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.requests.append((connection, number))
                reply = self.replies(connection, number)
                writer.write(reply or b"")
                if reply != ANSWER:
                    return
                number += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening."""
    origin = Origin()
    server = await asyncio.start_server(origin.accept, "127.0.0.1", 0)
    origin.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield origin
    server.close()
    for connection in origin.connections:
        connection.cancel()
    await asyncio.gather(*origin.connections, return_exceptions=True)


@pytest.fixture
async def loader() -> AsyncIterator[HttpLoader]:
    """A loader that may reach this machine."""
    loader = HttpLoader(SourceSettings(allow_loopback_source_addresses=True), check_source=lambda _: None)
    yield loader
    await loader.close()


async def fetched(loader: HttpLoader, url: str) -> bytes:
    """What it brings."""
    source = await loader.fetch(url, conditions=Conditions(), max_bytes=0)
    assert isinstance(source, Source)
    return source.data


async def test_a_request_on_a_kept_connection_that_closes_is_sent_again_on_a_new_one(
    origin: Origin, loader: HttpLoader
) -> None:
    origin.replies = lambda connection, request: None if (connection, request) == (0, 1) else ANSWER

    assert [await fetched(loader, origin.url) for _ in range(2)] == [b"body", b"body"]
    assert origin.requests == [(0, 0), (0, 1), (1, 0)]


async def test_it_is_sent_again_only_once(origin: Origin, loader: HttpLoader) -> None:
    origin.replies = lambda connection, request: ANSWER if (connection, request) == (0, 0) else None
    await fetched(loader, origin.url)

    with pytest.raises(SourceError, match="OriginHungUp"):
        await fetched(loader, origin.url)

    assert origin.requests == [(0, 0), (0, 1), (1, 0)]


async def test_the_second_try_takes_no_other_kept_connection(origin: Origin, loader: HttpLoader) -> None:
    """An origin that was restarted has closed all of them."""
    origin.replies = lambda _connection, request: None if request else ANSWER
    await asyncio.gather(*(fetched(loader, origin.url) for _ in range(3)))

    assert await fetched(loader, origin.url) == b"body"
    assert origin.requests[-1] == (3, 0)


@pytest.mark.parametrize("reply", [None, b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_what_fails_on_a_new_connection_is_not_sent_again(
    origin: Origin, loader: HttpLoader, reply: bytes | None
) -> None:
    origin.replies = lambda _connection, _request: reply

    with pytest.raises(SourceError):
        await fetched(loader, origin.url)

    assert origin.requests == [(0, 0)]


@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
async def test_an_answer_that_has_begun_is_not_asked_for_again(
    origin: Origin, loader: HttpLoader, reply: bytes
) -> None:
    origin.replies = lambda _connection, request: reply if request else ANSWER
    await fetched(loader, origin.url)

    with pytest.raises(SourceError):
        await fetched(loader, origin.url)

    assert origin.requests == [(0, 0), (0, 1)]
