"""What a connection does with clients that are slow, odd or gone."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from aiohttp import web

from tests.unit.web.conftest import Serve

LARGE = bytes(400_000)
REQUEST = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def handler(request: web.BaseRequest) -> web.StreamResponse:
    """`/large` is large, `/late` takes a while, anything else is echoed; `/stream` goes on and on."""
    if request.raw_path == "/large":
        return web.Response(body=LARGE)
    if request.raw_path == "/late":
        await asyncio.sleep(0.6)
    if request.raw_path == "/stream":
        response = web.StreamResponse()
        request.protocol.answer_began(is_stream=True)  # type: ignore[attr-defined]  # a Connection
        await response.prepare(request)
        while True:
            await response.write(bytes(4096))
    return web.Response(body=request.raw_path.encode())


async def answered(client: socket.socket, seconds: float = 10) -> tuple[int, bytes]:
    """The status and the body of the next answer; status 0 when the connection ends instead."""
    loop = asyncio.get_running_loop()
    data = b""
    async with asyncio.timeout(seconds):
        while b"\r\n\r\n" not in data:
            if not (more := await received(client)):
                return 0, data
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        while len(body) < length:
            body += await loop.sock_recv(client, length - len(body))
    return int(head.split(b" ", 2)[1]), body


async def received(client: socket.socket) -> bytes:
    """The next byte; none when the connection has ended."""
    try:
        return await asyncio.get_running_loop().sock_recv(client, 1)
    except ConnectionResetError:
        return b""


async def send(client: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(client, data)


async def test_an_answer_that_was_taken_slowly_takes_no_time_from_the_next_request(serve: Serve) -> None:
    """The last bytes of the first answer leave after aiohttp is done with it; the client asks again at once."""
    served = await serve(handler, write=0.4)
    client = served.client()
    await send(client, REQUEST % b"large")
    status, body = await answered(client)
    await send(client, REQUEST % b"late")
    for _ in range(6):
        await asyncio.sleep(0.1)
        served.server.sweep()

    assert (status, len(body)) == (200, len(LARGE))
    assert await answered(client) == (200, b"/late")


async def test_an_answer_that_nobody_takes_is_cut_at_its_time(serve: Serve) -> None:
    served = await serve(handler, write=0.3)
    client = served.client()
    await send(client, REQUEST % b"large")
    await served.until(lambda: served.server.connections and served.connection.writing_since)
    connection = served.connection
    served.server.sweep()
    assert served.server.connections
    await asyncio.sleep(0.4)
    served.server.sweep()
    await served.until(lambda: not served.server.connections)

    assert connection.cut_because == "the client did not take the answer within 0.3 s"


async def test_bytes_that_wait_when_a_connection_is_let_go_still_have_their_time_only(serve: Serve) -> None:
    """The transport is forgotten by aiohttp when it closes it; its client may never take what is left."""
    served = await serve(handler, write=0.3)
    client = served.client()
    await send(client, REQUEST % b"large")
    await served.until(lambda: served.server.connections and served.connection.writing_since)
    served.connection.end(is_abort=False)
    await asyncio.sleep(0.4)
    served.server.sweep()

    await served.until(lambda: not served.server.connections)


async def test_a_stream_lives_as_long_as_its_client_takes_some_of_it(serve: Serve) -> None:
    """A few bytes now and then are enough; none are not."""
    served = await serve(handler, write=0.3)
    client = served.client()
    await send(client, REQUEST % b"stream")
    taken = 0
    for _ in range(20):
        await asyncio.sleep(0.05)
        taken += len(await asyncio.get_running_loop().sock_recv(client, 4096))
        served.server.sweep()
    connection = served.connection
    assert taken

    await asyncio.sleep(0.1)
    served.server.sweep()  # what was taken last is noticed
    await asyncio.sleep(0.4)
    served.server.sweep()
    await served.until(lambda: not served.server.connections)
    assert "did not take the answer" in connection.cut_because


async def test_the_first_request_of_a_connection_has_its_time_whatever_keep_alive_is(serve: Serve) -> None:
    served = await serve(handler, keep_alive=0)
    client = served.client()
    await served.is_connected()
    await asyncio.sleep(1.2)
    served.server.sweep()
    await send(client, REQUEST % b"a")

    assert await answered(client) == (200, b"/a")


async def test_letting_go_of_idle_connections_leaves_those_alone_that_have_asked(serve: Serve) -> None:
    """Also one that has begun to ask. The idle one is ended, but not before the time that counts for all."""
    served = await serve(handler)
    asked, begun, idle = served.client(), served.client(), served.client()
    await send(asked, REQUEST % b"late")
    await send(begun, b"GET /begun HTTP/1.1\r\n")
    await served.is_connected()
    await served.until(lambda: sum(connection.idle_since is None for connection in served.server.connections) == 2)
    now = asyncio.get_running_loop().time()
    served.server.sweep(linger_seconds=1, since=now)
    await asyncio.sleep(0)
    assert len(served.server.connections) == 3

    served.server.sweep(linger_seconds=0)
    await served.until(lambda: len(served.server.connections) == 2)
    await send(begun, b"Host: localhost\r\n\r\n")
    assert await received(idle) == b""
    assert await answered(asked) == (200, b"/late")
    assert await answered(begun) == (200, b"/begun")


async def test_a_request_that_does_not_become_whole_is_ended_at_its_time(serve: Serve) -> None:
    served = await serve(handler, read=0.2)
    client = served.client()
    await send(client, b"GET /a HTTP/1.1\r\nX: ")
    await served.is_connected()
    await asyncio.sleep(0.3)
    await send(client, b"y")
    served.server.sweep()

    assert await received(client) == b""


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (REQUEST % b"a" + REQUEST % b"late" + REQUEST % b"c", [(200, b"/a"), (200, b"/late"), (200, b"/c")]),
        (b"GET /a HTTP/1.0\r\n\r\n", [(200, b"/a"), (0, b"")]),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + REQUEST % b"b", [(200, b"/a"), (200, b"/b")]),
        (b"GET http://localhost/a?b HTTP/1.1\r\nHost: localhost\r\n\r\n", [(200, b"/a?b")]),
        (b"GET HTTP://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n", [(200, b"/")]),
        (
            b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
            [(200, b"/a")],
        ),
        (
            b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + REQUEST % b"b",
            [(200, b"/a"), (200, b"/b")],
        ),
        (b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", [(200, b"/a")]),
        (b"no HTTP at all\r\n\r\n", [(400, b"400 Bad Request"), (0, b"")]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [(400, b"400 Bad Request"), (0, b"")]),
    ],
    ids=("pipelined", "1.0", "1.0-kept", "absolute", "absolute-root", "upgrade", "body", "expect", "words", "tls"),
)
async def test_what_comes_in_is_answered(serve: Serve, sent: bytes, expected: list[tuple[int, bytes]]) -> None:
    served = await serve(handler)
    client = served.client()
    await send(client, sent)

    assert [await answered(client) for _ in expected] == expected
    if expected[-1][0] == 200 and b"Expect" not in sent:
        await send(client, REQUEST % b"next")
        assert await answered(client) == (200, b"/next")


async def test_a_head_is_bounded_as_a_whole(serve: Serve) -> None:
    """Each of its lines is far below the limit."""
    served = await serve(handler)
    client = served.client()
    await send(client, b"GET /a HTTP/1.1\r\n")
    with pytest.raises(ConnectionError):
        await send(client, b"".join(b"X-%d: %s\r\n" % (place, b"x" * 40_000) for place in range(100)))
    served = await serve(handler)
    client = served.client()
    await send(
        client,
        b"GET /a HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (place, b"x" * 40_000) for place in range(26)),
    )
    await served.is_connected()
    await send(client, b"Y: " + b"y" * 13_000)

    assert await answered(client) == (431, b"431 Request Header Fields Too Large")


async def test_a_body_is_no_head(serve: Serve) -> None:
    """It is read past, however large it is, and the connection goes on."""
    served = await serve(handler)
    client = served.client()
    await send(client, b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
    assert await answered(client) == (200, b"/a")
    await send(client, bytes(3_000_000) + REQUEST % b"b")

    assert await answered(client) == (200, b"/b")


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Encoding: deflate\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        b"Content-Length: 4\r\nContent-Encoding: gzip\r\n\r\nabcd",
        b"Content-Length: 4\r\n\r\nab",
    ],
)
async def test_a_body_that_is_none_is_nobodys_error(
    serve: Serve, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(handler, read=0.1)
    client = served.client()
    await send(client, b"GET /a HTTP/1.1\r\nHost: a\r\n" + body)
    status, _ = await answered(client)
    client.close()
    await served.until(lambda: not served.server.connections)

    assert status in (200, 400)
    assert caplog.records == []


async def test_a_client_that_left_is_nobodys_error(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The handler finds out when it writes."""
    failed = asyncio.Event()

    async def late(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        response = web.Response(body=b"too late")
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            failed.set()
            raise
        return response

    caplog.set_level(logging.INFO)
    served = await serve(late)
    await send(served.client(), REQUEST % b"a")
    await failed.wait()
    await served.until(lambda: not served.server.connections)

    assert caplog.records == []


async def test_a_client_that_will_send_no_more_is_taken_to_have_left(serve: Serve) -> None:
    """As in Go's server: the request is cancelled."""
    cancelled = asyncio.Event()

    async def waiting(_request: web.BaseRequest) -> web.StreamResponse:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    served = await serve(waiting)
    client = served.client()
    await send(client, REQUEST % b"a")
    await served.until(lambda: served.server.connections and served.connection.idle_since is None)
    client.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(5):
        await cancelled.wait()
