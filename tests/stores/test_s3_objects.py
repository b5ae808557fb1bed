"""Objects of a real S3 server: what a fetch and a raw answer bring back."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from typing import Any

import pytest

from benchmarks.load.proxy import TroubleProxy
from benchmarks.load.s3 import Moto, S3Server
from renderer.errors import SourceError, SourceStatus, SourceTooLarge
from renderer.response.validators import Conditions, http_date
from renderer.sources.source import NotModified, RawRequest, Source, SourceHeaders
from tests.stores.conftest import OpenS3

DATA = bytes(range(256)) * 40


async def _bytes(answer: Any) -> bytes:
    async with answer:
        return b"".join([chunk async for chunk in answer.chunks])


async def test_an_object_comes_with_its_headers(
    shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3
) -> None:
    """Bytes, validators and what decides about caching and type."""
    expires = "Thu, 01 Dec 2033 16:00:00 GMT"
    put = s3_writer.put_object(
        Bucket=bucket, Key="a/b.png", Body=DATA, ContentType="image/png", CacheControl="max-age=5", Expires=expires
    )

    source = await open_s3(shared_s3.port).fetch(f"s3://{bucket}/a/b.png")

    assert isinstance(source, Source)
    assert (source.data, source.url) == (DATA, f"s3://{bucket}/a/b.png")
    assert source.headers.etag == put["ETag"]
    assert source.headers.last_modified
    assert source.headers.cache_control == "max-age=5"
    assert source.headers.expires == expires
    assert source.headers.content_type == "image/png"


@pytest.mark.parametrize(
    "key",
    ["a b.png", "100%.png", "a%20b.png", "what?v.png", "x#y.png", "é/ß.png", "a+b&c=d.png", "quote'\"<>.png", "a:b@c"],
)
async def test_keys_are_opaque(shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3, key: str) -> None:
    """Percent signs, question marks and hashes are characters of a key like any other."""
    s3_writer.put_object(Bucket=bucket, Key=key, Body=key.encode())
    sources = open_s3(shared_s3.port, IMGPROXY_SOURCE_URL_QUERY_SEPARATOR="")

    source = await sources.fetch(f"s3://{bucket}/{key}")

    assert isinstance(source, Source)
    assert source.data == key.encode()


async def test_the_query_part_is_the_version(shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3) -> None:
    """An older version by its id; a version that is none is not found or refused, never the newest one."""
    s3_writer.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3_writer.put_object(Bucket=bucket, Key="k", Body=b"first")["VersionId"]
    s3_writer.put_object(Bucket=bucket, Key="k", Body=b"second")
    sources = open_s3(shared_s3.port)

    newest = await sources.fetch(f"s3://{bucket}/k")
    older = await sources.fetch(f"s3://{bucket}/k?{first}")

    assert isinstance(newest, Source)
    assert isinstance(older, Source)
    assert (newest.data, older.data) == (b"second", b"first")
    with pytest.raises(SourceStatus) as raised:
        await sources.fetch(f"s3://{bucket}/k?no-such-version")
    assert raised.value.status in {400, 404}


@pytest.mark.parametrize(
    "url",
    [
        "s3://{bucket}/missing.png",
        "s3://no-such-bucket-anywhere/k",
        "s3://{bucket}/",
        "s3://{bucket}",
        "s3:///k",
        "s3://../{bucket}/k",
        "s3://other/../{bucket}/k",
        "s3://{bucket}/a//../../k",
        "s3://{bucket}/k\udcff",
        "s3://not a bucket/k",
    ],
)
async def test_what_is_not_there_is_404(
    shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3, url: str
) -> None:
    """Missing objects and buckets, and names that no object can have, in particular none that leaves its bucket."""
    s3_writer.put_object(Bucket=bucket, Key="k", Body=b"x")

    with pytest.raises(SourceError) as raised:
        await open_s3(shared_s3.port).fetch(url.format(bucket=bucket))

    assert (raised.value.status, raised.value.public) == (404, "Source is unreachable")


async def test_403_is_told_apart(
    shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that is wrong."""
    if isinstance(shared_s3, Moto):
        pytest.skip("moto's server checks no signatures")
    s3_writer.put_object(Bucket=bucket, Key="k", Body=b"x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    sources = open_s3(shared_s3.port)

    with pytest.raises(SourceStatus) as raised:
        await sources.fetch(f"s3://{bucket}/k")
    answer = await sources.stream(f"s3://{bucket}/k", RawRequest())

    assert raised.value.status == 403
    assert (answer.status, await _bytes(answer)) == (403, b"SignatureDoesNotMatch")


async def test_conditions_are_passed_on(shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3) -> None:
    """What holds is NotModified, without validators as S3 sends none that count; what does not is the object."""
    etag = s3_writer.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    stored = s3_writer.head_object(Bucket=bucket, Key="k")["LastModified"]
    sources = open_s3(shared_s3.port)

    async def fetched(**conditions: str) -> Source | NotModified:
        return await sources.fetch(f"s3://{bucket}/k", conditions=Conditions(**conditions))

    assert await fetched(if_none_match=etag) == NotModified(headers=SourceHeaders())
    assert isinstance(await fetched(if_none_match='"other"'), Source)
    assert isinstance(await fetched(if_modified_since=http_date(stored - timedelta(days=1))), Source)
    assert isinstance(await fetched(if_modified_since="yesterday"), Source)
    assert isinstance(await fetched(if_none_match='"a\r\nb"'), Source)


async def test_the_limit_holds_to_the_byte(shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3) -> None:
    """Exactly as large as allowed passes."""
    s3_writer.put_object(Bucket=bucket, Key="k", Body=DATA)
    sources = open_s3(shared_s3.port)

    assert isinstance(await sources.fetch(f"s3://{bucket}/k", max_bytes=len(DATA)), Source)
    with pytest.raises(SourceTooLarge):
        await sources.fetch(f"s3://{bucket}/k", max_bytes=len(DATA) - 1)


async def test_a_large_object_is_refused_by_its_announced_length(
    proxy: TroubleProxy, s3_writer: Any, bucket: str, open_s3: OpenS3
) -> None:
    """Not a byte of the body has to come for that, and the next request has a connection that works."""
    s3_writer.put_object(Bucket=bucket, Key="large", Body=bytes(4_000_000))
    s3_writer.put_object(Bucket=bucket, Key="small", Body=b"x")
    sources = open_s3(proxy.port)
    proxy.cut_after_bytes = 2000

    with pytest.raises(SourceTooLarge):
        await sources.fetch(f"s3://{bucket}/large", max_bytes=1_000_000)
    assert isinstance(await sources.fetch(f"s3://{bucket}/small"), Source)


async def test_gzip_is_decoded_and_the_limit_counts_decoded_bytes(
    shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3
) -> None:
    """As from http(s) origins."""
    s3_writer.put_object(Bucket=bucket, Key="k", Body=gzip.compress(DATA), ContentEncoding="gzip")
    sources = open_s3(shared_s3.port)

    source = await sources.fetch(f"s3://{bucket}/k")

    assert isinstance(source, Source)
    assert source.data == DATA
    with pytest.raises(SourceTooLarge):
        await sources.fetch(f"s3://{bucket}/k", max_bytes=len(DATA) - 1)


async def test_raw_answers(shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3) -> None:
    """The object, a part of it, what has not changed, what is missing and what cannot be had."""
    etag = s3_writer.put_object(Bucket=bucket, Key="k", Body=DATA, ContentType="image/png")["ETag"]
    sources = open_s3(shared_s3.port)

    async def raw(key: str, **request: str) -> Any:
        return await sources.stream(f"s3://{bucket}/{key}", RawRequest(**request))

    whole = await raw("k")
    assert (whole.status, whole.content_length, await _bytes(whole)) == (200, len(DATA), DATA)
    assert (whole.headers["Content-Type"], whole.headers["ETag"], whole.caching.etag) == ("image/png", etag, etag)

    # The client's validator would hold: Range goes first, and S3 is asked for nothing else.
    part = await raw("k", range="bytes=2-4", if_none_match=etag)
    assert (part.status, part.content_length, await _bytes(part)) == (206, 3, DATA[2:5])
    assert part.headers["Content-Range"] == f"bytes 2-4/{len(DATA)}"

    same = await raw("k", if_none_match=etag)
    assert (same.status, same.headers, same.caching, await _bytes(same)) == (304, {}, SourceHeaders(), b"")
    missing = await raw("missing")
    assert (missing.status, await _bytes(missing)) == (404, b"NoSuchKey")
    nameless = await raw("")
    assert (nameless.status, await _bytes(nameless)) == (404, b"/ doesn't exist")
    beyond = await raw("k", range=f"bytes={len(DATA)}-")
    assert (beyond.status, await _bytes(beyond)) == (416, b"InvalidRange")


@pytest.mark.parametrize(
    ("variables", "is_open"),
    [
        ({}, True),
        ({"IMGPROXY_S3_ALLOWED_BUCKETS": "other, {bucket}"}, True),
        ({"IMGPROXY_S3_ALLOWED_BUCKETS": "other"}, False),
        ({"IMGPROXY_S3_DENIED_BUCKETS": "other"}, True),
        ({"IMGPROXY_S3_DENIED_BUCKETS": "{bucket}"}, False),
        ({"IMGPROXY_S3_ALLOWED_BUCKETS": "{bucket}", "IMGPROXY_S3_DENIED_BUCKETS": "{bucket}"}, False),
    ],
)
async def test_bucket_lists(
    shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3, variables: dict[str, str], is_open: bool
) -> None:
    """A bucket must be allowed, if any is, and not denied; raw answers are under the same rule."""
    s3_writer.put_object(Bucket=bucket, Key="k", Body=b"x")
    named = {name: value.format(bucket=bucket) for name, value in variables.items()}
    sources = open_s3(shared_s3.port, **named)

    if is_open:
        assert isinstance(await sources.fetch(f"s3://{bucket}/k"), Source)
        return
    with pytest.raises(SourceError) as raised:
        await sources.fetch(f"s3://{bucket}/k")
    with pytest.raises(SourceError):
        await sources.stream(f"s3://{bucket}/k", RawRequest())
    assert (raised.value.status, raised.value.public) == (404, "Source is unreachable")


@pytest.mark.parametrize(("keep_alive", "connections"), [("90", 1), ("0", 4)])
async def test_connections_are_kept_unless_that_is_off(
    proxy: TroubleProxy,
    shared_s3: S3Server,
    s3_writer: Any,
    bucket: str,
    open_s3: OpenS3,
    keep_alive: str,
    connections: int,
) -> None:
    """Objects, answers without one and refusals in a row go over one connection."""
    if isinstance(shared_s3, Moto):
        pytest.skip("moto's server keeps no connections")
    etag = s3_writer.put_object(Bucket=bucket, Key="k", Body=DATA)["ETag"]
    sources = open_s3(proxy.port, IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT=keep_alive)

    await sources.fetch(f"s3://{bucket}/k")
    await sources.fetch(f"s3://{bucket}/k", conditions=Conditions(if_none_match=etag))
    await _bytes(await sources.stream(f"s3://{bucket}/k", RawRequest()))
    with pytest.raises(SourceStatus):
        await sources.fetch(f"s3://{bucket}/missing")

    assert proxy.connections == connections


async def test_many_at_once(shared_s3: S3Server, s3_writer: Any, bucket: str, open_s3: OpenS3) -> None:
    """Requests that come before the SDK is ready share its start."""
    for number in range(8):
        s3_writer.put_object(Bucket=bucket, Key=str(number), Body=bytes([number]) * 300_000)
    sources = open_s3(shared_s3.port)

    found = await asyncio.gather(*(sources.fetch(f"s3://{bucket}/{number % 8}") for number in range(64)))

    assert [source.data for source in found if isinstance(source, Source)] == [
        bytes([number % 8]) * 300_000 for number in range(64)
    ]
