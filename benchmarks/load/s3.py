"""A real S3 server over a temporary folder: versitygw where it can be built, else moto's."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import botocore.session  # type: ignore[import-untyped]  # the SDK has no types
from botocore.config import Config  # type: ignore[import-untyped]

from scripts import servers
from scripts.ports import free_port

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

ACCESS_KEY: Final = "test-access-key"
SECRET_KEY: Final = "test-secret-key"  # noqa: S105  the sample server's
REGION: Final = "us-east-1"
START_SECONDS: Final = 20


class S3Server(Protocol):
    """A server that can go away and come back on its port, with what was stored in it."""

    name: str
    port: int

    def start(self) -> None:
        """Returns when it answers."""

    def stop(self) -> None:
        """Returns when nothing listens any more."""


class Versity:
    """versitygw as a process of its own."""

    name = f"{servers.VERSITYGW.name} {servers.VERSITYGW.version}"

    def __init__(self, executable: Path, folder: Path) -> None:
        self.port = free_port()
        for name in ("objects", "versions", "metadata"):
            (folder / name).mkdir()
        # The sidecar keeps metadata in files: not every file system has extended attributes.
        store: list[str | Path] = [
            "posix",
            "--versioning-dir",
            folder / "versions",
            "--sidecar",
            folder / "metadata",
            folder / "objects",
        ]
        access = ["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--region", REGION, "--keep-alive", "--quiet"]
        place = ["--port", f"127.0.0.1:{self.port}", "--virtual-domain", f"localhost:{self.port}"]
        self._command = [executable, *place, *access, *store]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process and waits until its port answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603  our own command
        deadline = time.monotonic() + START_SECONDS
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError(self._process.communicate()[1].decode()[-1000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """Kills the process, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Moto:
    """moto's server in a thread; its objects are in this process's memory and stay over a restart."""

    name = "moto's server"

    def __init__(self) -> None:
        self.port = free_port()
        self._server: ThreadedMotoServer | None = None

    def start(self) -> None:
        """Starts the thread and waits until its port answers."""
        from moto.server import ThreadedMotoServer  # imported here: it takes a second, and nobody with Go needs it

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


def writer(server: S3Server) -> Any:  # noqa: ANN401  the SDK has no types
    """The SDK's own client of the server, for what is stored in it; the caller closes it."""
    session = botocore.session.get_session()
    return session.create_client(
        "s3",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{server.port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}),
    )


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
