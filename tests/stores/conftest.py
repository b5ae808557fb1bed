"""What the tests of S3 sources share: sources over a server, buckets, and servers that misbehave."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load.proxy import TroubleProxy, trouble_proxy
from benchmarks.load.s3 import S3Server, writer
from renderer.settings.load import load_settings
from renderer.sources.registry import Sources, open_sources
from renderer.sources.stores import open_stores
from tests.servers.aws import FakeAWS, fake_aws
from tests.servers.s3 import aws_credentials, own_s3, shared_s3

__all__ = ["aws_credentials", "own_s3", "shared_s3"]

OpenS3 = Callable[..., Sources]
OpenStores = Callable[..., Awaitable[Sources]]


@pytest.fixture(scope="session")
def s3_writer(shared_s3: S3Server) -> Iterator[Any]:
    """Puts objects into the shared server."""
    client = writer(shared_s3)
    yield client
    client.close()


@pytest.fixture
def bucket(s3_writer: Any) -> str:
    """An empty bucket of the shared server."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3_writer.create_bucket(Bucket=name)
    return name


@pytest.fixture
async def open_s3(aws_credentials: None) -> AsyncIterator[OpenS3]:  # noqa: ARG001  it prepares the environment
    """Opens sources over the S3 server on a port, under further settings."""
    opened: list[Sources] = []

    def open_at(port: int, **variables: str) -> Sources:
        environment = {"IMGPROXY_S3_REGION": "us-east-1", "IMGPROXY_S3_ENDPOINT": f"127.0.0.1:{port}", **variables}
        # The loader by itself: no breaker answers for it.
        settings = load_settings({"IMGPROXY_USE_S3": "true", "BILDWERK_ORIGIN_FAILURES": "0", **environment})
        sources = open_sources(settings.sources, check_source=lambda _: None, s3=settings.s3)
        opened.append(sources)
        return sources

    yield open_at
    for sources in opened:
        await sources.close()


@pytest.fixture
async def proxy(shared_s3: S3Server) -> AsyncIterator[TroubleProxy]:
    """A proxy in front of the shared server."""
    async with trouble_proxy(shared_s3.port) as trouble:
        yield trouble


@pytest.fixture
async def aws(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    aws_credentials: None,  # noqa: ARG001  it prepares the environment
) -> AsyncIterator[FakeAWS]:
    """AWS itself, as far as tests say what it answers."""
    async with fake_aws(tmp_path) as fake:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{fake.port}")
        yield fake


@pytest.fixture
def open_aws(open_s3: OpenS3, aws: FakeAWS) -> OpenS3:
    """Opens sources over the fake AWS, under further settings."""

    def open_there(**variables: str) -> Sources:
        trusted = {"IMGPROXY_S3_ENDPOINT": "", "IMGPROXY_S3_REGION": "", "IMGPROXY_IGNORE_SSL_VERIFICATION": "true"}
        return open_s3(aws.port, **{**trusted, **variables})

    return open_there


@pytest.fixture
async def open_with() -> AsyncIterator[OpenStores]:
    """Opens the sources that variables enable, those of optional libraries included."""
    opened: list[Sources] = []

    async def open_with(**variables: str) -> Sources:
        settings = load_settings(variables)
        sources = open_sources(settings.sources, check_source=lambda _: None)
        opened.append(sources)
        sources.add(
            await open_stores(
                settings.sources,
                gcs=settings.gcs,
                abs_settings=settings.abs,
                swift=settings.swift,
                budget=sources.budget,
            )
        )
        return sources

    yield open_with
    for sources in opened:
        await sources.close()
