"""Redirects of http sources, against an origin on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from renderer.errors import SourceAddressForbidden, SourceError, SourceNotAllowed, SourceStatus
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.http import HttpLoader
from renderer.sources.source import RawRequest, Source

BODY = b"\xff\xd8\xff picture"


@dataclass
class Origin:
    """An origin that redirects as its table says and serves a picture anywhere else."""

    base: str = ""
    locations: dict[str, str] = field(default_factory=dict)
    status: int = 302
    set_cookies: dict[str, list[str]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """`/N` redirects to `/N-1`, `/0` is the picture."""
        self.requests.append((request.raw_path, dict(request.headers)))
        location = self.locations.get(request.path)
        count = request.path.removeprefix("/")
        if count.isdigit() and int(count) > 0:
            location = f"/{int(count) - 1}"
        response = web.Response(body=BODY) if location is None else web.Response(status=self.status)
        if location is not None:
            response.headers["Location"] = location
        for cookie in self.set_cookies.get(request.path, []):
            response.headers.add("Set-Cookie", cookie)
        return response

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _ in self.requests]


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening."""
    origin = Origin()
    async with RawTestServer(origin.handle) as server:
        origin.base = f"http://127.0.0.1:{server.port}"
        yield origin


@dataclass
class AllowList:
    """An allow-list that remembers what it was asked and refuses what begins with `refused`."""

    refused: str = "none"
    asked: list[str] = field(default_factory=list)

    def check(self, url: str) -> None:
        """Raises for what is refused."""
        self.asked.append(url)
        if url.startswith(self.refused):
            raise SourceNotAllowed(url)


async def fetched(
    url: str, *, max_redirects: int = 10, allow_list: AllowList | None = None, conditions: Conditions | None = None
) -> Source:
    """What a fresh loader brings from this machine."""
    settings = SourceSettings(allow_loopback_source_addresses=True, max_redirects=max_redirects)
    loader = HttpLoader(settings, check_source=(allow_list or AllowList()).check)
    try:
        source = await loader.fetch(url, conditions=conditions or Conditions(), max_bytes=0)
    finally:
        await loader.close()
    assert isinstance(source, Source)
    return source


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_every_kind_of_redirect_is_followed(origin: Origin, status: int) -> None:
    origin.status = status

    source = await fetched(origin.base + "/2")

    assert (source.data, source.url, origin.paths) == (BODY, origin.base + "/0", ["/2", "/1", "/0"])


@pytest.mark.parametrize("status", [300, 304, 305, 306])
async def test_other_3xx_statuses_are_no_redirects(origin: Origin, status: int) -> None:
    origin.status = status
    settings = SourceSettings(allow_loopback_source_addresses=True)
    loader = HttpLoader(settings, check_source=AllowList().check)

    async with await loader.stream(origin.base + "/2", RawRequest()) as raw:
        assert raw.status == status
    await loader.close()

    assert origin.paths == ["/2"]


@pytest.mark.parametrize("limit", [0, 1, 3])
async def test_as_many_redirects_are_followed_as_the_setting_says(origin: Origin, limit: int) -> None:
    assert (await fetched(f"{origin.base}/{limit}", max_redirects=limit)).data == BODY

    with pytest.raises(SourceError, match=f"more than {limit}") as raised:
        await fetched(f"{origin.base}/{limit + 1}", max_redirects=limit)

    assert (raised.value.status, raised.value.public) == (404, "Source is unreachable")


async def test_a_loop_ends_at_the_limit(origin: Origin) -> None:
    origin.locations["/loop"] = "/loop"

    with pytest.raises(SourceError, match="redirects"):
        await fetched(origin.base + "/loop", max_redirects=4)

    assert origin.paths == ["/loop"] * 5


@pytest.mark.parametrize("location", ["local:///photo.jpg", "s3://bucket/key", "file:///etc/passwd", "ftp://host/x"])
async def test_a_redirect_to_another_kind_of_source_is_refused(origin: Origin, location: str) -> None:
    origin.locations["/away"] = location
    allow_list = AllowList()

    with pytest.raises(SourceError, match="not http"):
        await fetched(origin.base + "/away", allow_list=allow_list)

    assert allow_list.asked == []


async def test_a_redirect_without_a_location_is_the_answer(origin: Origin) -> None:
    origin.locations["/nowhere"] = ""

    with pytest.raises(SourceStatus, match="status: 302") as raised:
        await fetched(origin.base + "/nowhere")

    assert raised.value.status == 404


async def test_each_hop_but_the_first_passes_the_allow_list(origin: Origin) -> None:
    allow_list = AllowList()

    await fetched(origin.base + "/2", allow_list=allow_list)

    assert allow_list.asked == [origin.base + "/1", origin.base + "/0"]


async def test_a_hop_that_the_allow_list_refuses_is_not_requested(origin: Origin) -> None:
    with pytest.raises(SourceNotAllowed):
        await fetched(origin.base + "/3", allow_list=AllowList(refused=origin.base + "/1"))

    assert origin.paths == ["/3", "/2"]


async def test_the_allow_list_sees_a_hop_as_it_is_requested(origin: Origin) -> None:
    """Neither user info nor a backslash makes the list and the connection see different hosts."""
    good = "http://good.test"
    allow_list = AllowList()
    origin.locations["/in"] = origin.base.replace("http://", "http://good.test@") + "/0"
    origin.locations["/back"] = f"{good}\\@{origin.base.removeprefix('http://')}/0"

    await fetched(origin.base + "/in", allow_list=allow_list)
    with pytest.raises(SourceError):
        await fetched(origin.base + "/back", allow_list=allow_list)

    assert allow_list.asked == [origin.base + "/0"]


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/x", "//169.254.169.254/"]
)
async def test_each_hop_passes_the_address_guard(origin: Origin, location: str) -> None:
    origin.locations["/inside"] = location

    with pytest.raises(SourceAddressForbidden):
        await fetched(origin.base + "/inside")


async def test_headers_are_repeated_and_the_referer_is_the_previous_url(origin: Origin) -> None:
    await fetched(
        origin.base.replace("://", "://user:pw@") + "/2?a=b",
        conditions=Conditions(if_none_match='"x"', if_modified_since="then"),
    )

    sent = [headers for _, headers in origin.requests]
    assert [headers.get("Referer") for headers in sent] == [None, origin.base + "/2?a=b", origin.base + "/1"]
    for headers in sent:
        assert (headers["User-Agent"], headers["Authorization"]) == ("imgproxy/4.0.12", "Basic dXNlcjpwdw==")
        assert (headers["If-None-Match"], headers["If-Modified-Since"]) == ('"x"', "then")


async def test_credentials_do_not_follow_to_another_host(origin: Origin) -> None:
    port = origin.base.rpartition(":")[2]
    origin.locations["/other"] = f"http://localhost:{port}/1"

    await fetched(origin.base.replace("://", "://user:pw@") + "/other")

    assert ["Authorization" in headers for _, headers in origin.requests] == [True, False, False]


async def test_cookies_of_redirects_are_played_back_to_their_host(origin: Origin) -> None:
    port = origin.base.rpartition(":")[2]
    origin.set_cookies = {"/start": ['a="1 2"; Path=/', "b=2", "c=3; Path=/other", "d=4; Secure"]}
    origin.locations = {"/start": "/challenge", "/challenge": f"http://localhost:{port}/0"}

    await fetched(origin.base + "/start")

    assert [headers.get("Cookie") for _, headers in origin.requests] == [None, 'a="1 2"; b=2', None]


async def test_cookies_do_not_outlive_a_fetch(origin: Origin) -> None:
    origin.set_cookies = {"/1": ["a=1"], "/0": ["b=2"]}
    settings = SourceSettings(allow_loopback_source_addresses=True)
    loader = HttpLoader(settings, check_source=AllowList().check)

    for _ in range(2):
        await loader.fetch(origin.base + "/1", conditions=Conditions(), max_bytes=0)
    await loader.close()

    assert [headers.get("Cookie") for _, headers in origin.requests] == [None, "a=1", None, "a=1"]
