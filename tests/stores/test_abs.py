"""`abs://` against Azurite, a process of its own that verifies signatures."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from benchmarks.load.proxy import trouble_proxy
from renderer.errors import SourceIncomplete, SourceTimeout
from renderer.response.validators import Conditions
from renderer.sources.azure import signature
from renderer.sources.registry import Sources
from renderer.sources.source import NotModified, RawRequest, SourceHeaders
from tests.servers.azurite import ACCOUNT, KEY, Azurite, running
from tests.servers.web import serving, untrusted_tls
from tests.stores.answers import JPEG, fetched, raw, refused
from tests.stores.conftest import OpenStores

SIZE = len(JPEG)
STRANGE_KEY = "a/b c%20#é+&.jpg"


@pytest.fixture(scope="module")
def server() -> Iterator[Azurite]:
    """A server with some blobs."""
    with running() as server:
        server.put("pictures/a.jpg", JPEG, content_type="image/jpeg", cache_control="public, max-age=60")
        server.put(f"pictures/{STRANGE_KEY}", b"strange")
        server.put("secrets/a.jpg", b"secret")
        yield server


def variables(server: Azurite) -> dict[str, str]:
    """The settings under which the server is read."""
    named = {"IMGPROXY_ABS_NAME": ACCOUNT, "IMGPROXY_ABS_KEY": KEY, "IMGPROXY_ABS_ENDPOINT": server.endpoint}
    return {"IMGPROXY_USE_ABS": "true", **named}


@pytest.fixture
async def sources(server: Azurite, open_with: OpenStores) -> Sources:
    """The server's blobs."""
    return await open_with(**variables(server))


async def test_a_blob_comes_with_its_own_validators_and_cache_control(sources: Sources) -> None:
    source = await fetched(sources, "abs://pictures/a.jpg")

    assert (source.data, source.url) == (JPEG, "abs://pictures/a.jpg")
    assert source.headers.etag is not None
    assert source.headers.etag.startswith('"0x')
    assert source.headers.last_modified is not None
    assert (source.headers.cache_control, source.headers.expires) == ("public, max-age=60", None)


async def test_a_key_is_literal_and_its_query_is_dropped(sources: Sources) -> None:
    assert (await fetched(sources, f"abs://pictures//{STRANGE_KEY}?version=1")).data == b"strange"


@pytest.mark.parametrize(
    "url",
    [
        "abs://pictures/missing.jpg",
        "abs://no-such-container/a.jpg",
        "abs:///a.jpg",
        "abs://pictures/",
        "abs://pictures/../secrets/a.jpg",
    ],
)
async def test_what_is_not_there_is_404(sources: Sources, url: str) -> None:
    assert await refused(sources, url) == ("SourceStatus", 404)
    assert (await raw(sources, url))[0] == 404


async def test_a_status_of_azure_is_the_sources(server: Azurite, open_with: OpenStores) -> None:
    """A wrong key is 403, and a raw answer says so without Azure's text."""
    wrong = base64.b64encode(b"another key").decode()
    sources = await open_with(**{**variables(server), "IMGPROXY_ABS_KEY": wrong})

    assert await refused(sources, "abs://pictures/a.jpg") == ("SourceStatus", 403)
    assert await raw(sources, "abs://pictures/a.jpg") == (
        403,
        {"Content-Type": "text/plain"},
        b"/a.jpg can't be read",
    )


@pytest.mark.parametrize(
    ("allowed", "denied", "pictures", "secrets"),
    [("pictures", "", True, False), ("pictures,secrets", "secrets", True, False), ("", "pictures", False, True)],
)
async def test_container_lists(
    server: Azurite, open_with: OpenStores, allowed: str, denied: str, *, pictures: bool, secrets: bool
) -> None:
    lists = {"IMGPROXY_ABS_ALLOWED_BUCKETS": allowed, "IMGPROXY_ABS_DENIED_BUCKETS": denied}
    sources = await open_with(**variables(server), **lists)

    for container, is_open in (("pictures", pictures), ("secrets", secrets)):
        if is_open:
            await fetched(sources, f"abs://{container}/a.jpg")
        else:
            assert await refused(sources, f"abs://{container}/a.jpg") == ("SourceError", 404)


async def test_conditions_are_judged_here(sources: Sources) -> None:
    """A list of tags and `*` match nothing, which tells us from Azure."""
    headers = (await fetched(sources, "abs://pictures/a.jpg")).headers
    tag, date = headers.etag or "", headers.last_modified
    bare = tag.strip('"')

    for conditions in (
        Conditions(if_none_match=tag),
        Conditions(if_none_match=bare),
        Conditions(if_modified_since=date),
    ):
        answer = await sources.fetch("abs://pictures/a.jpg", conditions=conditions)
        assert answer == NotModified(headers=SourceHeaders(etag=tag, last_modified=date)), conditions
    for conditions in (
        Conditions(if_none_match="*"),
        Conditions(if_none_match=f'"x", {tag}'),
        Conditions(if_none_match='"x"', if_modified_since=date),
    ):
        assert not isinstance(await sources.fetch("abs://pictures/a.jpg", conditions=conditions), NotModified)


@pytest.mark.parametrize(
    ("wanted", "status", "first", "last"),
    [
        (None, 200, 0, SIZE - 1),
        ("bytes=0-0", 200, 0, SIZE - 1),
        ("bytes=0-1", 206, 0, 1),
        ("bytes=5-", 206, 5, SIZE - 1),
        ("bytes=5-6,8-9", 206, 5, 6),
        ("bytes=5-99999999", 206, 5, SIZE - 1),
    ],
)
async def test_raw_answers_and_their_ranges(
    sources: Sources, wanted: str | None, status: int, first: int, last: int
) -> None:
    found, headers, body = await raw(sources, "abs://pictures/a.jpg", RawRequest(range=wanted))

    assert (found, body) == (status, JPEG[first : last + 1])
    assert headers.get("Content-Range") == (f"bytes {first}-{last}/{SIZE}" if status == 206 else None)
    assert (headers["Content-Type"], headers["Accept-Ranges"]) == ("image/jpeg", "bytes")


@pytest.mark.parametrize("wanted", ["bytes=-5", "bytes=9-5", f"bytes={SIZE + 1}-"])
async def test_an_impossible_range_is_416(sources: Sources, wanted: str) -> None:
    status, _, body = await raw(sources, "abs://pictures/a.jpg", RawRequest(range=wanted))

    assert (status, body) == (416, b"")


async def test_a_raw_answer_can_be_304(sources: Sources) -> None:
    headers = (await fetched(sources, "abs://pictures/a.jpg")).headers

    found = await raw(sources, "abs://pictures/a.jpg", RawRequest(if_modified_since=headers.last_modified))

    assert found == (304, {"Last-Modified": headers.last_modified, "ETag": headers.etag}, b"")


async def test_the_size_is_bounded(sources: Sources) -> None:
    assert (await fetched(sources, "abs://pictures/a.jpg", max_bytes=SIZE)).data == JPEG
    assert await refused(sources, "abs://pictures/a.jpg", max_bytes=SIZE - 1) == ("SourceTooLarge", 422)


async def test_trouble_on_the_way(server: Azurite, open_with: OpenStores) -> None:
    """A body that is cut short is 422, silence is 504, and both pass."""
    async with trouble_proxy(server.port) as proxy:
        endpoint = f"http://127.0.0.1:{proxy.port}/{ACCOUNT}"
        changed = {"IMGPROXY_ABS_ENDPOINT": endpoint, "IMGPROXY_DOWNLOAD_TIMEOUT": "1"}
        sources = await open_with(**{**variables(server), **changed})
        proxy.cut_after_bytes = SIZE // 2
        with pytest.raises(SourceIncomplete):
            await sources.fetch("abs://pictures/a.jpg")
        proxy.cut_after_bytes = None
        proxy.answers.clear()
        with pytest.raises(SourceTimeout):
            await sources.fetch("abs://pictures/a.jpg")
        proxy.answers.set()

        assert (await fetched(sources, "abs://pictures/a.jpg")).data == JPEG


def test_a_signature_covers_headers_and_path() -> None:
    """The signature, as OpenSSL computes it from the text that Azure's documentation prescribes."""
    headers = {"Range": "bytes=0-1", "x-ms-version": "2021-12-02", "x-ms-date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    url = URL("https://picturesite.blob.core.windows.net/pictures/a%20b.jpg", encoded=True)

    assert signature("picturesite", b"key", url, headers) == "xq4wNiI4dlrpCjtjMFa87hBu+hOxF1i5vd3VFi9iueo="


@pytest.fixture
async def scopes(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Credentials as an app in Azure has them: tokens from a local endpoint. It yields what they were asked for."""
    scopes: list[str] = []

    async def token(request: web.Request) -> web.Response:
        scopes.append(resource := request.query["resource"])
        bearer = {"access_token": "open-sesame", "token_type": "Bearer"}
        return web.json_response({**bearer, "resource": resource, "expires_on": "4102444800"})

    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    async with serving(token) as port:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        yield scopes


async def test_without_a_key_azures_default_credentials_are_used(
    open_with: OpenStores, scopes: list[str], tmp_path: Path
) -> None:
    """One token serves requests at the same time; it is sent over TLS, whose certificate counts unless told not to."""
    authorizations = []

    async def blob(request: web.Request) -> web.Response:
        authorizations.append(request.headers["Authorization"])
        return web.Response(body=JPEG)

    async with serving(blob, tls=untrusted_tls(tmp_path)) as port:
        named = {"IMGPROXY_ABS_NAME": ACCOUNT, "IMGPROXY_ABS_ENDPOINT": f"127.0.0.1:{port}"}
        trusting = await open_with(IMGPROXY_USE_ABS="true", IMGPROXY_IGNORE_SSL_VERIFICATION="true", **named)
        strict = await open_with(IMGPROXY_USE_ABS="true", **named)

        await asyncio.gather(*(fetched(trusting, f"abs://pictures/{number}.jpg") for number in range(5)))
        assert await refused(strict, "abs://pictures/a.jpg") == ("StoreUnreachable", 502)

    assert authorizations == ["Bearer open-sesame"] * 5
    assert scopes == ["https://storage.azure.com"] * 2
