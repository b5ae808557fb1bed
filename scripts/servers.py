"""Fetches or builds the servers that tests start as processes of their own, each once, into `.venv/servers`.

    python -m scripts.servers

A server whose tool (`go`, `npm`) is not on the path stays away: its tests use what their fixtures name instead, or are
skipped, and the run says which. A failed build is told and not repeated in the same run.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

FOLDER: Final = Path(__file__).resolve().parent.parent / ".venv" / "servers"
BUILD_SECONDS: Final = 1200
"""A build takes two minutes on two cores; this ends one that hangs."""


class Server(Hashable, Protocol):
    """How one server is had."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def version(self) -> str:
        """The one version that is used."""

    @property
    def tool(self) -> str:
        """The command that builds or fetches it."""

    @property
    def path(self) -> Path:
        """The executable, once it is there."""

    def build(self, tool: str, folder: Path) -> Build:
        """How `tool` makes it inside an empty folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A command, and what of its result goes where: one file or folder, so that the move is atomic."""

    command: Sequence[str]
    environment: Mapping[str, str]
    result: Path
    place: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class GoServer:
    """A command of a Go module, at one version of it."""

    name: str
    package: str
    version: str

    @property
    def tool(self) -> str:
        """The Go toolchain."""
        return "go"

    @property
    def path(self) -> Path:
        """Where the executable is; the version in its name makes another version a new build."""
        return FOLDER / f"{self.name}-{self.version}"

    def build(self, tool: str, folder: Path) -> Build:
        """A static executable."""
        # A build flag of the caller's must not reach a module that knows nothing of it.
        environment = {"GOBIN": str(folder), "GOFLAGS": "", "CGO_ENABLED": "0"}
        command = [tool, "install", "-trimpath", f"{self.package}@{self.version}"]
        return Build(command=command, environment=environment, result=folder / self.name, place=self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeServer:
    """A command of an npm package; nothing of the package runs while it is fetched."""

    name: str
    package: str
    version: str

    @property
    def tool(self) -> str:
        """npm, which comes with the Node that runs the server."""
        return "npm"

    @property
    def path(self) -> Path:
        """The command in the package's folder."""
        return FOLDER / f"{self.package}-{self.version}" / "node_modules" / ".bin" / self.name

    def build(self, tool: str, folder: Path) -> Build:
        """A folder with the package and what it needs."""
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)]
        command = [tool, "install", *options, f"{self.package}@{self.version}"]
        place = FOLDER / f"{self.package}-{self.version}"
        return Build(command=command, environment={}, result=folder, place=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonServer:
    """A command of a Python package that stays out of `.venv`: what it needs must not meet what we need.

    The folder above `path`'s has the modules, which are compiled for one version of Python.
    """

    name: str
    package: str
    version: str

    @property
    def tool(self) -> str:
        """The interpreter that runs this."""
        return sys.executable

    @property
    def path(self) -> Path:
        """The command in the package's folder."""
        return self._place / "bin" / self.name

    def build(self, tool: str, folder: Path) -> Build:
        """A folder with the package and what it needs."""
        options = ["-q", "--disable-pip-version-check", "--only-binary", ":all:", "--target", str(folder)]
        command = [tool, "-m", "pip", "install", *options, f"{self.package}=={self.version}"]
        environment = {"PIP_ROOT_USER_ACTION": "ignore"}
        return Build(command=command, environment=environment, result=folder, place=self._place)

    @property
    def _place(self) -> Path:
        return FOLDER / f"{self.package}-{self.version}-python{sys.version_info.major}.{sys.version_info.minor}"


VERSITYGW: Final = GoServer(name="versitygw", package="github.com/versity/versitygw/cmd/versitygw", version="v1.8.0")
"""An S3 server over a folder."""

FAKE_GCS: Final = GoServer(name="fake-gcs-server", package="github.com/fsouza/fake-gcs-server", version="v1.56.1")
"""A server of Google Cloud Storage's APIs; it asks for no credentials."""

AZURITE: Final = NodeServer(name="azurite-blob", package="azurite", version="3.37.0")
"""Azure's own emulator of its Blob service; it verifies signatures."""

SWIFT: Final = PythonServer(name="swift-proxy-server", package="swift", version="2.38.3")
"""OpenStack Swift itself; `bin` has its account, container and object servers too."""

SERVERS: Final[tuple[Server, ...]] = (VERSITYGW, FAKE_GCS, AZURITE, SWIFT)


def main() -> int:
    """Builds what is missing; 0 also when something cannot be built, because the tests have other ways."""
    for server in SERVERS:
        if server.path.exists():
            continue
        if not can_be_had(server):
            print(f"servers: there is no {server.tool}, {server.name} is not built")
            continue
        print(f"servers: building {server.name} {server.version} (once) ...", flush=True)
        if executable(server) is None:
            print(f"servers: {server.name} could not be built", file=sys.stderr)
    return 0


def described() -> list[str]:
    """Which servers a run has, and which it does without."""
    lines = [
        f"{server.name} {server.version}" if can_be_had(server) else f"no {server.name}, for want of {server.tool}"
        for server in SERVERS
    ]
    stand_in = "versitygw" if can_be_had(VERSITYGW) else "moto's server, which lacks some of what is tested"
    return ["servers: " + "; ".join(lines), f"servers: S3 is {stand_in}"]


def can_be_had(server: Server) -> bool:
    """Whether it is there or can be built."""
    return server.path.exists() or shutil.which(server.tool) is not None


@functools.cache
def executable(server: Server) -> Path | None:
    """The built server, built now if it is not there yet; None where it cannot be built."""
    tool = shutil.which(server.tool)
    if server.path.exists() or tool is None:
        return server.path if server.path.exists() else None
    with _only_one(server):
        if not server.path.exists():
            _build(server, tool)
    return server.path if server.path.exists() else None


@contextmanager
def _only_one(server: Server) -> Iterator[None]:
    """Keeps test processes that run beside each other from building the same thing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{server.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(server: Server, tool: str) -> None:
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        built = Path(folder) / "built"
        built.mkdir()
        build = server.build(tool, built)
        try:
            subprocess.run(  # noqa: S603  the table above is the input
                build.command,
                env={**os.environ, **build.environment},
                check=True,
                timeout=BUILD_SECONDS,
                capture_output=True,
            )
        except subprocess.SubprocessError as error:
            output = getattr(error, "stderr", None) or b""
            print(f"{error}\n{output[-2000:].decode(errors='replace')}", file=sys.stderr)
            return
        # A rename in one folder is atomic: nobody sees half a server.
        build.result.replace(build.place)


if __name__ == "__main__":
    sys.exit(main())
