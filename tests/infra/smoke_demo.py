"""The demonstration's processes for the smoke test: S3, renderer, upload API, a CDN, and another told of nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts import servers
from scripts.demo import programs
from scripts.demo.processes import Program
from scripts.demo.setup import HOST, ORIGINALS, Ports, Setup
from scripts.demo.store import fill
from scripts.ports import free_port
from tests.servers.process import executable, started


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What runs.

    Attributes:
        deaf_cdn: address of a second CDN before the same renderer, which nobody tells of deletions.
    """

    setup: Setup
    deaf_cdn: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The secrets, as the smoke test takes them without a stage, and what a process needs to start."""
        inherited = programs.inherited(os.environ, self.setup)
        own = {"IMGPROXY_KEY": self.setup.key, "IMGPROXY_SALT": self.setup.salt, "BILDWERK_API_TOKEN": self.setup.token}
        return {**inherited, **own}

    def options(self, *more: str) -> list[str]:
        """The command line that names the demonstration."""
        addresses = ["--pictures-url", self.setup.url("cdn"), "--api-url", self.setup.url("api")]
        return [*addresses, "--bucket", ORIGINALS, *more]


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """All of it until the block ends."""
    s3 = executable(servers.VERSITYGW)
    ports = Ports(**{name: free_port() for name in ("cdn", "cloudfront", "renderer", "metrics", "api", "s3")})
    setup = Setup(folder=folder, ports=ports)
    (folder / "temporary").mkdir()
    environment = programs.inherited(os.environ, setup)
    deaf = free_port()
    with ExitStack() as stack:
        _start(stack, programs.s3_server(setup, s3, environment), ports.s3)
        fill(setup, [])
        _start(stack, programs.renderer(setup, environment), ports.renderer)
        _start(stack, programs.cdn(setup, environment), ports.cdn)
        _start(stack, programs.api(setup, environment), ports.api)
        stack.enter_context(started([_deaf_cdn(setup, deaf)], [deaf], environment))
        yield Demo(setup=setup, deaf_cdn=f"http://{HOST}:{deaf}")


def _start(stack: ExitStack, program: Program, port: int) -> None:
    stack.enter_context(started([program.command], [port], program.environment))


def _deaf_cdn(setup: Setup, port: int) -> list[str]:
    options = ["--port", str(port), "--api-port", str(free_port()), "--origin", setup.url("renderer")]
    return [sys.executable, "-m", "scripts.demo.cdn", *options, "--distribution", "EDEAF"]
