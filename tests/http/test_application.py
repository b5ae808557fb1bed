"""The real application on a real socket: what a client of the server sees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pyvips

from renderer.errors import ConfigurationError

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
SOURCE = "plain/local:///a.png"

Started = Callable[..., Awaitable[str]]


async def test_a_processing_url_gives_the_picture(start: Started, session: aiohttp.ClientSession) -> None:
    """Type, size, caching, validators, name and tag of a rendered picture."""
    address = await start()
    async with session.get(f"{address}/unsafe/w:60/{SOURCE}@webp") as response:
        image = pyvips.Image.new_from_buffer(await response.read(), "")

    assert (image.width, image.height, image.get("vips-loader")) == (60, 40, "webpload_buffer")
    headers = response.headers
    assert headers["Content-Type"] == "image/webp"
    assert headers["Cache-Control"] == "max-age=31536000, public"
    assert headers["Content-Disposition"] == 'inline; filename="a.webp"'
    assert headers["Content-Security-Policy"] == CSP
    assert headers["Server"] == "imgproxy"
    assert headers["Cache-Tag"].startswith("o-")
    assert headers["ETag"]
    assert headers["Last-Modified"]


async def test_answers_carry_the_name_of_what_is_deployed(start: Started, session: aiohttp.ClientSession) -> None:
    """Behind the originals, of errors too: one purge of it drops what a release has rendered."""
    address = await start(BILDWERK_RELEASE="2026-11-27.1")
    told = []
    for source in (SOURCE, "plain/local:///nowhere.png"):
        async with session.get(f"{address}/unsafe/w:60/{source}@webp") as response:
            told.append((response.status, response.headers["Cache-Tag"].partition(",")[2]))

    assert told == [(200, "v-2026-11-27.1"), (404, "v-2026-11-27.1")]


async def test_browsers_may_be_told_to_keep_a_picture_for_less_long(
    start: Started, session: aiohttp.ClientSession
) -> None:
    """In every answer that may be kept: new, kept here, and not modified."""
    address = await start(BILDWERK_BROWSER_TTL="60", BILDWERK_RESULTS_MEMORY_BYTES="1000000")
    told = []
    for headers in ({}, {}, {"If-None-Match": "*"}):
        async with session.get(f"{address}/unsafe/w:60/{SOURCE}@webp", headers=headers) as response:
            told.append(response.headers["Cache-Control"])

    assert told == ["max-age=60, s-maxage=31536000, public"] * 3


async def test_head_has_the_headers_of_get_and_no_body(start: Started, session: aiohttp.ClientSession) -> None:
    """HEAD is GET without the picture."""
    url = f"{await start()}/unsafe/w:60/{SOURCE}"
    async with session.get(url) as got, session.head(url) as headed:
        body = await got.read()

        assert await headed.read() == b""
    own = {"Date", "X-Request-ID"}
    assert {k: v for k, v in headed.headers.items() if k not in own} == {
        k: v for k, v in got.headers.items() if k not in own
    }
    assert headed.headers["Content-Length"] == str(len(body))


async def test_a_validator_that_still_holds_gets_304(start: Started, session: aiohttp.ClientSession) -> None:
    """The client's ETag reaches the source, the source's word reaches the client."""
    url = f"{await start()}/unsafe/w:60/{SOURCE}"
    async with session.get(url) as first:
        etag = first.headers["ETag"]
    async with session.get(url, headers={"If-None-Match": etag}) as second:
        assert (second.status, await second.read()) == (304, b"")
    assert second.headers["ETag"] == etag
    assert "Content-Disposition" not in second.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/health", 200, "imgproxy is running"),
        ("GET", "/favicon.ico", 404, " "),
        ("GET", "/.well-known/x", 404, " "),
        ("OPTIONS", "/anything", 200, " "),
        ("POST", f"/unsafe/{SOURCE}", 404, " "),
        ("GET", "/unsafe", 404, "Invalid URL"),
        ("GET", f"/unsafe/nope:1/{SOURCE}", 404, "Invalid URL"),
        ("GET", f"/unsafe/w:1e999/{SOURCE}", 404, "Invalid URL"),
        ("GET", f"/unsafe/dpr:nan/{SOURCE}", 404, "Invalid URL"),
        ("GET", f"/unsafe/msr:1/{SOURCE}", 403, "Invalid URL"),
        ("GET", f"/unsafe/{SOURCE}@heic", 422, "Invalid URL"),
        ("GET", f"/unsafe/{SOURCE}@svg", 422, "Invalid URL"),
        ("GET", "/unsafe/plain/local:///missing.png", 404, "Source is unreachable"),
        ("GET", "/unsafe/plain/s3://b/k", 404, "Source is unreachable"),
        ("GET", "/unsafe/plain/http://127.0.0.1:1/a.png", 404, "Invalid source URL"),
        ("GET", "/unsafe/plain/local:///text.jpg", 422, "Invalid source image"),
        ("GET", "/unsafe/plain/local:///broken.webp", 422, "Broken or unsupported image"),
        ("GET", "/w:10/plain/x", 403, None),
    ],
)
async def test_every_kind_of_answer_has_its_status_and_text(
    start: Started, session: aiohttp.ClientSession, method: str, path: str, status: int, body: str | None
) -> None:
    """Statuses and public texts; errors are never cached."""
    async with session.request(method, f"{await start()}{path}") as response:
        text = await response.text()

    assert response.status == status
    assert body is None or text == body
    assert response.headers["Content-Security-Policy"] == CSP
    if status >= 400:
        assert "Cache-Control" not in response.headers


async def test_a_target_that_is_no_url_gets_400(start: Started) -> None:
    """Bad percent escapes are answered as an HTTP library would, without headers of ours."""
    address = await start()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(b"GET /unsafe/%zz/plain/x HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Security-Policy" not in answer
    assert answer.endswith(b"400 Bad Request")


async def test_raw_streams_the_file_as_it_is(start: Started, session: aiohttp.ClientSession, pictures: Path) -> None:
    """Bytes, a part of them, and no rendering of what is no picture."""
    address = await start()
    data = (pictures / "a.png").read_bytes()
    async with session.get(f"{address}/unsafe/raw:1/{SOURCE}") as whole:
        assert await whole.read() == data
    async with session.get(f"{address}/unsafe/raw:1/{SOURCE}", headers={"Range": "bytes=2-5"}) as part:
        assert (part.status, await part.read()) == (206, data[2:6])


async def test_the_landing_page_needs_nothing_but_itself(start: Started, session: aiohttp.ClientSession) -> None:
    """Pictures are inside the page; no script, no link to anywhere."""
    async with session.get(f"{await start()}/") as response:
        page = await response.text()

    assert response.headers["Content-Type"] == "text/html"
    assert page.count('src="data:image/') >= 2
    assert "<script" not in page
    assert 'src="http' not in page


async def test_a_signed_server_refuses_what_is_not_signed(start: Started, session: aiohttp.ClientSession) -> None:
    """403 before the path is even read."""
    address = await start(IMGPROXY_KEY="aa", IMGPROXY_SALT="bb")
    async with session.get(f"{address}/unsafe/nope:1/{SOURCE}") as response:
        assert (response.status, await response.text()) == (403, "Forbidden")


async def test_the_secret_and_cors_stand_before_processing(start: Started, session: aiohttp.ClientSession) -> None:
    """A wrong secret is 403 and still readable by the page that asked."""
    address = await start(IMGPROXY_SECRET="s3cret", IMGPROXY_ALLOW_ORIGIN="*")
    async with session.get(f"{address}/unsafe/{SOURCE}") as refused:
        assert refused.status == 403
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
    async with session.get(f"{address}/unsafe/{SOURCE}", headers={"Authorization": "Bearer s3cret"}) as allowed:
        assert allowed.status == 200


async def test_a_file_name_cannot_add_headers(start: Started, session: aiohttp.ClientSession) -> None:
    """A line break and a header in base64 stay inside the name."""
    async with session.get(f"{await start()}/unsafe/fn:YQ0KWC1FdmlsOiAx:1/{SOURCE}") as response:
        assert response.status == 200
    assert "X-Evil" not in response.headers


async def test_development_mode_tells_the_reason(start: Started, session: aiohttp.ClientSession) -> None:
    """The developer's text comes with the same status."""
    address = await start(IMGPROXY_DEVELOPMENT_ERRORS_MODE="true")
    async with session.get(f"{address}/unsafe/nope:1/{SOURCE}") as response:
        assert response.status == 404
        assert "Unknown processing option nope" in await response.text()


async def test_settings_that_cannot_be_used_stop_the_start(start: Started) -> None:
    """A preset that does not read is named."""
    with pytest.raises(ConfigurationError, match="error in preset `x`"):
        await start(IMGPROXY_PRESETS="x=nope:1")
