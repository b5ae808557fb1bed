"""`swift://` against OpenStack Swift itself, and its authentication against what Keystone would answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from benchmarks.load.proxy import trouble_proxy
from renderer.errors import ConfigurationError, SourceIncomplete, SourceTimeout
from renderer.response.validators import Conditions
from renderer.settings.load import load_settings
from renderer.sources.http_store import open_session
from renderer.sources.objects import ObjectLoader
from renderer.sources.registry import Sources
from renderer.sources.source import NotModified, RawRequest, SourceHeaders
from renderer.sources.swift import Access, SwiftStore, authenticated
from tests.servers.swift import KEY, USER, Swift, running
from tests.servers.web import serving
from tests.stores.answers import JPEG, fetched, raw, refused
from tests.stores.conftest import OpenStores

SIZE = len(JPEG)
STRANGE_KEY = "a/b c%20#é.jpg"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """A Swift with some objects."""
    with running(tmp_path_factory.mktemp("swift")) as server:
        for container in ("pictures", "secrets"):
            server.put(container)
        server.put("pictures/a.jpg", JPEG, Content_Type="image/jpeg", Cache_Control="public, max-age=60")
        server.put(f"pictures/{STRANGE_KEY}", b"strange")
        server.put("secrets/a.jpg", b"secret")
        yield server


def variables(server: Swift) -> dict[str, str]:
    """The settings under which the server is read."""
    named = {"IMGPROXY_SWIFT_USERNAME": USER, "IMGPROXY_SWIFT_API_KEY": KEY, "IMGPROXY_SWIFT_AUTH_URL": server.auth_url}
    return {"IMGPROXY_USE_SWIFT": "true", **named}


@pytest.fixture
async def sources(server: Swift, open_with: OpenStores) -> Sources:
    """The server's objects."""
    return await open_with(**variables(server))


async def test_an_object_comes_with_its_own_headers(sources: Sources) -> None:
    """The tag is Swift's own, without quotes as Swift keeps it."""
    source = await fetched(sources, "swift://pictures/a.jpg")

    assert (source.data, source.url) == (JPEG, "swift://pictures/a.jpg")
    assert source.headers == SourceHeaders(
        etag=source.headers.etag,
        last_modified=source.headers.last_modified,
        cache_control="public, max-age=60",
        content_type="image/jpeg",
    )
    assert len(source.headers.etag or "") == 32


async def test_a_key_is_literal_and_its_query_is_dropped(sources: Sources) -> None:
    assert (await fetched(sources, f"swift://pictures//{STRANGE_KEY}?version=1")).data == b"strange"


@pytest.mark.parametrize(
    "url",
    [
        "swift://pictures/missing.jpg",
        "swift://no-such-container/a.jpg",
        "swift:///a.jpg",
        "swift://pictures/",
        "swift://../a.jpg",
        "swift://pictures/../secrets/a.jpg",
    ],
)
async def test_what_is_not_there_is_404(sources: Sources, url: str) -> None:
    assert await refused(sources, url) == ("SourceStatus", 404)
    assert (await raw(sources, url))[0] == 404


@pytest.mark.parametrize(
    ("allowed", "denied", "pictures", "secrets"),
    [("pictures", "", True, False), ("pictures,secrets", "secrets", True, False), ("", "pictures", False, True)],
)
async def test_container_lists(
    server: Swift, open_with: OpenStores, allowed: str, denied: str, *, pictures: bool, secrets: bool
) -> None:
    lists = {"IMGPROXY_SWIFT_ALLOWED_BUCKETS": allowed, "IMGPROXY_SWIFT_DENIED_BUCKETS": denied}
    sources = await open_with(**variables(server), **lists)

    for container, is_open in (("pictures", pictures), ("secrets", secrets)):
        if is_open:
            await fetched(sources, f"swift://{container}/a.jpg")
        else:
            assert await refused(sources, f"swift://{container}/a.jpg") == ("SourceError", 404)


async def test_conditions_are_swifts_to_judge(sources: Sources) -> None:
    """Swift knows lists of tags and `*`; what it lets pass is compared here once more."""
    headers = (await fetched(sources, "swift://pictures/a.jpg")).headers
    tag, date = headers.etag, headers.last_modified
    old = "Sun, 06 Nov 1994 08:49:37 GMT"

    for conditions in (
        Conditions(if_none_match=f'"{tag}"'),
        Conditions(if_none_match=tag),
        Conditions(if_none_match=f'W/"{tag}"'),
        Conditions(if_none_match=f'"x", "{tag}"'),
        Conditions(if_none_match="*"),
        Conditions(if_modified_since=date),
    ):
        answer = await sources.fetch("swift://pictures/a.jpg", conditions=conditions)
        assert answer == NotModified(headers=SourceHeaders(etag=tag, last_modified=date)), conditions
    for conditions in (Conditions(if_none_match='"x"'), Conditions(if_modified_since=old)):
        assert not isinstance(await sources.fetch("swift://pictures/a.jpg", conditions=conditions), NotModified)


@pytest.mark.parametrize(
    ("wanted", "status", "first", "last"),
    [
        (None, 200, 0, SIZE - 1),
        ("bytes=0-0", 206, 0, 0),
        ("bytes=5-", 206, 5, SIZE - 1),
        ("bytes=-5", 206, SIZE - 5, SIZE - 1),
        ("bytes=5-99999999", 206, 5, SIZE - 1),
        ("bytes=9-5", 200, 0, SIZE - 1),
        (f"bytes={SIZE}-", 416, 0, -1),
    ],
)
async def test_a_range_is_swifts_to_judge(
    sources: Sources, wanted: str | None, status: int, first: int, last: int
) -> None:
    """A part is answered 206."""
    found, headers, body = await raw(sources, "swift://pictures/a.jpg", RawRequest(range=wanted))

    assert (found, body) == (status, JPEG[first : last + 1])
    expected = {206: f"bytes {first}-{last}/{SIZE}", 416: f"bytes */{SIZE}", 200: None}[status]
    assert headers.get("Content-Range") == expected


async def test_a_raw_answer_can_be_304(sources: Sources) -> None:
    headers = (await fetched(sources, "swift://pictures/a.jpg")).headers

    found = await raw(sources, "swift://pictures/a.jpg", RawRequest(if_none_match=f'"{headers.etag}"'))

    assert found == (304, {"Last-Modified": headers.last_modified, "ETag": headers.etag}, b"")


async def test_the_size_is_bounded(sources: Sources) -> None:
    assert (await fetched(sources, "swift://pictures/a.jpg", max_bytes=SIZE)).data == JPEG
    assert await refused(sources, "swift://pictures/a.jpg", max_bytes=SIZE - 1) == ("SourceTooLarge", 422)


async def test_trouble_on_the_way(server: Swift) -> None:
    """A body that is cut short is 422, silence is 504, and both pass."""
    settings = load_settings(variables(server))
    async with trouble_proxy(server.port) as proxy:
        there = server.storage_url.replace(f":{server.port}/", f":{proxy.port}/")
        access = Access(storage_url=there, token=server.token)
        store = SwiftStore(access, lambda: access, settings.swift)
        loader = ObjectLoader(store, open_session(settings.sources), settings.sources, timeout_seconds=0.5)
        try:
            for cut, error in ((SIZE // 2, SourceIncomplete), (None, SourceTimeout)):
                proxy.cut_after_bytes = cut
                if cut is None:
                    proxy.answers.clear()
                with pytest.raises(error):
                    await loader.fetch("swift://pictures/a.jpg", conditions=Conditions(), max_bytes=0)
            proxy.answers.set()

            await loader.fetch("swift://pictures/a.jpg", conditions=Conditions(), max_bytes=0)
        finally:
            await loader.close()


async def test_a_refused_token_is_renewed(server: Swift) -> None:
    """A token that has ended is answered 401; the object comes all the same, and the next ones with the new token."""
    settings = load_settings(variables(server))
    entered = []

    def authenticate() -> Access:
        entered.append(1)
        return authenticated(settings.swift, is_insecure=False)

    old = Access(storage_url=server.storage_url, token="AUTH_ftk-ended")
    store = SwiftStore(old, authenticate, settings.swift)
    loader = ObjectLoader(store, open_session(settings.sources), settings.sources)
    try:
        for _ in range(2):
            await loader.fetch("swift://pictures/a.jpg", conditions=Conditions(), max_bytes=0)
    finally:
        await loader.close()

    assert len(entered) == 1


async def test_a_wrong_password_stops_the_start(server: Swift, open_with: OpenStores) -> None:
    with pytest.raises(ConfigurationError, match=r"IMGPROXY_SWIFT_.*401"):
        await open_with(**{**variables(server), "IMGPROXY_SWIFT_API_KEY": "wrong"})


async def test_a_server_that_is_not_there_stops_the_start(open_with: OpenStores, unused_tcp_port: int) -> None:
    with pytest.raises(ConfigurationError, match="IMGPROXY_SWIFT_"):
        await open_with(
            IMGPROXY_USE_SWIFT="true",
            IMGPROXY_SWIFT_USERNAME=USER,
            IMGPROXY_SWIFT_API_KEY=KEY,
            IMGPROXY_SWIFT_AUTH_URL=f"http://127.0.0.1:{unused_tcp_port}/auth/v1.0",
        )


@pytest.mark.parametrize("version", ["2.0", "3"])
async def test_keystone_is_asked_with_tenant_and_domain(open_with: OpenStores, version: str) -> None:
    """Versions 2 and 3 go to Keystone, here a socket of this process that answers as its API says."""
    asked: list[Any] = []

    async def keystone(request: web.Request) -> web.Response:
        if request.method == "GET":
            return (
                web.Response(body=JPEG) if request.headers.get("X-Auth-Token") == "token" else web.Response(status=401)
            )
        asked.append(await request.json())
        url = f"http://{request.host}/v1/AUTH_site"
        return _token_2(url) if version == "2.0" else _token_3(url)

    async with serving(keystone) as port:
        sources = await open_with(
            IMGPROXY_USE_SWIFT="true",
            IMGPROXY_SWIFT_USERNAME="reader",
            IMGPROXY_SWIFT_API_KEY="reader-key",
            IMGPROXY_SWIFT_AUTH_URL=f"http://127.0.0.1:{port}/v{version}",
            IMGPROXY_SWIFT_TENANT="site",
            IMGPROXY_SWIFT_DOMAIN="home" if version == "3" else "",
        )

        assert (await fetched(sources, "swift://pictures/a.jpg")).data == JPEG

    if version == "2.0":
        credentials = {"username": "reader", "password": "reader-key"}
        assert asked == [{"auth": {"passwordCredentials": credentials, "tenantName": "site"}}]
    else:
        auth = asked[0]["auth"]
        user = {"name": "reader", "password": "reader-key", "domain": {"name": "home"}}
        assert auth["identity"] == {"methods": ["password"], "password": {"user": user}}
        assert auth["scope"] == {"project": {"name": "site", "domain": {"name": "home"}}}


def _token_2(url: str) -> web.Response:
    endpoint = {"publicURL": url, "internalURL": url, "adminURL": url, "region": "here", "id": "1"}
    token = {"id": "token", "expires": "2100-01-01T00:00:00Z", "tenant": {"id": "1", "name": "site"}}
    user = {"id": "1", "name": "reader", "roles": [], "username": "reader"}
    catalog = [{"type": "object-store", "name": "swift", "endpoints": [endpoint]}]
    return web.json_response({"access": {"token": token, "user": user, "serviceCatalog": catalog}})


def _token_3(url: str) -> web.Response:
    endpoint = {"interface": "public", "url": url, "region": "here", "region_id": "here", "id": "1"}
    catalog = [{"type": "object-store", "name": "swift", "id": "1", "endpoints": [endpoint]}]
    domain = {"id": "1", "name": "home"}
    token = {
        "methods": ["password"],
        "expires_at": "2100-01-01T00:00:00.000000Z",
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "user": {"id": "1", "name": "reader", "domain": domain},
        "project": {"id": "1", "name": "site", "domain": domain},
        "catalog": catalog,
        "roles": [],
    }
    return web.json_response({"token": token}, status=201, headers={"X-Subject-Token": "token"})
