"""A real S3 server over a temporary folder: versitygw where it can be built, else moto's."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import botocore.session
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from scripts import servers
from tests.servers.process import free_port

ACCESS_KEY: Final = "test-access-key"
SECRET_KEY: Final = "test-secret-key"
REGION: Final = "us-east-1"
START_SECONDS: Final = 20


class S3Server(Protocol):
    """A server that can go away and come back on its port, with what was stored in it."""

    port: int

    def start(self) -> None:
        """Returns when it answers."""

    def stop(self) -> None:
        """Returns when nothing listens any more."""


class Versity:
    """versitygw as a process of its own."""

    def __init__(self, executable: Path, folder: Path) -> None:
        self.port = free_port()
        for name in ("objects", "versions", "metadata"):
            (folder / name).mkdir()
        # The sidecar keeps metadata in files: not every file system has extended attributes.
        store = ["posix", "--versioning-dir", folder / "versions", "--sidecar", folder / "metadata", folder / "objects"]
        self._command = [
            *(executable, "--port", f"127.0.0.1:{self.port}", "--access", ACCESS_KEY, "--secret", SECRET_KEY),
            *("--region", REGION, "--virtual-domain", f"localhost:{self.port}", "--keep-alive", "--quiet", *store),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process and waits until its port answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + START_SECONDS
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise AssertionError(self._process.communicate()[1].decode()[-1000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """Kills the process, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Moto:
    """moto's server in a thread; its objects are in this process's memory and stay over a restart."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: ThreadedMotoServer | None = None

    def start(self) -> None:
        """Starts the thread and waits until its port answers."""
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        while not _listens(self.port):
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends the thread."""
        if self._server is not None:
            self._server.stop()
            self._server = None


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """A started server over an empty folder."""
    executable = servers.executable(servers.VERSITYGW)
    server: S3Server = Versity(executable, folder) if executable is not None else Moto()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def writer(server: S3Server) -> Any:
    """The SDK's own client of the server, for what tests store in it; the caller closes it."""
    session = botocore.session.get_session()
    return session.create_client(
        "s3",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{server.port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of a server that reads S3 as the test server's owner, and nothing else of this machine's."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def shared_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One server for the tests that leave it running."""
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def own_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server of this test's own, which it may stop and start."""
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
