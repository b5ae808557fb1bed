"""Addresses, regions, access points and credentials: what AWS is asked, seen by a stand-in for it."""

from __future__ import annotations

import asyncio

import pytest
from botocore.compat import HAS_CRT

from renderer.errors import ConfigurationError, SourceError
from renderer.response.validators import Conditions
from renderer.sources.source import NotModified, RawRequest, Source, SourceHeaders
from tests.servers.aws import Answer, Answering, FakeAWS, Request
from tests.stores.conftest import OpenS3

ACCESS_POINT = "arn:aws:s3:eu-west-3:123456789012:accesspoint"
MULTI_REGION = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap"
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("variables", "url", "host", "target"),
    [
        ({}, "s3://bucket/a/b", "bucket.s3.us-west-1.amazonaws.com", "/a/b"),
        ({}, "s3://bucket/a//b%20c", "bucket.s3.us-west-1.amazonaws.com", "/a//b%2520c"),
        ({}, "s3://bucket/a/../b", "bucket.s3.us-west-1.amazonaws.com", "/a/../b"),
        ({}, "s3://bucket/k?v1", "bucket.s3.us-west-1.amazonaws.com", "/k?versionId=v1"),
        ({"IMGPROXY_SOURCE_URL_QUERY_SEPARATOR": "@v="}, "s3://bucket/k?x@v=v1", None, "/k%3Fx?versionId=v1"),
        # TLS has no certificate for a dot in a bucket's name: there the path is the only way.
        ({}, "s3://dotted.bucket/k", "s3.us-west-1.amazonaws.com", "/dotted.bucket/k"),
        ({"IMGPROXY_S3_REGION": "eu-west-1"}, "s3://bucket/k", "bucket.s3.eu-west-1.amazonaws.com", "/k"),
        ({"IMGPROXY_S3_ENDPOINT_USE_PATH_STYLE": "true"}, "s3://bucket/k", "bucket.s3.us-west-1.amazonaws.com", "/k"),
        ({"IMGPROXY_S3_ENDPOINT": "https://s3.test"}, "s3://bucket/k", "s3.test", "/bucket/k"),
        (
            {"IMGPROXY_S3_ENDPOINT": "https://s3.test", "IMGPROXY_S3_ENDPOINT_USE_PATH_STYLE": "false"},
            "s3://bucket/k",
            "bucket.s3.test",
            "/k",
        ),
        (
            {"IMGPROXY_S3_ACCESS_POINTS": f"photos={ACCESS_POINT}/pictures; x=y"},
            "s3://photos/k",
            "pictures-123456789012.s3-accesspoint.eu-west-3.amazonaws.com",
            "/k",
        ),
        ({}, f"s3://{ACCESS_POINT}:pictures/k", "pictures-123456789012.s3-accesspoint.eu-west-3.amazonaws.com", "/k"),
    ],
)
async def test_where_an_object_is_asked_for(
    aws: FakeAWS, open_aws: OpenS3, variables: dict[str, str], url: str, host: str | None, target: str
) -> None:
    """Host and path of the request."""
    source = await open_aws(**variables).fetch(url)

    assert isinstance(source, Source)
    assert [request.target for request in aws.requests] == [target]
    assert host is None or aws.hosts == [host]


@pytest.mark.parametrize(
    ("environment", "setting", "region"),
    [
        ({}, "", "us-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "", "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "", "eu-west-1"),
        ({"AWS_REGION": "eu-west-1"}, "eu-north-1", "eu-north-1"),
    ],
)
async def test_the_region_that_is_asked_first(
    aws: FakeAWS,
    open_aws: OpenS3,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    setting: str,
    region: str,
) -> None:
    """The setting, then the SDK's own variables, then imgproxy's last resort."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    await open_aws(IMGPROXY_S3_REGION=setting).fetch("s3://bucket/k")

    assert aws.hosts == [f"bucket.s3.{region}.amazonaws.com"]
    assert f"/{region}/s3/aws4_request" in aws.requests[0].headers["authorization"]


def _elsewhere(answer: Answer) -> Answering:
    def answered(request: Request) -> Answer:
        return Answer() if "eu-central-1" in request.host else answer

    return answered


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=301, headers={"x-amz-bucket-region": "eu-central-1"}, body=b""),
        Answer(status=307, headers={"x-amz-bucket-region": "eu-central-1", "Location": "https://x.test/"}, body=b""),
        Answer(
            status=400,
            body=b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>",
        ),
    ],
)
async def test_a_bucket_of_another_region_is_found_and_remembered(
    aws: FakeAWS, open_aws: OpenS3, answer: Answer
) -> None:
    """The first request takes two, signed for their regions; the next one goes to the right place at once."""
    aws.answer = _elsewhere(answer)
    sources = open_aws()
    here, there = (f"bucket.s3.{region}.amazonaws.com" for region in ("us-west-1", "eu-central-1"))

    await sources.fetch("s3://bucket/k")
    assert aws.hosts == [here, there]
    assert "/eu-central-1/s3/" in aws.requests[1].headers["authorization"]
    async with await sources.stream("s3://bucket/k", RawRequest()) as raw:
        assert raw.status == 200
    assert aws.hosts == [here, there, there]


@pytest.mark.parametrize("region", ["", "us-west-1", "no region!"])
async def test_a_redirect_that_leads_nowhere_is_404(aws: FakeAWS, open_aws: OpenS3, region: str) -> None:
    """No region, the same region again, or none that can be."""
    aws.answer = lambda _: Answer(status=301, headers={"x-amz-bucket-region": region} if region else {}, body=b"")

    with pytest.raises(SourceError) as raised:
        await open_aws().fetch("s3://bucket/k")

    assert (raised.value.status, len(aws.requests)) == (404, 1)


async def test_redirects_in_a_circle_end(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Two regions that name each other."""

    def answered(request: Request) -> Answer:
        other = "eu-central-1" if "us-west-1" in request.host else "us-west-1"
        return Answer(status=301, headers={"x-amz-bucket-region": other}, body=b"")

    aws.answer = answered
    with pytest.raises(SourceError) as raised:
        await open_aws().fetch("s3://bucket/k")

    assert (raised.value.status, len(aws.requests)) == (404, 2)


async def test_regions_without_end_do_not_fill_the_memory(aws: FakeAWS, open_aws: OpenS3) -> None:
    """An endpoint that names a new region each time gets an error in the end, not ever more clients."""
    aws.answer = lambda request: Answer(
        status=301, headers={"x-amz-bucket-region": f"region-{request.target.rpartition('/')[2]}"}, body=b""
    )
    sources = open_aws(IMGPROXY_S3_ENDPOINT="https://s3.test", IMGPROXY_S3_REGION="region-first")

    messages = []
    for number in range(70):
        with pytest.raises(SourceError) as raised:
            await sources.fetch(f"s3://bucket/k{number}")
        messages.append(str(raised.value))

    assert "301" in messages[0]
    assert "more than 64 regions" in messages[-1]


async def test_a_multi_region_access_point(open_aws: OpenS3, aws: FakeAWS) -> None:
    """Its requests are signed for all regions, which takes an optional package; without it, the start says so."""
    points = {"IMGPROXY_S3_ACCESS_POINTS": f"photos={MULTI_REGION}"}
    if not HAS_CRT:
        with pytest.raises(ConfigurationError, match="IMGPROXY_S3_ACCESS_POINTS: photos is a multi-region"):
            open_aws(**points)
        with pytest.raises(SourceError):
            await open_aws().fetch(f"s3://{MULTI_REGION.replace('/', ':')}/k")
        pytest.skip("the signature is not tested: awscrt is not installed")

    await open_aws(**points).fetch("s3://photos/k")

    assert aws.hosts == ["mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com"]
    assert aws.requests[0].headers["x-amz-region-set"] == "*"
    assert aws.requests[0].headers["authorization"].startswith("AWS4-ECDSA-P256-SHA256 ")


async def test_headers_that_go_out(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Conditions, or else the range; nothing of what would make S3 send another body."""
    sources = open_aws()
    conditions = Conditions(if_none_match='"x"', if_modified_since=DATE)
    await sources.fetch("s3://bucket/k", conditions=conditions)
    raw = RawRequest(range="bytes=1-", if_none_match='"x"', if_modified_since=DATE, accept_encoding="gzip")
    async with await sources.stream("s3://bucket/k", raw):
        pass

    aws.answer = lambda _: Answer(status=304, headers={"ETag": '"x"', "Last-Modified": DATE}, body=b"")
    held = await sources.fetch("s3://bucket/k", conditions=Conditions(if_modified_since=DATE))

    # S3's 304 may have validators; imgproxy's answer has none of them.
    assert held == NotModified(headers=SourceHeaders())
    fetched, streamed, dated = (request.headers for request in aws.requests)
    assert (dated["if-modified-since"], dated.get("if-none-match")) == (DATE, None)
    assert (fetched["if-none-match"], fetched["if-modified-since"]) == ('"x"', DATE)
    assert "range" not in fetched
    assert streamed["range"] == "bytes=1-"
    assert not {"if-none-match", "if-modified-since"} & set(streamed)
    assert {fetched["accept-encoding"], streamed["accept-encoding"]} == {"identity"}
    assert "imgproxy" not in fetched["user-agent"]


async def test_credentials_that_come_late(aws: FakeAWS, open_aws: OpenS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """None are an error of this server's, 404 as for all that S3 says nothing about; once they are there, it works."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    sources = open_aws()
    for attempt in (sources.fetch("s3://bucket/k"), sources.stream("s3://bucket/k", RawRequest())):
        with pytest.raises(SourceError, match="credentials") as raised:
            await attempt
        assert raised.value.status == 404
    assert aws.requests == []

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "late")
    assert isinstance(await sources.fetch("s3://bucket/k"), Source)


async def test_a_certificate_that_nobody_signed(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Certificates are verified unless that is switched off."""
    with pytest.raises(SourceError) as raised:
        await open_aws(IMGPROXY_IGNORE_SSL_VERIFICATION="false").fetch("s3://bucket/k")

    assert (raised.value.status, aws.requests) == (404, [])


async def test_a_request_that_is_given_up_hurts_no_other(aws: FakeAWS, open_aws: OpenS3) -> None:
    """A client that leaves while its object is on the way takes its connection along and nothing else."""
    has_arrived = asyncio.Event()

    def never_whole(_: Request) -> Answer:
        has_arrived.set()
        return Answer(headers={"Content-Length": "1000"})

    aws.answer = never_whole
    sources = open_aws()
    given_up = asyncio.create_task(sources.fetch("s3://bucket/k"))
    await has_arrived.wait()
    given_up.cancel()
    await asyncio.wait([given_up])

    aws.answer = lambda _: Answer()
    assert given_up.cancelled()
    assert isinstance(await sources.fetch("s3://bucket/k"), Source)
