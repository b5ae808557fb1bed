"""AWS, as far as settings come from there: moto's server, and clients that put things into it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from moto.server import ThreadedMotoServer

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def moto_server() -> Iterator[str]:
    """The address of a server with Secrets Manager and SSM."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def aws(moto_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Client:
    """Makes clients of an AWS without anything in it; the process environment leads the code under test there too."""
    nowhere = str(tmp_path / "none")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    variables = {
        **AWS,
        "AWS_ENDPOINT_URL": moto_server,
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session()

    def client(service: str, region: str = "us-west-1") -> Any:
        return session.create_client(service, region_name=region)

    return client
