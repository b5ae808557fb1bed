"""`gs://` against fake-gcs-server, a process of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.load.proxy import trouble_proxy
from renderer.errors import ConfigurationError, SourceIncomplete, SourceTimeout
from renderer.response.validators import Conditions, parse_http_date
from renderer.sources.gcs import object_etag
from renderer.sources.registry import Sources
from renderer.sources.source import NotModified, RawRequest, SourceHeaders
from tests.servers.gcs import FakeGcs, running
from tests.stores.answers import JPEG, fetched, raw, refused
from tests.stores.conftest import OpenStores

NO_CREDENTIALS = ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST")
STRANGE_KEY = "a/b c%20#é.jpg"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeGcs]:
    """A server with a bucket of some objects."""
    with running() as server:
        server.make_bucket("pictures")
        server.make_bucket("secrets")
        server.put("pictures", "a.jpg", JPEG, cacheControl="public, max-age=60", contentType="image/jpeg")
        server.put("pictures", STRANGE_KEY, b"strange")
        server.put("secrets", "a.jpg", b"secret")
        yield server


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Keeps this machine's Google credentials out."""
    for name in NO_CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))


@pytest.fixture
async def sources(server: FakeGcs, open_with: OpenStores) -> Sources:
    """The server's objects."""
    return await open_with(IMGPROXY_USE_GCS="true", IMGPROXY_GCS_ENDPOINT=server.endpoint)


def expected_etag(resource: dict[str, Any], last_modified: str | None) -> str:
    """The tag as spec 03 section 4.6 writes it, from what the upload answered."""
    (checksum,) = struct.unpack(">I", base64.b64decode(resource["crc32c"]))
    modified = parse_http_date(last_modified or "")
    assert modified is not None
    return struct.pack("<IQ", checksum, int(modified.timestamp()) * 10**9).hex()


async def test_an_object_comes_with_validators_and_cache_control(server: FakeGcs, sources: Sources) -> None:
    resource = server.put("pictures", "new.jpg", JPEG, cacheControl="max-age=9", contentType="image/jpeg")

    source = await fetched(sources, "gs://pictures/new.jpg")

    assert (source.data, source.url) == (JPEG, "gs://pictures/new.jpg")
    assert source.headers == SourceHeaders(
        etag=expected_etag(resource, source.headers.last_modified),
        last_modified=source.headers.last_modified,
        cache_control="max-age=9",
        content_type="image/jpeg",
    )


@pytest.mark.parametrize(
    ("hashes", "last_modified", "etag"),
    [
        ("crc32c=AQIDBA==,md5=x", "Thu, 01 Jan 1970 00:00:01 GMT", "04030201" + "00ca9a3b00000000"),
        ("md5=x,crc32c=AQIDBA==", "Thu, 01 Jan 1970 00:00:01 GMT", "04030201" + "00ca9a3b00000000"),
        ("md5=x", "Thu, 01 Jan 1970 00:00:01 GMT", "00000000" + "00ca9a3b00000000"),
        ("crc32c=!!", "Thu, 01 Jan 1970 00:00:00 GMT", "0" * 24),
        ("crc32c=AQIDBA==", "yesterday", None),
        ("crc32c=AQIDBA==", None, None),
    ],
)
def test_the_tag_is_checksum_and_time(hashes: str, last_modified: str | None, etag: str | None) -> None:
    """The tag is the CRC32C and the nanoseconds of the time, both little-endian."""
    assert object_etag(hashes, last_modified) == etag


async def test_a_key_is_literal(open_with: OpenStores, server: FakeGcs, sources: Sources) -> None:
    undivided = await open_with(
        IMGPROXY_USE_GCS="true", IMGPROXY_GCS_ENDPOINT=server.endpoint, IMGPROXY_SOURCE_URL_QUERY_SEPARATOR=""
    )
    server.put("pictures", "a.jpg?b", b"question mark")

    assert (await fetched(sources, f"gs://pictures//{STRANGE_KEY}")).data == b"strange"
    assert (await fetched(undivided, "gs://pictures/a.jpg?b")).data == b"question mark"


async def test_the_query_is_a_generation(server: FakeGcs, sources: Sources) -> None:
    """The query names a generation if it is a positive whole number; any other is as if it were not there."""
    old = server.put("pictures", "twice.jpg", b"old")["generation"]
    server.put("pictures", "twice.jpg", b"new")

    assert (await fetched(sources, f"gs://pictures/twice.jpg?{old}")).data == b"old"
    for query in ("", "?", "?0", "?-1", "?latest", f"?v={old}", "?" + "9" * 30):
        assert (await fetched(sources, f"gs://pictures/twice.jpg{query}")).data == b"new", query
    assert await refused(sources, "gs://pictures/twice.jpg?1") == ("SourceStatus", 404)


@pytest.mark.parametrize(
    "url",
    [
        "gs://pictures/missing.jpg",
        "gs://no-such-bucket/a.jpg",
        "gs:///a.jpg",
        "gs://pictures",
        "gs://pictures/",
        "gs://../pictures/a.jpg",
        "gs://pictures/x/../../secrets/a.jpg",
    ],
)
async def test_what_is_not_there_is_404(sources: Sources, url: str) -> None:
    assert await refused(sources, url) == ("SourceStatus", 404)

    status, headers, body = await raw(sources, url)

    assert (status, headers) == (404, {"Content-Type": "text/plain"})
    assert body.startswith(b"/")


@pytest.mark.parametrize(
    ("allowed", "denied", "pictures", "secrets"),
    [
        ("", "", True, True),
        ("pictures", "", True, False),
        ("pictures, secrets", "secrets", True, False),
        ("", "secrets", True, False),
        ("picture", "", False, False),
    ],
)
async def test_bucket_lists(
    server: FakeGcs, open_with: OpenStores, allowed: str, denied: str, *, pictures: bool, secrets: bool
) -> None:
    """Names are exact, and a denied bucket stays denied when it is allowed too."""
    sources = await open_with(
        IMGPROXY_USE_GCS="true",
        IMGPROXY_GCS_ENDPOINT=server.endpoint,
        IMGPROXY_GCS_ALLOWED_BUCKETS=allowed,
        IMGPROXY_GCS_DENIED_BUCKETS=denied,
    )

    for bucket, is_open in (("pictures", pictures), ("secrets", secrets)):
        if is_open:
            await fetched(sources, f"gs://{bucket}/a.jpg")
        else:
            assert await refused(sources, f"gs://{bucket}/a.jpg") == ("SourceError", 404)


async def test_conditions_are_judged_here(sources: Sources) -> None:
    """One tag decides alone, without `W/` and quotes; a date decides if there is no tag."""
    headers = (await fetched(sources, "gs://pictures/a.jpg")).headers
    tag, date = headers.etag, headers.last_modified
    old = "Sun, 06 Nov 1994 08:49:37 GMT"
    current = [
        Conditions(if_none_match=tag),
        Conditions(if_none_match=f'W/"{tag}"'),
        Conditions(if_none_match=tag, if_modified_since=old),
        Conditions(if_modified_since=date),
    ]
    changed = [
        Conditions(if_none_match="*"),
        Conditions(if_none_match=f'"x", "{tag}"'),
        Conditions(if_none_match="x", if_modified_since=date),
        Conditions(if_modified_since=old),
    ]

    for conditions in current:
        answer = await sources.fetch("gs://pictures/a.jpg", conditions=conditions)
        assert answer == NotModified(headers=SourceHeaders(etag=tag, last_modified=date)), conditions
    for conditions in changed:
        assert not isinstance(await sources.fetch("gs://pictures/a.jpg", conditions=conditions), NotModified)


SIZE = len(JPEG)


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
    headers = (await fetched(sources, "gs://pictures/a.jpg")).headers

    found = await raw(sources, "gs://pictures/a.jpg", RawRequest(range=wanted, if_none_match="other"))

    expected = {"Content-Type": "image/jpeg"}
    if status == 206:
        expected["Content-Range"] = f"bytes {first}-{last}/{SIZE}"
    validators = {"Last-Modified": headers.last_modified, "ETag": headers.etag}
    assert found == (status, {**expected, "Accept-Ranges": "bytes", **validators}, JPEG[first : last + 1])


@pytest.mark.parametrize("wanted", ["bytes=-5", "bytes=9-5", "lines=1-2", "bytes=x", f"bytes={SIZE}-"])
async def test_an_impossible_range_is_416(sources: Sources, wanted: str) -> None:
    status, _, body = await raw(sources, "gs://pictures/a.jpg", RawRequest(range=wanted))

    assert (status, body) == (416, b"")


async def test_a_raw_answer_can_be_304(sources: Sources) -> None:
    headers = (await fetched(sources, "gs://pictures/a.jpg")).headers

    found = await raw(sources, "gs://pictures/a.jpg", RawRequest(if_none_match=headers.etag))

    assert found == (304, {"Last-Modified": headers.last_modified, "ETag": headers.etag}, b"")


async def test_the_size_is_bounded(sources: Sources) -> None:
    assert (await fetched(sources, "gs://pictures/a.jpg", max_bytes=SIZE)).data == JPEG
    assert await refused(sources, "gs://pictures/a.jpg", max_bytes=SIZE - 1) == ("SourceTooLarge", 422)


async def test_a_body_that_is_cut_short_is_an_error(server: FakeGcs, open_with: OpenStores) -> None:
    async with trouble_proxy(server.port) as proxy:
        sources = await open_with(IMGPROXY_USE_GCS="true", IMGPROXY_GCS_ENDPOINT=f"http://127.0.0.1:{proxy.port}")
        proxy.cut_after_bytes = SIZE // 2

        with pytest.raises(SourceIncomplete) as cut:
            await sources.fetch("gs://pictures/a.jpg")
        with pytest.raises(SourceIncomplete):
            await raw(sources, "gs://pictures/a.jpg")
        proxy.cut_after_bytes = None

        assert cut.value.is_late
        assert (await fetched(sources, "gs://pictures/a.jpg")).data == JPEG


async def test_a_store_that_keeps_silent_is_504(server: FakeGcs, open_with: OpenStores) -> None:
    async with trouble_proxy(server.port) as proxy:
        sources = await open_with(
            IMGPROXY_USE_GCS="true",
            IMGPROXY_GCS_ENDPOINT=f"http://127.0.0.1:{proxy.port}",
            IMGPROXY_DOWNLOAD_TIMEOUT="1",
        )
        proxy.answers.clear()

        with pytest.raises(SourceTimeout):
            await sources.fetch("gs://pictures/a.jpg")


async def test_connections_are_kept(server: FakeGcs, open_with: OpenStores) -> None:
    """Connections are kept between requests, those that were answered 404 too, unless the setting says 0 seconds."""
    for seconds, connections in (("90", 1), ("0", 3)):
        async with trouble_proxy(server.port) as proxy:
            sources = await open_with(
                IMGPROXY_USE_GCS="true",
                IMGPROXY_GCS_ENDPOINT=f"http://127.0.0.1:{proxy.port}",
                IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT=seconds,
            )
            await fetched(sources, "gs://pictures/a.jpg")
            await refused(sources, "gs://pictures/missing.jpg")
            await fetched(sources, "gs://pictures/a.jpg")

            assert proxy.connections == connections


@dataclass
class Google:
    """Where tokens come from, and a store that notes what it was sent."""

    url: str = ""
    assertions: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    gives_tokens: asyncio.Event = field(default_factory=asyncio.Event)
    token_answer: dict[str, Any] = field(default_factory=lambda: {"access_token": "open-sesame", "expires_in": 3600})

    async def token(self, request: web.Request) -> web.Response:
        """Answers a request for a token."""
        await self.gives_tokens.wait()
        self.assertions.append(str((await request.post())["assertion"]))
        return web.json_response(self.token_answer)

    async def object(self, request: web.Request) -> web.Response:
        """Answers a request for an object."""
        self.authorizations.append(request.headers.get("Authorization"))
        return web.Response(body=JPEG, headers={"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"})


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    """Google on a socket of this process: fake-gcs-server does not look at credentials."""
    google = Google()
    google.gives_tokens.set()
    app = web.Application()
    app.router.add_post("/token", google.token)
    app.router.add_get("/{bucket}/{key:.*}", google.object)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    google.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield google
    google.gives_tokens.set()
    await runner.cleanup()


@pytest.fixture(scope="module")
def private_key() -> str:
    """A key of a service account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def account(google: Google, private_key: str) -> str:
    """What `IMGPROXY_GCS_KEY` is set to."""
    members = {"type": "service_account", "client_email": "reader@tests.example", "private_key": private_key}
    return json.dumps({**members, "token_uri": f"{google.url}/token"})


async def test_a_service_account_gets_one_token_to_read_with(
    google: Google, private_key: str, open_with: OpenStores
) -> None:
    """Requests at the same time share one token, and it is for reading only."""
    sources = await open_with(
        IMGPROXY_USE_GCS="true", IMGPROXY_GCS_ENDPOINT=google.url, IMGPROXY_GCS_KEY=account(google, private_key)
    )

    await asyncio.gather(*(fetched(sources, f"gs://pictures/{number}.jpg") for number in range(5)))

    assert google.authorizations == ["Bearer open-sesame"] * 5
    assert len(google.assertions) == 1
    claims = jwt.decode(google.assertions[0], options={"verify_signature": False})
    assert claims["scope"] == "https://www.googleapis.com/auth/devstorage.read_only"
    assert claims["iss"] == "reader@tests.example"


async def test_a_request_that_gives_up_does_not_take_the_token_from_others(
    google: Google, private_key: str, open_with: OpenStores
) -> None:
    sources = await open_with(
        IMGPROXY_USE_GCS="true", IMGPROXY_GCS_ENDPOINT=google.url, IMGPROXY_GCS_KEY=account(google, private_key)
    )
    google.gives_tokens.clear()
    hasty = asyncio.create_task(sources.fetch("gs://pictures/1.jpg"))
    patient = asyncio.create_task(fetched(sources, "gs://pictures/2.jpg"))
    done, _ = await asyncio.wait([hasty, patient], timeout=0.1)
    assert not done

    hasty.cancel()
    await asyncio.wait([hasty])
    google.gives_tokens.set()

    assert (await patient).data == JPEG
    assert len(google.assertions) == 1


async def test_a_token_that_is_none_is_404(google: Google, private_key: str, open_with: OpenStores) -> None:
    sources = await open_with(
        IMGPROXY_USE_GCS="true",
        IMGPROXY_GCS_ENDPOINT=google.url,
        IMGPROXY_GCS_KEY=account(google, private_key),
        IMGPROXY_DOWNLOAD_TIMEOUT="1",
    )
    google.token_answer = {"error": "no"}

    assert await refused(sources, "gs://pictures/1.jpg") in (("SourceError", 404), ("SourceTimeout", 504))
    assert google.authorizations == []


async def test_a_key_that_cannot_sign_stops_the_start(google: Google, open_with: OpenStores) -> None:
    with pytest.raises(ConfigurationError, match="IMGPROXY_GCS_KEY"):
        await open_with(IMGPROXY_USE_GCS="true", IMGPROXY_GCS_KEY=account(google, "no key at all"))


async def test_default_credentials_that_are_not_there_stop_the_start(
    open_with: OpenStores, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", os.fspath(tmp_path / "missing.json"))

    with pytest.raises(ConfigurationError, match="IMGPROXY_USE_GCS"):
        await open_with(IMGPROXY_USE_GCS="true")


async def test_the_emulator_that_google_knows_of_is_used(
    server: FakeGcs, open_with: OpenStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)

    sources = await open_with(IMGPROXY_USE_GCS="true")

    assert (await fetched(sources, "gs://pictures/a.jpg")).data == JPEG
