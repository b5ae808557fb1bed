"""Server processes of a test: started together, waited for, and ended by their ids."""

from __future__ import annotations

import http.client
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Final

import pytest

from scripts import servers

START_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.02


def asked(
    method: str, port: int, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a server's answer, which must be a good one."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 300, (answer.status, text[:300])
        return answer.headers, text


def executable(server: servers.Server) -> Path:
    """The command of a server; a test that needs one that cannot be had is skipped."""
    found = servers.executable(server)
    if found is None:
        pytest.skip(f"{server.name} {server.version} is not here and {server.tool} could not build or fetch it")
    return found


@contextmanager
def started(
    commands: Sequence[Sequence[str]], ports: Iterable[int], environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """The commands as processes, all of whose ports answer."""
    with ExitStack() as stack:
        output = stack.enter_context(tempfile.TemporaryFile())
        processes = []
        for command in commands:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
            stack.callback(_end, process)
            processes.append(process)
        _wait(processes, list(ports), output)
        yield


def _wait(processes: Sequence[subprocess.Popen[bytes]], ports: list[int], output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while ports:
        if any(process.poll() is not None for process in processes) or time.monotonic() > deadline:
            output.seek(0)
            raise AssertionError(output.read()[-2000:].decode("utf-8", "replace"))
        ports = [port for port in ports if not _listens(port)]
        time.sleep(_POLL_SECONDS)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
