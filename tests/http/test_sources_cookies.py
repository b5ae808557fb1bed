"""The client's cookies on their way to a source."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from renderer.settings.headers import HeaderSettings
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import open_sources
from renderer.sources.source import ClientRequest, RawRequest


@dataclass
class Origin:
    """An origin that remembers cookies; `/to/PLACE` redirects to the place and sets `seen` and `a`."""

    base: str = ""
    port: int = 0
    cookies: list[str | None] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Notes the Cookie header."""
        self.cookies.append(request.headers.get("Cookie"))
        if not request.raw_path.startswith("/to/"):
            return web.Response(body=b"body")
        response = web.Response(status=302, headers={"Location": request.raw_path[4:]})
        response.headers.add("Set-Cookie", "seen=1; Path=/")
        response.headers.add("Set-Cookie", "a=new; Path=/")
        return response


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening."""
    origin = Origin()
    async with RawTestServer(origin.handle) as server:
        assert server.port is not None
        origin.port = server.port
        origin.base = f"http://127.0.0.1:{server.port}"
        yield origin


async def fetch(
    url: str, client: dict[str, str], *, raw: bool = False, headers: HeaderSettings | None = None, **settings: object
) -> None:
    """Fetches with cookies passed on."""
    wanted = {"allow_loopback_source_addresses": True, "cookie_passthrough": True, **settings}
    sources = open_sources(SourceSettings(**wanted), check_source=lambda _: None, headers=headers)  # type: ignore[arg-type]
    asked = ClientRequest(headers=client)
    try:
        if raw:
            await (await sources.stream(url, RawRequest(), client=asked)).aclose()
        else:
            await sources.fetch(url, client=asked)
    finally:
        await sources.close()


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    ("client", "settings", "sent"),
    [
        ({"Host": "127.0.0.1:8080"}, {}, 'a=1; b="2 3"'),
        ({"Host": "img.test"}, {}, None),
        ({"Host": "in.test", "X-Forwarded-Host": "127.0.0.1"}, {}, 'a=1; b="2 3"'),
        ({"Host": "127.0.0.1", "X-Forwarded-Host": "img.test"}, {}, None),
        ({"Host": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "9"}, {}, 'a=1; b="2 3"'),
        ({"Host": "127.0.0.1"}, {"cookie_base_url": "http://img.test/"}, None),
        ({"Host": "img.test"}, {"cookie_base_url": "https://127.0.0.1/"}, 'a=1; b="2 3"'),
        ({"Host": "img.test"}, {"cookie_base_url": "https://127.0.0.1/app/page"}, None),
        ({"Host": "img.test"}, {"cookie_passthrough_all": True}, 'a=1; b="2 3"'),
        ({"Host": "127.0.0.1"}, {"cookie_passthrough": False, "cookie_passthrough_all": True}, None),
    ],
)
async def test_cookies_go_to_the_host_that_they_are_from(
    origin: Origin, client: dict[str, str], settings: dict[str, object], sent: str | None, *, raw: bool
) -> None:
    await fetch(f"{origin.base}/x", {"Cookie": 'a=1; b="2 3"', **client}, raw=raw, **settings)

    assert origin.cookies == [sent]


async def test_a_cookie_of_a_redirect_replaces_the_client_s(origin: Origin) -> None:
    await fetch(f"{origin.base}/to//x", {"Cookie": "a=1; b=2", "Host": "127.0.0.1"})

    assert origin.cookies == ["a=1; b=2", "b=2; seen=1; a=new"]


@pytest.mark.parametrize("settings", [{}, {"cookie_passthrough_all": True}])
async def test_cookies_do_not_follow_a_redirect_to_another_host(origin: Origin, settings: dict[str, object]) -> None:
    there, back = f"http://localhost:{origin.port}/to/", f"{origin.base}/x"
    await fetch(f"{origin.base}/to/{there}{back}", {"Cookie": "a=1", "Host": "127.0.0.1"}, **settings)

    # Back home the client's cookie stays away, the one that the redirect set does not.
    assert origin.cookies == ["a=1", None, "seen=1; a=new"]


async def test_a_cookie_header_of_the_settings_joins_them(origin: Origin) -> None:
    headers = HeaderSettings(custom_request_text="Cookie=z=9")

    await fetch(f"{origin.base}/x", {"Cookie": "a=1", "Host": "127.0.0.1"}, headers=headers)

    assert origin.cookies == ["a=1; z=9"]
