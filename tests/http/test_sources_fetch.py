"""What http sources are asked and what comes back, against an origin on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from renderer.errors import SourceError, SourceStatus
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.http import HttpLoader
from renderer.sources.source import NotModified, Source, SourceHeaders

BODY = b"\xff\xd8\xff picture"


@dataclass
class Origin:
    """An origin that gives one answer and remembers what it was asked."""

    base: str = ""
    answer: Callable[[], web.StreamResponse] = lambda: web.Response(body=BODY)
    targets: list[str] = field(default_factory=list)
    headers: list[list[tuple[str, str]]] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Notes the request as it came."""
        self.targets.append(request.raw_path)
        self.headers.append([(name.decode(), value.decode()) for name, value in request.raw_headers])
        return self.answer()


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening."""
    origin = Origin()
    async with RawTestServer(origin.handle) as server:
        origin.base = f"http://127.0.0.1:{server.port}"
        yield origin


@asynccontextmanager
async def loading(**settings: object) -> AsyncIterator[HttpLoader]:
    """A loader that may reach this machine."""
    wanted = SourceSettings(**{"allow_loopback_source_addresses": True, **settings})  # type: ignore[arg-type]
    loader = HttpLoader(wanted, check_source=lambda _: None)
    try:
        yield loader
    finally:
        await loader.close()


async def fetched(url: str, *, conditions: Conditions | None = None, **settings: object) -> Source | NotModified:
    """What a fresh loader brings."""
    async with loading(**settings) as loader:
        return await loader.fetch(url, conditions=conditions or Conditions(), max_bytes=0)


async def test_the_body_comes_with_the_headers_that_matter(origin: Origin) -> None:
    origin.answer = lambda: web.Response(
        body=BODY,
        headers={
            "ETag": 'W/"x"',
            "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
            "Cache-Control": "max-age=5",
            "Expires": "never",
            "Content-Type": "image/jpeg",
        },
    )

    source = await fetched(origin.base + "/a.jpg?b")

    assert (source.data, source.url) == (BODY, origin.base + "/a.jpg?b")
    assert source.headers == SourceHeaders(
        etag='W/"x"',
        last_modified="Wed, 21 Oct 2015 07:28:00 GMT",
        cache_control="max-age=5",
        expires="never",
        content_type="image/jpeg",
    )


async def test_the_first_of_several_equal_headers_counts_and_missing_ones_are_none(origin: Origin) -> None:
    def answer() -> web.Response:
        response = web.Response(body=BODY)
        response.headers.add("Cache-Control", "max-age=1")
        response.headers.add("Cache-Control", "private")
        return response

    origin.answer = answer
    source = await fetched(origin.base)

    assert (source.headers.cache_control, source.headers.etag, source.headers.expires) == ("max-age=1", None, None)


async def test_a_request_carries_host_and_user_agent_and_nothing_else(origin: Origin) -> None:
    await fetched(origin.base)

    assert dict(origin.headers[0]) == {
        "Host": origin.base.removeprefix("http://"),
        "User-Agent": "imgproxy/4.0.12",
    }


async def test_the_user_agent_is_configurable(origin: Origin) -> None:
    await fetched(origin.base, user_agent="a/%current_version b/%current_version")

    assert ("User-Agent", "a/4.0.12 b/4.0.12") in origin.headers[0]


async def test_conditions_are_sent_as_they_are(origin: Origin) -> None:
    await fetched(origin.base, conditions=Conditions(if_none_match='W/"a", *', if_modified_since="garbage"))

    assert ("If-None-Match", 'W/"a", *') in origin.headers[0]
    assert ("If-Modified-Since", "garbage") in origin.headers[0]


@pytest.mark.parametrize("value", ['"\udcff"', '"a\r\nX: y"', '"a\0"'])
async def test_a_condition_that_cannot_be_written_is_not_sent(origin: Origin, value: str) -> None:
    await fetched(origin.base, conditions=Conditions(if_none_match=value))

    assert [name for name, _ in origin.headers[0]] == ["Host", "User-Agent"]


async def test_user_info_is_sent_as_basic_authorization(origin: Origin) -> None:
    source = await fetched(origin.base.replace("://", "://user:p%40w@") + "/x")

    assert ("Authorization", "Basic dXNlcjpwQHc=") in origin.headers[0]
    assert (source.data, source.url) == (BODY, origin.base + "/x")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/a%2Fb", "/a%2Fb"),
        ("/a%20b", "/a%20b"),
        ("/a+b", "/a+b"),
        ("/%e9/%C3%A9", "/%e9/%C3%A9"),
        ("/é/日本", "/%C3%A9/%E6%97%A5%E6%9C%AC"),
        ("/a b", "/a%20b"),
        ("/a/../b//c/./d", "/a/../b//c/./d"),
        ("/a%2e%2e/%2F..", "/a%2e%2e/%2F.."),
        ("/?img=a%20b", "/?img=a%20b"),
        ("/?img=a+b&c=%2F?/", "/?img=a+b&c=%2F?/"),
        ("?q", "/?q"),
        ("/a;b,c=d:e@f", "/a;b,c=d:e@f"),
        ("/x#fragment", "/x"),
    ],
)
async def test_path_and_query_arrive_as_they_are_written(origin: Origin, written: str, sent: str) -> None:
    await fetched(origin.base + written)

    assert origin.targets == [sent]


async def test_a_304_is_not_modified_with_its_own_headers(origin: Origin) -> None:
    origin.answer = lambda: web.Response(status=304, headers={"ETag": '"x"', "Cache-Control": "max-age=7"})

    answer = await fetched(origin.base, conditions=Conditions(if_none_match='"x"'))

    assert answer == NotModified(headers=SourceHeaders(etag='"x"', cache_control="max-age=7"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (201, 404),
        (202, 404),
        (204, 404),
        (300, 404),
        (301, 404),
        (302, 404),
        (400, 400),
        (401, 401),
        (403, 403),
        (404, 404),
        (410, 410),
        (429, 429),
        (500, 502),
        (503, 502),
        (504, 502),
    ],
)
async def test_an_error_of_the_origin_is_passed_on_or_becomes_502_or_404(
    origin: Origin, status: int, expected: int
) -> None:
    origin.answer = lambda: web.Response(status=status)

    with pytest.raises(SourceStatus, match=f"status: {status}") as raised:
        await fetched(origin.base)

    assert (raised.value.status, raised.value.public) == (expected, "Source is unreachable")


@pytest.mark.parametrize(
    ("content_type", "is_told"), [("text/html", True), ("text/plain; charset=x", True), ("application/json", False)]
)
async def test_the_log_gets_the_beginning_of_an_error_page(origin: Origin, content_type: str, *, is_told: bool) -> None:
    page = b"why it failed".ljust(1024, b".") + b"END"
    origin.answer = lambda: web.Response(status=500, body=page, headers={"Content-Type": content_type})

    with pytest.raises(SourceStatus) as raised:
        await fetched(origin.base)

    assert ("why it failed" in str(raised.value)) is is_told
    assert "END" not in str(raised.value)


@pytest.mark.parametrize(
    ("content_range", "is_whole"),
    [
        (f"bytes 0-{len(BODY) - 1}/{len(BODY)}", True),
        (f"bytes 0-{len(BODY) - 1}/*", True),
        (f"bytes 0-{len(BODY) - 1}/{len(BODY) + 1}", False),
        (f"bytes 1-{len(BODY)}/{len(BODY) + 1}", False),
        (f"bytes 0-{len(BODY)}/*", False),
        (f"bytes 0-{len(BODY)}/{len(BODY) + 1}", False),
        ("bytes */5", False),
        ("items 0-1/2", False),
        (None, False),
    ],
)
async def test_a_206_is_taken_only_if_it_is_the_whole_file(
    origin: Origin, content_range: str | None, *, is_whole: bool
) -> None:
    headers = {"Content-Range": content_range} if content_range else {}
    origin.answer = lambda: web.Response(status=206, body=BODY, headers=headers)

    if is_whole:
        source = await fetched(origin.base)
        assert isinstance(source, Source)
        assert source.data == BODY
    else:
        with pytest.raises(SourceStatus) as raised:
            await fetched(origin.base)
        assert raised.value.status == 404


@pytest.mark.parametrize("encoding", ["br", "deflate", "GZIP", "gzip, gzip", "identity"])
async def test_other_encodings_than_gzip_are_left_as_they_are(origin: Origin, encoding: str) -> None:
    origin.answer = lambda: web.Response(body=BODY, headers={"Content-Encoding": encoding})

    source = await fetched(origin.base)

    assert isinstance(source, Source)
    assert source.data == BODY


async def test_connections_are_kept_unless_the_setting_is_zero() -> None:
    peers = []

    async def handle(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(body=BODY)

    async with RawTestServer(handle) as server:
        for keep_alive_seconds in (90, 0):
            async with loading(client_keep_alive_timeout_seconds=keep_alive_seconds) as loader:
                for _ in range(3):
                    await loader.fetch(str(server.make_url("/")), conditions=Conditions(), max_bytes=0)

    assert len(set(peers[:3])) == 1
    assert len(set(peers[3:])) == 3


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{closed}/x",
        "http://2130706433:{closed}/x",
        "http://127.1:{closed}/x",
        "http://0x7f.1:{closed}/x",
        "http://[::1%25lo]:{closed}/x",
        "http://a..b/x",
        "http:///x",
        "https://127.0.0.1:{open}/x",
    ],
)
async def test_what_cannot_be_reached_is_a_source_error(origin: Origin, url: str) -> None:
    """A closed port, a number for a host, a zone, an empty label, no host, and TLS to a server that speaks none."""
    listener = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    closed = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()

    with pytest.raises(SourceError) as raised:
        await fetched(url.format(closed=closed, open=origin.base.rpartition(":")[2]))

    assert (raised.value.status, raised.value.public) == (404, "Source is unreachable")
    assert origin.targets == []
