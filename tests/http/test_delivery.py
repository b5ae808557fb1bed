"""How answers are headed: caching, validators with busters, canonical and debug headers, hints, errors, refusals."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pyvips
from aiohttp import web
from aiohttp.test_utils import RawTestServer

Started = Callable[..., Awaitable[str]]
Session = aiohttp.ClientSession

LOCAL = "plain/local:///a.png"
LOOPBACK = {"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "true"}


@pytest.fixture
async def origin(pictures: Path) -> AsyncIterator[str]:
    """An origin whose paths say how it answers; its picture has an ETag and a Last-Modified."""
    data = (pictures / "a.png").read_bytes()
    validators = {"ETag": '"o1"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        kind = request.path.split("/")[1]
        if kind == "cached":
            return web.Response(body=data, headers={"Cache-Control": "max-age=7", **validators})
        if kind == "expires":
            return web.Response(body=data, headers={"Expires": "Fri, 31 Dec 2100 00:00:00 GMT"})
        if kind == "cut":
            response = web.StreamResponse(headers={"Content-Length": str(len(data))})
            await response.prepare(request)
            await response.write(data[:40])
            request.transport.abort()  # type: ignore[union-attr]
            return response
        if kind == "status":
            return web.Response(status=int(request.path.split("/")[2]), headers=validators)
        if request.headers.get("If-None-Match") == '"o1"' or "If-Modified-Since" in request.headers:
            return web.Response(status=304, headers=validators)
        return web.Response(body=data, headers=validators)

    async with RawTestServer(answer) as server:
        yield f"plain/http://127.0.0.1:{server.port}"


def tag(bucket: str, key: str) -> str:
    """The tag of an original, by DESIGN section 5."""
    return "o-" + hashlib.sha256(f"{bucket}\0{key}".encode()).hexdigest()[:32]


async def headers_of(session: Session, url: str, **sent: str) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer; names in lower case."""
    async with session.get(url, headers=sent) as response:
        await response.read()
        return response.status, {name.lower(): text for name, text in response.headers.items()}


async def test_the_sources_caching_is_passed_on_only_on_request(start: Started, session: Session, origin: str) -> None:
    """Its Cache-Control as written, or what is left of its Expires."""
    plain = await start(**LOOPBACK)
    passing = await start(IMGPROXY_CACHE_CONTROL_PASSTHROUGH="true", **LOOPBACK)

    _, own = await headers_of(session, f"{plain}/unsafe/w:9/{origin}/cached/a.png")
    _, sources = await headers_of(session, f"{passing}/unsafe/w:9/{origin}/cached/a.png")
    _, expiring = await headers_of(session, f"{passing}/unsafe/w:9/{origin}/expires/a.png")
    _, raw = await headers_of(session, f"{passing}/unsafe/raw:1/{origin}/cached/a.png")

    assert own["cache-control"] == "max-age=31536000, public"
    assert sources["cache-control"] == raw["cache-control"] == "max-age=7"
    age = int(re.fullmatch(r"max-age=(\d+), public", expiring["cache-control"])[1])  # type: ignore[index]
    assert abs(age - (4_133_894_400 - time.time())) < 60


async def test_a_new_buster_makes_old_validators_stale(start: Started, session: Session, origin: str) -> None:
    """The tag carries the buster; one without it, or with another, is not asked for at the source."""
    address = await start(IMGPROXY_ETAG_BUSTER="v2", IMGPROXY_LAST_MODIFIED_BUSTER="2020-01-01T00:00:00Z", **LOOPBACK)
    url = f"{address}/unsafe/w:9/{origin}/x/a.png"

    status, first = await headers_of(session, url)
    same, _ = await headers_of(session, url, **{"If-None-Match": first["etag"]})
    foreign, _ = await headers_of(session, url, **{"If-None-Match": '"o1"'})
    old, _ = await headers_of(session, url, **{"If-Modified-Since": "Tue, 31 Dec 2019 00:00:00 GMT"})
    new, _ = await headers_of(session, url, **{"If-Modified-Since": "Thu, 02 Jan 2020 00:00:00 GMT"})

    assert first["etag"] == '"v2/Im8xIg"'
    assert first["last-modified"] == "Wed, 01 Jan 2020 00:00:00 GMT"
    assert (status, same, foreign, old, new) == (200, 304, 200, 200, 304)


async def test_sizes_and_times_are_told_when_debugging(start: Started, session: Session, pictures: Path) -> None:
    address = await start(IMGPROXY_ENABLE_DEBUG_HEADERS="true")

    _, headers = await headers_of(session, f"{address}/unsafe/w:60/{LOCAL}")

    assert headers["x-origin-width"] == "120"
    assert headers["x-origin-height"] == "80"
    assert headers["x-result-width"] == "60"
    assert headers["x-result-height"] == "40"
    assert headers["x-origin-content-length"] == str((pictures / "a.png").stat().st_size)
    assert re.search(r"processing_image;[^,]*dur=[0-9.]+", headers["server-timing"])


async def test_the_canonical_link_names_http_sources_only(start: Started, session: Session, origin: str) -> None:
    address = await start(IMGPROXY_SET_CANONICAL_HEADER="true", **LOOPBACK)
    url = origin.removeprefix("plain/")

    _, http = await headers_of(session, f"{address}/unsafe/w:9/{origin}/x/a.png")
    _, raw = await headers_of(session, f"{address}/unsafe/raw:1/{origin}/status/404")
    _, local = await headers_of(session, f"{address}/unsafe/w:9/{LOCAL}")

    assert http["link"] == f'<{url}/x/a.png>; rel="canonical"'
    assert raw["link"] == f'<{url}/status/404>; rel="canonical"'
    assert "link" not in local


@pytest.mark.parametrize(
    ("hints", "size"),
    [
        ({"Width": "40"}, (40, 27)),
        ({"Sec-CH-Width": "30", "Width": "40"}, (30, 20)),
        ({"Sec-CH-Width": "x", "Width": "40"}, (40, 27)),
        ({"Width": "40", "DPR": "2"}, (40, 27)),
        ({"Width": "0", "DPR": "9"}, (120, 80)),
        ({"Width": "-5", "DPR": "nan"}, (120, 80)),
        ({}, (120, 80)),
    ],
)
async def test_client_hints_fill_in_what_the_url_leaves_open(
    start: Started, session: Session, hints: dict[str, str], size: tuple[int, int]
) -> None:
    """The width is in physical pixels; a hint that makes no sense is none."""
    address = await start(IMGPROXY_ENABLE_CLIENT_HINTS="true")
    async with session.get(f"{address}/unsafe/{LOCAL}", headers=hints) as response:
        image = pyvips.Image.new_from_buffer(await response.read(), "")

    assert (image.width, image.height) == size
    assert response.headers["Vary"] == "Sec-Ch-Dpr, Dpr, Sec-Ch-Width, Width"


async def test_the_url_outranks_hints_and_steps_bundle_them(start: Started, session: Session) -> None:
    """With a step of 50 a hint of 31 becomes 50; without the setting hints do nothing."""
    hinted = await start(IMGPROXY_ENABLE_CLIENT_HINTS="true", BILDWERK_CLIENT_HINTS_WIDTH_STEP="50")
    deaf = await start()

    async def width(url: str) -> int:
        async with session.get(url, headers={"Width": "31"}) as response:
            picture = pyvips.Image.new_from_buffer(await response.read(), "")
            return int(picture.width)

    assert await width(f"{hinted}/unsafe/{LOCAL}") == 50
    assert await width(f"{hinted}/unsafe/w:20/{LOCAL}") == 20
    assert await width(f"{deaf}/unsafe/{LOCAL}") == 120


async def test_every_answer_names_its_originals(start: Started, session: Session, origin: str) -> None:
    """Also errors, once it is known what they are about, and one name for the release."""
    address = await start(**LOOPBACK)
    host = origin.removeprefix("plain/http://")

    _, local = await headers_of(session, f"{address}/unsafe/w:9/{LOCAL}")
    _, missing = await headers_of(session, f"{address}/unsafe/plain/local:///b.png")
    _, http = await headers_of(session, f"{address}/unsafe/raw:1/{origin}/x/a.png")
    _, senseless = await headers_of(session, f"{address}/unsafe/nope:1/{LOCAL}")

    assert local["cache-tag"].split(",")[0] == tag("", "a.png")
    assert local["cache-tag"].split(",")[1].startswith("v-")
    assert missing["cache-tag"].startswith(tag("", "b.png"))
    assert http["cache-tag"].startswith(tag(host, "x/a.png"))
    assert "cache-tag" not in senseless


async def test_the_fallback_picture_stands_in_for_sources_that_cannot_be_had(
    start: Started, session: Session, origin: str, pictures: Path
) -> None:
    """Under the request's own options; not for a source that broke off, nor for one that does not decode."""
    address = await start(
        IMGPROXY_FALLBACK_IMAGE_PATH=str(pictures / "a.png"), IMGPROXY_FALLBACK_IMAGE_TTL="60", **LOOPBACK
    )

    async def answer(path: str) -> tuple[int, str, str | None]:
        status, headers = await headers_of(session, f"{address}/unsafe/w:12/{path}@webp")
        return status, headers["content-type"], headers.get("cache-control")

    shown = (200, "image/webp", "max-age=60, public")
    assert await answer("plain/local:///missing.png") == shown
    assert await answer("plain/local:///text.jpg") == shown
    assert await answer(f"{origin}/status/500") == shown
    assert await answer("plain/s3://bucket/key") == shown
    assert (await answer(f"{origin}/cut"))[0] == 422
    assert (await answer("plain/local:///broken.webp"))[0] == 422
    status, _ = await headers_of(session, f"{address}/unsafe/nope:1/{LOCAL}")
    assert status == 404


async def test_the_fallback_keeps_the_errors_status_on_request(start: Started, session: Session, origin: str) -> None:
    """Its own tag joins the source's; a refused answer's validators stay with it."""
    url = origin.removeprefix("plain/")
    address = await start(
        IMGPROXY_FALLBACK_IMAGE_URL=f"{url}/cached/a.png", IMGPROXY_FALLBACK_IMAGE_HTTP_CODE="0", **LOOPBACK
    )

    status, headers = await headers_of(session, f"{address}/unsafe/w:12/{origin}/status/503")
    unreadable, marked = await headers_of(session, f"{address}/unsafe/w:12/plain/local:///text.jpg")

    assert (status, headers["content-type"]) == (502, "image/png")
    assert "cache-control" not in headers
    assert len(headers["cache-tag"].split(",")) == 3
    assert unreadable == 422
    assert marked["etag"]


@pytest.mark.parametrize(
    ("accept", "type", "text"),
    [
        ("text/html,*/*", "text/html", "<h1>404 Invalid URL</h1>"),
        ("image/*", "text/plain", "Unknown processing option"),
    ],
)
async def test_development_mode_answers_people_with_a_page_and_programs_with_text(
    start: Started, session: Session, accept: str, type: str, text: str
) -> None:
    address = await start(IMGPROXY_DEVELOPMENT_ERRORS_MODE="true")
    async with session.get(f"{address}/unsafe/no%3Cpe:1/{LOCAL}", headers={"Accept": accept}) as response:
        body = await response.text()

    assert (response.status, response.content_type) == (404, type)
    assert text in body
    assert "<pe" not in body or type == "text/plain"


async def test_who_is_refused_is_told_when_to_come_back(start: Started, session: Session) -> None:
    """One worker, one place to wait, five requests at once: some are 429 at once, none of them an error of ours."""
    address = await start(IMGPROXY_WORKERS="1", IMGPROXY_REQUESTS_QUEUE_SIZE="1")

    async def asked(number: int) -> tuple[int, str | None]:
        async with session.get(f"{address}/unsafe/rs:force:{1500 + number}:1500:1/bl:9/{LOCAL}") as response:
            await response.read()
            return response.status, response.headers.get("Retry-After")

    answers = await asyncio.gather(*(asked(number) for number in range(5)))

    assert sorted(status for status, _ in answers) == [200, 200, 429, 429, 429]
    assert all((status == 429) == (wait is not None) for status, wait in answers)
    assert all(1 <= int(wait) <= 60 for _, wait in answers if wait is not None)


async def test_a_deadline_that_passes_is_503_and_frees_the_worker(start: Started, session: Session) -> None:
    address = await start(IMGPROXY_WORKERS="1", IMGPROXY_TIMEOUT="1")
    async with session.get(f"{address}/unsafe/rs:force:9000:9000:1/bl:40/{LOCAL}@png") as late:
        assert (late.status, await late.text()) == (503, "Timeout")
    async with session.get(f"{address}/unsafe/w:10/{LOCAL}") as next_one:
        assert next_one.status == 200


async def test_without_keep_alive_every_connection_ends(start: Started, session: Session) -> None:
    address = await start(IMGPROXY_KEEP_ALIVE_TIMEOUT="0")

    _, picture = await headers_of(session, f"{address}/unsafe/w:9/{LOCAL}")
    _, health = await headers_of(session, f"{address}/health")

    assert picture["connection"] == health["connection"] == "close"


async def test_names_are_the_operators(start: Started, session: Session) -> None:
    address = await start(IMGPROXY_SERVER_NAME="pictures", IMGPROXY_HEALTH_CHECK_MESSAGE="fine")
    async with session.get(f"{address}/health") as response:
        assert (await response.text(), response.headers["Server"]) == ("fine", "pictures")
