"""Headers that are added to requests of sources, passed on to them, and passed back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from multidict import CIMultiDict

from renderer.response.validators import Conditions
from renderer.settings.headers import HeaderSettings
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import open_sources
from renderer.sources.source import ClientRequest, NotModified, RawRequest, Source, SourceHeaders


@dataclass
class Origin:
    """An origin that remembers headers; `/to/PLACE` redirects to the place, `/304` is not modified."""

    base: str = ""
    port: int = 0
    answer: CIMultiDict[str] = field(default_factory=CIMultiDict)
    requests: list[list[tuple[str, str]]] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Notes the headers as they came."""
        self.requests.append([(name.decode(), value.decode()) for name, value in request.raw_headers])
        if request.raw_path.startswith("/to/"):
            return web.Response(status=302, headers={"Location": request.raw_path[4:]})
        if request.path == "/304":
            return web.Response(status=304, headers=self.answer)
        return web.Response(body=b"body", headers=self.answer)

    @property
    def sent(self) -> dict[str, str]:
        """The headers of the last request."""
        return dict(self.requests[-1])


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening."""
    origin = Origin()
    async with RawTestServer(origin.handle) as server:
        assert server.port is not None
        origin.port = server.port
        origin.base = f"http://127.0.0.1:{server.port}"
        yield origin


async def answered(
    url: str,
    headers: HeaderSettings,
    *,
    client: ClientRequest | None = None,
    conditions: Conditions | None = None,
    raw: RawRequest | None = None,
) -> SourceHeaders:
    """What fresh sources say of the answer."""
    settings = SourceSettings(allow_loopback_source_addresses=True)
    sources = open_sources(settings, check_source=lambda _: None, headers=headers)
    try:
        if raw is not None:
            async with await sources.stream(url, raw, client=client) as stream:
                return stream.caching
        source = await sources.fetch(url, conditions=conditions, client=client)
    finally:
        await sources.close()
    assert isinstance(source, Source | NotModified)
    return source.headers


def from_client(headers: Mapping[str, str], **extra: str) -> ClientRequest:
    """A client's request."""
    return ClientRequest(headers=headers, extra_headers=extra)


@pytest.mark.parametrize("raw", [None, RawRequest()])
async def test_custom_headers_go_to_the_source(origin: Origin, raw: RawRequest | None) -> None:
    headers = HeaderSettings(custom_request_text="X-Key=a=b; c\\;Accept=image/*\\;User-Agent=me\\;Host=images.test:81")

    await answered(origin.base, headers, raw=raw)

    assert origin.sent == {"Host": "images.test:81", "User-Agent": "me", "X-Key": "a=b; c", "Accept": "image/*"}


@pytest.mark.parametrize("raw", [None, RawRequest()])
async def test_listed_headers_of_the_client_go_to_the_source(origin: Origin, raw: RawRequest | None) -> None:
    headers = HeaderSettings(request_passthrough=("x-one", "Host", "User-Agent", "X-Missing", "X-Empty"))
    client = CIMultiDict([("X-One", "1"), ("x-one", "2"), ("X-Two", "3"), ("Host", "img.test"), ("X-Empty", "")])

    await answered(origin.base, headers, client=from_client(client), raw=raw)

    assert origin.sent == {"Host": "img.test", "User-Agent": "imgproxy/4.0.12", "x-one": "1, 2", "X-Empty": ""}


async def test_the_operator_wins_over_the_client_and_a_tracer_too(origin: Origin) -> None:
    headers = HeaderSettings(custom_request_text="X-Key=ours", request_passthrough=("X-Key", "traceparent"))
    client = from_client({"x-key": "theirs", "traceparent": "theirs"}, traceparent="ours")

    await answered(origin.base, headers, client=client)

    assert (origin.sent["X-Key"], origin.sent["traceparent"]) == ("ours", "ours")


async def test_what_this_server_asks_wins_over_the_client(origin: Origin) -> None:
    """Otherwise a client's own ETag, without the buster, could bring a 304 that nobody can use."""
    headers = HeaderSettings(request_passthrough=("If-None-Match", "If-Modified-Since"))
    client = from_client({"If-None-Match": '"theirs"', "If-Modified-Since": "then"})

    await answered(origin.base, headers, client=client, conditions=Conditions(if_none_match='"ours"'))

    assert (origin.sent["If-None-Match"], origin.sent["If-Modified-Since"]) == ('"ours"', "then")


async def test_extra_headers_are_for_processing_only(origin: Origin) -> None:
    client = from_client({}, traceparent="00-1-2-01")

    await answered(origin.base, HeaderSettings(), client=client)
    assert origin.sent["traceparent"] == "00-1-2-01"

    await answered(origin.base, HeaderSettings(), client=client, raw=RawRequest())
    assert "traceparent" not in origin.sent


async def test_nothing_of_the_client_goes_on_by_itself(origin: Origin) -> None:
    await answered(origin.base, HeaderSettings(), client=from_client({"Cookie": "a=1", "Authorization": "Bearer x"}))

    assert sorted(origin.sent) == ["Host", "User-Agent"]


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\0", "\udcff"])
async def test_a_value_that_cannot_be_written_is_dropped(origin: Origin, value: str) -> None:
    headers = HeaderSettings(request_passthrough=("X-A", "Host", "Cookie", "Authorization"))
    client = {"X-A": value, "Host": value, "Cookie": value, "Authorization": value}

    await answered(origin.base, headers, client=from_client(client))

    assert sorted(origin.sent) == ["Host", "User-Agent"]


async def test_headers_of_the_client_s_own_connection_stay_there(origin: Origin) -> None:
    headers = HeaderSettings(request_passthrough=("X-Hop", "X-End"))
    client = from_client({"Connection": "close, X-Hop", "X-Hop": "1", "X-End": "2"})

    await answered(origin.base, headers, client=client)

    assert ("X-Hop" in origin.sent, origin.sent["X-End"]) == (False, "2")


async def test_headers_are_repeated_on_every_hop_of_a_redirect(origin: Origin) -> None:
    headers = HeaderSettings(custom_request_text="X-Key=a", request_passthrough=("X-One",))

    await answered(f"{origin.base}/to//x", headers, client=from_client({"X-One": "1"}))

    assert [(dict(sent)["X-Key"], dict(sent)["X-One"]) for sent in origin.requests] == [("a", "1")] * 2


@pytest.mark.parametrize(
    ("location", "authorization", "host"),
    [
        ("/x", "Bearer x", "images.test"),
        ("http://127.0.0.1:{port}/x", "Bearer x", "127.0.0.1:{port}"),
        ("http://localhost:{port}/x", None, "localhost:{port}"),
        ("//localhost:{port}/x", None, "localhost:{port}"),
    ],
)
async def test_authorization_stays_with_its_host_and_a_chosen_host_with_redirects_that_name_none(
    origin: Origin, location: str, authorization: str | None, host: str
) -> None:
    headers = HeaderSettings(custom_request_text="Authorization=Bearer x\\;Host=images.test")

    await answered(f"{origin.base}/to/{location.format(port=origin.port)}", headers)

    assert origin.sent.get("Authorization") == authorization
    assert origin.sent["Host"] == host.format(port=origin.port)


async def test_a_custom_authorization_wins_over_user_info(origin: Origin) -> None:
    await answered(
        origin.base.replace("://", "://user:pw@"), HeaderSettings(custom_request_text="Authorization=Bearer x")
    )

    assert origin.sent["Authorization"] == "Bearer x"


LISTED = HeaderSettings(
    response_passthrough=("X-One", "x-two", "X-Missing", "Set-Cookie", "Content-Encoding", "X-Hop", "Content-Range")
)


@pytest.mark.parametrize(("path", "raw"), [("/", None), ("/304", None), ("/", RawRequest())])
async def test_listed_headers_of_the_source_come_back(origin: Origin, path: str, raw: RawRequest | None) -> None:
    """Framing headers and those of the source's own body never do: they would be wrong on another body."""
    origin.answer = CIMultiDict(
        [
            ("X-One", "1"),
            ("X-One", "2"),
            ("X-Two", "3"),
            ("X-Other", "4"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("Content-Encoding", "br"),
            ("Content-Range", "bytes 0-3/4"),
            ("X-Hop", "5"),
            ("Connection", "keep-alive, x-hop"),
        ]
    )

    caching = await answered(origin.base + path, LISTED, raw=raw)

    assert caching.passed == {"X-One": "1, 2", "x-two": "3", "Set-Cookie": "a=1"}


async def test_without_a_list_nothing_comes_back(origin: Origin) -> None:
    origin.answer = CIMultiDict({"X-One": "1"})

    assert (await answered(origin.base, HeaderSettings())).passed == {}
