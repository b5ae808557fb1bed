"""The role that is assumed before reading, against moto's STS and against one whose credentials run out at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from benchmarks.load.s3 import Moto
from renderer.errors import SourceError
from renderer.sources.source import Source
from tests.servers.aws import Answer, Answering, FakeAWS, Request
from tests.stores.conftest import OpenS3

ROLE = "arn:aws:iam::123456789012:role/picture-reader"


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An STS of moto's as the SDK's STS."""
    server = Moto()
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.port}")
    yield
    server.stop()


@pytest.mark.usefixtures("sts")
async def test_objects_are_read_with_the_roles_credentials(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Not with this server's own; the role is assumed once for many requests."""
    sources = open_aws(IMGPROXY_S3_ASSUME_ROLE_ARN=ROLE, IMGPROXY_S3_ASSUME_ROLE_EXTERNAL_ID="shared-secret")

    for _ in range(3):
        assert isinstance(await sources.fetch("s3://bucket/k"), Source)

    assert len({request.headers["x-amz-security-token"] for request in aws.requests}) == 1
    assert all("test-access-key" not in request.headers["authorization"] for request in aws.requests)


def _granting(seconds: int, log: list[Request]) -> Answering:
    """S3 and an STS whose credentials hold for so long."""

    def answered(request: Request) -> Answer:
        if not request.host.startswith("sts."):
            return Answer()
        log.append(request)
        end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        credentials = (
            f"<AccessKeyId>key-{len(log)}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
            f"<SessionToken>token-{len(log)}</SessionToken><Expiration>{end:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
        )
        body = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
            f"<Credentials>{credentials}</Credentials>"
            "<AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId>"
            "<Arn>arn:aws:sts::123456789012:assumed-role/picture-reader/b</Arn></AssumedRoleUser>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )
        return Answer(headers={"Content-Type": "text/xml"}, body=body.encode())

    return answered


async def test_what_the_role_is_asked_with(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Role and external id, signed with this server's own credentials, in the configured region."""
    asked: list[Request] = []
    aws.answer = _granting(3600, asked)

    await open_aws(
        IMGPROXY_S3_REGION="eu-west-1",
        IMGPROXY_S3_ASSUME_ROLE_ARN=ROLE,
        IMGPROXY_S3_ASSUME_ROLE_EXTERNAL_ID="shared-secret",
    ).fetch("s3://bucket/k")

    assert [request.host for request in asked] == ["sts.eu-west-1.amazonaws.com"]
    form = parse_qs(asked[0].body)
    assert (form["Action"], form["RoleArn"], form["ExternalId"]) == (["AssumeRole"], [ROLE], ["shared-secret"])
    assert "test-access-key" in asked[0].headers["authorization"]


async def test_credentials_are_renewed_before_they_end(aws: FakeAWS, open_aws: OpenS3) -> None:
    """Credentials that hold for a minute are too short to be used twice."""
    asked: list[Request] = []
    aws.answer = _granting(60, asked)
    sources = open_aws(IMGPROXY_S3_ASSUME_ROLE_ARN=ROLE)

    await sources.fetch("s3://bucket/k")
    await sources.fetch("s3://bucket/k")

    assert len(asked) == 2
    tokens = [request.headers.get("x-amz-security-token") for request in aws.requests if request not in asked]
    assert tokens == ["token-1", "token-2"]


async def test_a_role_that_is_refused(aws: FakeAWS, open_aws: OpenS3) -> None:
    """No word about the object: 404, not 403; and it works as soon as the role may be assumed."""
    aws.answer = lambda _: Answer(
        status=403, body=b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
    )
    sources = open_aws(IMGPROXY_S3_ASSUME_ROLE_ARN=ROLE)

    with pytest.raises(SourceError, match="AssumeRole") as raised:
        await sources.fetch("s3://bucket/k")
    assert raised.value.status == 404
    aws.answer = _granting(3600, [])
    assert isinstance(await sources.fetch("s3://bucket/k"), Source)
