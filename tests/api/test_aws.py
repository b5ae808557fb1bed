"""The SDK's clients of the API."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.problems import StoreUnavailable
from api.settings import StoreSettings
from api.stores.aws import Clients
from api.stores.s3_originals import S3Originals
from tests.servers.s3 import aws_credentials

__all__ = ["aws_credentials"]


@pytest.mark.usefixtures("aws_credentials")
def test_endpoints_come_from_the_settings_and_from_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 and CloudFront from the one, SQS and Secrets Manager from the other, all at AWS without either."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:3")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:4")
    settings = StoreSettings(s3_endpoint="127.0.0.1:1", cloudfront_endpoint="http://127.0.0.1:2")
    with contextlib.closing(Clients(settings)) as clients:
        made = (clients.s3, clients.cloudfront, clients.sqs, clients.secretsmanager)
        assert [client.meta.endpoint_url for client in made] == [f"http://127.0.0.1:{port}" for port in (1, 2, 3, 4)]

    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with contextlib.closing(Clients(StoreSettings())) as clients:
        made = (clients.s3, clients.cloudfront, clients.sqs)
        assert [client.meta.endpoint_url for client in made] == [
            "https://s3.eu-west-1.amazonaws.com",
            "https://cloudfront.amazonaws.com",
            "https://sqs.eu-west-1.amazonaws.com",
        ]


@pytest.mark.usefixtures("aws_credentials")
def test_threads_get_one_client() -> None:
    """Which is made once, however many ask first."""
    start = threading.Barrier(8)
    with contextlib.closing(Clients(StoreSettings())) as clients, ThreadPoolExecutor(8) as threads:

        def asked(_: int) -> object:
            start.wait()
            return clients.s3

        assert len({id(client) for client in threads.map(asked, range(8))}) == 1


@pytest.mark.usefixtures("aws_credentials")
def test_a_server_that_never_answers_ends_in_time() -> None:
    """Two attempts of five seconds: well inside the 29 s of the gateway."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        settings = StoreSettings(bucket="bucket", s3_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with contextlib.closing(Clients(settings)) as clients:
            originals = S3Originals(settings, clients)
            begin = time.monotonic()
            with pytest.raises(StoreUnavailable):
                originals.head("a.png")
            assert time.monotonic() - begin < 13
