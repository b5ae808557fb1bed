"""What a request ends with when S3 goes away, is slow, or breaks off; and that the next one works again."""

from __future__ import annotations

import time
from typing import Any

import pytest

from benchmarks.load.proxy import TroubleProxy
from benchmarks.load.s3 import S3Server, writer
from renderer.errors import SourceError, SourceIncomplete, SourceTimeout
from renderer.sources.source import RawRequest, RawSource, Source
from tests.servers.aws import Answer, FakeAWS, Request
from tests.stores.conftest import OpenS3

SIZE = 2_000_000


@pytest.fixture
def url(s3_writer: Any, bucket: str) -> str:
    """An object of two megabytes in the shared server."""
    s3_writer.put_object(Bucket=bucket, Key="k", Body=bytes(SIZE))
    return f"s3://{bucket}/k"


async def _drained(answer: RawSource) -> None:
    async for _ in answer.chunks:
        pass


async def test_a_server_that_stops_and_comes_back(own_s3: S3Server, open_s3: OpenS3) -> None:
    """An error within the deadline while it is away, the object again when it is back, kept connections or not."""
    client = writer(own_s3)
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="k", Body=b"x")
    client.close()
    sources = open_s3(own_s3.port)
    assert isinstance(await sources.fetch("s3://bucket/k"), Source)

    own_s3.stop()
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(SourceError) as raised:
            await sources.fetch("s3://bucket/k")
        assert raised.value.status == 502
        assert time.monotonic() - started < 6
    with pytest.raises(SourceError):
        await sources.stream("s3://bucket/k", RawRequest())

    own_s3.start()
    assert isinstance(await sources.fetch("s3://bucket/k"), Source)


async def test_a_server_that_says_nothing(proxy: TroubleProxy, url: str, open_s3: OpenS3) -> None:
    """504 at the deadline, which is one for all attempts."""
    sources = open_s3(proxy.port, IMGPROXY_DOWNLOAD_TIMEOUT="1")
    proxy.answers.clear()

    started = time.monotonic()
    with pytest.raises(SourceTimeout) as raised:
        await sources.fetch(url)
    assert raised.value.status == 504
    assert 0.9 < time.monotonic() - started < 2.5
    with pytest.raises(SourceTimeout):
        await sources.stream(url, RawRequest())

    proxy.answers.set()
    assert isinstance(await sources.fetch(url), Source)


async def test_a_body_that_stalls(proxy: TroubleProxy, url: str, open_s3: OpenS3) -> None:
    """A fetch ends at its deadline; a raw stream when no more bytes come for as long."""
    sources = open_s3(proxy.port, IMGPROXY_DOWNLOAD_TIMEOUT="1")
    proxy.stalls_after_bytes = 500_000

    with pytest.raises(SourceTimeout):
        await sources.fetch(url)
    answer = await sources.stream(url, RawRequest())
    async with answer:
        assert (answer.status, answer.content_length) == (200, SIZE)
        assert await anext(answer.chunks)
        with pytest.raises(SourceTimeout):
            await _drained(answer)


@pytest.mark.parametrize("resets", [False, True])
async def test_a_body_that_breaks_off(proxy: TroubleProxy, url: str, open_s3: OpenS3, resets: bool) -> None:
    """Never a part of an object in the place of the whole, however the connection ends."""
    sources = open_s3(proxy.port)
    proxy.cut_after_bytes, proxy.resets = 500_000, resets

    with pytest.raises(SourceIncomplete) as raised:
        await sources.fetch(url)
    assert (raised.value.status, raised.value.public) == (422, "Source response is incomplete")
    for request in (RawRequest(), RawRequest(range="bytes=1-")):
        async with await sources.stream(url, request) as answer:
            with pytest.raises(SourceIncomplete):
                await _drained(answer)

    proxy.cut_after_bytes = None
    proxy.resets = False
    assert isinstance(await sources.fetch(url), Source)


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize(("spared_after", "is_served"), [(None, False), (2, True), (3, True)])
async def test_connections_that_break_before_an_answer(
    proxy: TroubleProxy, url: str, open_s3: OpenS3, spared_after: int | None, *, is_served: bool, resets: bool
) -> None:
    """Three attempts, however the connection ends; one that comes through is enough."""
    sources = open_s3(proxy.port)
    proxy.cut_after_bytes, proxy.resets, proxy.spared_after = 0, resets, spared_after

    if is_served:
        assert isinstance(await sources.fetch(url), Source)
        assert proxy.connections == spared_after
        return
    with pytest.raises(SourceError) as raised:
        await sources.fetch(url)
    assert raised.value.status == 502
    # aiohttp itself repeats a GET once when its connection breaks.
    assert 3 <= proxy.connections <= 6


async def test_a_client_that_goes_away_leaves_no_connection_in_use(
    proxy: TroubleProxy, url: str, open_s3: OpenS3
) -> None:
    """A raw stream that is closed half-way ends its connection; the next request gets one."""
    sources = open_s3(proxy.port)
    async with await sources.stream(url, RawRequest()) as answer:
        async for _ in answer.chunks:
            break

    assert isinstance(await sources.fetch(url), Source)


async def test_server_errors_are_502_after_three_attempts(aws: FakeAWS, open_aws: OpenS3) -> None:
    """S3's own troubles are tried again; the raw answer is told as it is."""
    aws.answer = lambda _: Answer(status=503, body=b"<Error><Code>SlowDown</Code></Error>")
    sources = open_aws()

    with pytest.raises(SourceError) as raised:
        await sources.fetch("s3://bucket/k")
    assert (raised.value.status, len(aws.requests)) == (502, 3)
    async with await sources.stream("s3://bucket/k", RawRequest()) as answer:
        assert (answer.status, [chunk async for chunk in answer.chunks]) == (503, [b"SlowDown"])


async def test_an_attempt_that_succeeds_counts(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Two errors, then the object."""
    aws.answer = lambda _: Answer(status=500 if len(aws.requests) < 3 else 200)

    assert isinstance(await open_aws().fetch("s3://bucket/k"), Source)


async def test_a_body_that_does_not_match_its_checksum(aws: FakeAWS, open_aws: OpenS3) -> None:
    """The SDK asks for checksums; a whole body that is another one is no picture."""
    aws.answer = lambda _: Answer(headers={"x-amz-checksum-crc32": "AAAAAA=="})
    sources = open_aws()

    with pytest.raises(SourceIncomplete):
        await sources.fetch("s3://bucket/k")
    assert aws.requests[0].headers["x-amz-checksum-mode"] == "ENABLED"
    aws.answer = lambda _: Answer(
        status=206, headers={"x-amz-checksum-crc32": "AAAAAA==", "Content-Range": "bytes 0-6/9"}
    )
    async with await sources.stream("s3://bucket/k", RawRequest(range="bytes=0-6")) as answer:
        assert [chunk async for chunk in answer.chunks] == [b"picture"]


async def test_an_endless_error_page_is_not_read_to_its_end(aws: FakeAWS, open_aws: OpenS3) -> None:
    """A status is enough; the rest of the page ends with its connection."""
    aws.answer = lambda _: Answer(status=400, headers={"Content-Length": str(1 << 40)}, body=b"x" * 100_000)

    with pytest.raises(SourceError) as raised:
        await open_aws().fetch("s3://bucket/k")
    assert raised.value.status == 400


async def test_redirects_are_not_followed(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Not by fetches and not by raw answers: nobody but S3 is asked."""

    def answer(request: Request) -> Answer:
        headers = {"Location": "https://elsewhere.test/picture"}
        return Answer(status=302, headers=headers) if request.host.endswith("amazonaws.com") else Answer()

    aws.answer = answer
    sources = open_aws()
    for attempt in (sources.fetch("s3://bucket/k"), sources.stream("s3://bucket/k", RawRequest())):
        with pytest.raises(SourceError) as raised:
            await attempt
        assert raised.value.status == 404
    assert set(aws.hosts) == {"bucket.s3.us-west-1.amazonaws.com"}
