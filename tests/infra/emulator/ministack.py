"""AWS on this machine: ministack as a process of its own, with IAM enforced, and how its hosts are asked.

Its address stands for all of AWS; what a request is for, the Host header says, as at AWS. Root's credentials set the
stage up. Functions and the render server have sessions of their roles and no more.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3  # type: ignore[import-untyped]  # the SDK has no types
import pytest
from botocore.config import Config  # type: ignore[import-untyped]  # as above

from scripts.ports import free_port
from tests.infra.node import node

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
ROOT: Final = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
"""The emulator's root, who may do everything."""

START_SECONDS: Final = 30
ANSWER_SECONDS: Final = 40
_POLL_SECONDS: Final = 0.05
_PROGRAM: Final = Path(sys.prefix) / "emulator" / "bin" / "ministack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a host says."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.body[:300].decode(errors='replace')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """A running one.

    Attributes:
        port: of 127.0.0.1.
        log: what it and the functions write.
    """

    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where the SDK finds every service."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """The SDK's client of a service, as root."""
        config = Config(retries={"total_max_attempts": 1}, read_timeout=ANSWER_SECONDS)
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=config, **ROOT)

    def ask(
        self, host: str, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A request to a host that the emulator plays."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)) as connection:
            connection.request(method, path, body or None, {"Host": host, **(headers or {})})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=found, body=answer.read())


@contextmanager
def running(folder: Path) -> Iterator[Emulator]:
    """An empty emulator until the block ends; all that it writes is in the folder."""
    if not _PROGRAM.exists():
        pytest.skip("no emulator of AWS: `make test` installs ministack")
    emulator = Emulator(port=free_port(), log=folder / "ministack.log")
    with emulator.log.open("wb") as log:
        process = subprocess.Popen(
            [_PROGRAM], env=_environment(emulator.port, folder), stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
        try:
            _wait(emulator, process)
            yield emulator
        finally:
            process.terminate()
            _end(process)


def _environment(port: int, folder: Path) -> dict[str, str]:
    """Nothing of this machine's: functions get the emulator's environment beside their own."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.pathsep.join([str(Path(node()).parent), "/usr/bin", "/bin"]),
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        "DOCKER_HOST": f"unix://{folder}/no-docker",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _wait(emulator: Emulator, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_healthy(emulator):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(emulator.log.read_text(errors="replace")[-2000:])
        time.sleep(_POLL_SECONDS)


def _is_healthy(emulator: Emulator) -> bool:
    try:
        return emulator.ask("localhost", "GET", "/_ministack/health").status == 200
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
