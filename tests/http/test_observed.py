"""Each processing request is told of once when it begins and once when it ends, however it ends."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from renderer.app import Application, application
from renderer.settings.load import load_settings
from tests.servers.web import serving as origin_serving

Started = Callable[..., Awaitable[str]]
SOURCE = "plain/local:///a.png"


async def asked(address: str, target: str, *lines: str, version: str = "1.1") -> bytes:
    """Everything that the server sends until it ends the connection."""
    reader, writer = await asyncio.open_connection(*address.removeprefix("http://").split(":"))
    head = "\r\n".join([f"GET {target} HTTP/{version}", "Host: localhost", *lines, "", ""])
    writer.write(head.encode())
    await writer.drain()
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


def ended(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the access log about ends."""
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("Completed")]


@pytest.fixture
def access_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "renderer")
    return caplog


async def until(condition: Callable[[], object]) -> None:
    """Returns when the condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is waited for happens in the server's tasks
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("variables", "target", "status"),
    [
        ({}, f"/unsafe/w:10/{SOURCE}", 200),
        ({}, f"/unsafe/raw:1/{SOURCE}", 200),
        ({}, "/unsafe/plain/local:///missing.png", 404),
        ({}, "/unsafe/raw:1/plain/local:///missing.png", 404),
        ({}, "/unsafe/nothing:1/plain/local:///a.png", 404),
        ({}, "/unsafe/plain/local:///text.jpg", 422),
        ({"IMGPROXY_SECRET": "x"}, f"/unsafe/w:10/{SOURCE}", 403),
    ],
)
async def test_an_answer_ends_a_request(
    start: Started, access_log: pytest.LogCaptureFixture, variables: dict[str, str], target: str, status: int
) -> None:
    address = await start(**variables)
    answer = await asked(address, target, "Connection: close")
    await until(lambda: ended(access_log))

    assert int(answer.split(b" ", 2)[1]) == status
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(ended(access_log)) == 1
    assert f"'status': {status}," in str(access_log.records[-1].__dict__["fields"])


async def test_an_answer_that_cannot_be_written_ends_a_request(
    pictures: Path, access_log: pytest.LogCaptureFixture
) -> None:
    """One of its headers cannot be; settings do not let that happen, so the services are built with it."""
    settings = load_settings({"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(pictures)})
    async with application(settings) as app:
        broken = Application(dataclasses.replace(app.services, response_headers=(("X", "\x01"),)))
        runner = web.ServerRunner(web.Server(broken), shutdown_timeout=0.1)  # type: ignore[arg-type]
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            answer = await asked(f"http://127.0.0.1:{runner.addresses[0][1]}", f"/unsafe/w:10/{SOURCE}")
        finally:
            await runner.cleanup()

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert len(ended(access_log)) == 1


async def test_a_client_that_leaves_ends_a_request(start: Started, access_log: pytest.LogCaptureFixture) -> None:
    """While the source is fetched; nothing is wrong with the server then."""
    reached, left = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        reached.set()
        await left.wait()
        return web.Response()

    async with origin_serving(slow) as port:
        address = await start(IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES="true")
        for option in ("w:10", "raw:1"):
            access_log.clear()
            reached.clear()
            leaving = asyncio.create_task(asked(address, f"/unsafe/{option}/plain/http://127.0.0.1:{port}/a.png"))
            await reached.wait()
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await until(lambda: ended(access_log))

            assert len(ended(access_log)) == 1
            assert [record.levelname for record in access_log.records] == ["INFO", "WARNING"]
        left.set()


async def test_a_source_that_breaks_off_breaks_the_answer_off(
    start: Started, access_log: pytest.LogCaptureFixture
) -> None:
    """The connection ends before the announced length, and no second answer follows in the middle of the first."""

    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(b"x" * 1000)
        assert request.transport is not None
        request.transport.close()
        return response

    async with origin_serving(broken) as port:
        address = await start(IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES="true")
        reader, writer = await asyncio.open_connection(*address.removeprefix("http://").split(":"))
        writer.write(f"GET /unsafe/raw:1/plain/http://127.0.0.1:{port}/a HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
        writer.close()
        await until(lambda: ended(access_log))

    assert answer.count(b"HTTP/1.1 ") <= 1
    assert len(answer) < 3000
    assert len(ended(access_log)) == 1
    assert access_log.records[-1].__dict__["fields"]["error"]


async def test_an_answer_of_unknown_length_to_an_old_client_ends_with_its_connection(start: Started) -> None:
    """Even if the client asks to keep it: the end of the connection is the only end that the answer has."""

    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"hello")
        return response

    async with origin_serving(chunked) as port:
        address = await start(IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES="true")
        target = f"/unsafe/raw:1/plain/http://127.0.0.1:{port}/a"
        answer = await asked(address, target, "Connection: keep-alive", version="1.0")

    assert answer.endswith(b"\r\n\r\nhello")


async def test_a_file_that_shrinks_on_its_way_breaks_the_answer_off(
    start: Started, pictures: Path, access_log: pytest.LogCaptureFixture
) -> None:
    """A connection that went on would take the next answer for the rest of this one."""
    path = pictures / "large.bin"
    path.write_bytes(bytes(30_000_000))
    address = await start()
    reader, writer = await asyncio.open_connection(*address.removeprefix("http://").split(":"), limit=1024)
    writer.write(b"GET /unsafe/raw:1/plain/local:///large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readexactly(1000)
    path.write_bytes(b"")
    async with asyncio.timeout(10):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(30_000_000)
    writer.close()
    await until(lambda: ended(access_log))

    assert len(ended(access_log)) == 1


@pytest.mark.parametrize("path", ["/", "/health", "/favicon.ico", "/unsafe/nothing", "/unsafe/w:10/" + SOURCE])
async def test_head_has_the_status_of_get_everywhere(start: Started, session: aiohttp.ClientSession, path: str) -> None:
    address = await start()
    async with session.get(address + path) as got, session.head(address + path) as headed:
        assert headed.status == got.status
        assert headed.headers["Content-Length"] == str(len(await got.read()))
        assert await headed.read() == b""


async def test_options_of_the_whole_server_are_none(start: Started) -> None:
    """As Go's server has it: an empty answer without headers of ours."""
    reader, writer = await asyncio.open_connection(*(await start()).removeprefix("http://").split(":"))
    writer.write(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
    assert b"X-Request-Id" not in answer
