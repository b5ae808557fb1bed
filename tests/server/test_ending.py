"""How a whole server ends and changes: what its clients, its operator and its terminal see."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.load.client import Connection
from benchmarks.load.server import RunningServer
from scripts.ports import free_port
from tests.server.test_processes import QUICK, SLOW, until

Start = Callable[..., RunningServer]


@contextmanager
def bildwerk(stdout: int, *, wrapper: tuple[str, ...] = (), **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """`bildwerk serve` with a standard output of its own, as the leader of a session."""
    command = [*wrapper, sys.executable, "-m", "bildwerk.main", "serve"]
    environment = {**os.environ, **variables}
    with subprocess.Popen(
        command, env=environment, stdin=stdout, stdout=stdout, stderr=stdout, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def fill(pipe: int) -> None:
    """Writes until there is no more room."""
    os.set_blocking(pipe, False)
    while True:
        try:
            os.write(pipe, bytes(4096))
        except BlockingIOError:
            break
    os.set_blocking(pipe, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_without_keep_alive_nobody_is_cut_either(start: Start, number: signal.Signals) -> None:
    """A request that is worked on, and one on a connection that has just been made."""
    server = start(IMGPROXY_KEEP_ALIVE_TIMEOUT="0", BILDWERK_PROCESSES="1")
    slow, quick = await Connection.open(server.port), await Connection.open(server.port)
    asked = asyncio.create_task(slow.get(SLOW))
    await until(lambda: b"Started" in server.log.read_bytes())
    server.send(number)
    log = server.log
    await until(lambda: b"Stopping" in log.read_bytes() or log.read_bytes().count(b"serves") == 2)
    answers = [await quick.get(QUICK), await asked]
    for connection in (slow, quick):
        await connection.close()

    assert [answer.status for answer in answers] == [200, 200]


async def test_a_stop_waits_for_a_request_that_is_on_its_way_to_an_idle_connection(start: Start) -> None:
    """However long the connection has been idle before."""
    server = start()
    connection = await Connection.open(server.port)
    await connection.get(QUICK)
    await asyncio.sleep(1.5)
    server.send(signal.SIGTERM)
    await until(lambda: b"Stopping" in server.log.read_bytes())
    await asyncio.sleep(0.3)
    answer = await connection.get(QUICK)
    await connection.close()

    assert answer.status == 200
    assert answer.is_last


async def test_a_server_that_is_still_starting_stops_at_once(tmp_path: Path) -> None:
    """Its watermark comes from an origin that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as origin, (tmp_path / "log").open("wb") as output:
        variables = {
            "IMGPROXY_BIND": f"127.0.0.1:{free_port()}",
            "IMGPROXY_WATERMARK_URL": f"http://127.0.0.1:{origin.getsockname()[1]}/a.png",
            "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "true",
            "IMGPROXY_DOWNLOAD_TIMEOUT": "60",
        }
        with bildwerk(output.fileno(), **variables) as server:
            origin.settimeout(60)
            asked, _ = await asyncio.to_thread(origin.accept)
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            status = await asyncio.to_thread(server.wait, 30)
            asked.close()

    assert status == 0
    assert time.monotonic() - began < 3


async def test_sockets_that_a_reload_does_not_change_are_named(start: Start, tmp_path: Path) -> None:
    """So is what becomes unknown. The server goes on where it was."""
    variables = tmp_path / "variables.env"
    variables.write_text("IMGPROXY_LOG_LEVEL=info\n")
    server = start(IMGPROXY_ENV_LOCAL_FILE_PATH=str(variables))
    before = server.children()
    variables.write_text(
        f"IMGPROXY_BIND=127.0.0.1:{free_port()}\nIMGPROXY_PROMETHEUS_BIND=127.0.0.1:{free_port()}\nIMGPROXY_QUALTY=3\n"
    )
    server.send(signal.SIGHUP)
    await until(lambda: b"IMGPROXY_QUALTY is unknown" in server.log.read_bytes())
    await until(lambda: set(before).isdisjoint(server.children()))
    said = server.log.read_text()

    assert "IMGPROXY_BIND has changed" in said
    assert "IMGPROXY_PROMETHEUS_BIND has changed" in said
    assert "IMGPROXY_NETWORK has changed" not in said
    assert server.is_well()


async def test_new_settings_that_no_process_can_use_do_not_stay(start: Start, tmp_path: Path) -> None:
    """What only a server process finds out: a process that dies afterwards is replaced under the old ones."""
    presets = tmp_path / "presets.txt"
    presets.write_text("small=rs:fit:40:40\n")
    variables = tmp_path / "variables.env"
    variables.write_text("IMGPROXY_PRESETS=small=rs:fit:40:40\n")
    server = start(IMGPROXY_ENV_LOCAL_FILE_PATH=str(variables), BILDWERK_PROCESSES="1")
    first = server.children()[0]
    variables.write_text("IMGPROXY_PRESETS=small=nonsense:1\n")
    server.send(signal.SIGHUP)
    await until(lambda: b"Nothing is reloaded" in server.log.read_bytes())
    os.kill(first, signal.SIGKILL)
    await until(server.is_well)
    connection = await Connection.open(server.port)
    answer = await connection.get("/unsafe/pr:small/plain/local:///photo.jpg")
    await connection.close()

    assert answer.status == 200


def test_ctrl_c_stops_a_server_in_a_terminal() -> None:
    """Each process of the terminal gets the signal; the server ends well, and nothing but its log is seen."""
    own, terminal = pty.openpty()
    variables = {"IMGPROXY_BIND": f"127.0.0.1:{free_port()}", "BILDWERK_PROCESSES": "2"}
    with bildwerk(terminal, wrapper=("setsid", "--ctty", "--wait"), **variables) as server:
        os.close(terminal)
        said = b""
        while said.count(b"serves") < 2:
            said += os.read(own, 65_536)
        os.write(own, b"\x03")
        try:
            while more := os.read(own, 65_536):
                said += more
        except OSError:
            pass  # nobody holds the terminal any more
        status = server.wait(30)
    os.close(own)

    assert status == 0
    assert b"Stopping" in said
    assert b"Traceback" not in said


async def test_a_log_that_nobody_reads_does_not_keep_a_server_from_stopping() -> None:
    """Its standard output is a pipe that is full."""
    reading, writing = os.pipe()
    port = free_port()
    variables = {"IMGPROXY_BIND": f"127.0.0.1:{port}", "IMGPROXY_GRACEFUL_STOP_TIMEOUT": "3"}
    with bildwerk(writing, **variables) as server:
        said = b""
        while b"serves" not in said:
            said += os.read(reading, 65_536)
        fill(writing)
        connection = await Connection.open(port)
        await connection.get("/nothing")
        await connection.close()
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(server.wait, 30)
        took = time.monotonic() - began
    os.close(reading)
    os.close(writing)

    assert status == 0
    assert took < 6


async def test_clients_of_the_metrics_have_their_times_too(start: Start) -> None:
    """Five seconds for a request (spec 03 section 7.2); whoever asks nothing would hold one of few connections."""
    port = free_port()
    start(IMGPROXY_PROMETHEUS_BIND=f"127.0.0.1:{port}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(8):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("setting", ["IMGPROXY_BIND", "IMGPROXY_PROMETHEUS_BIND"])
def test_an_address_that_is_in_use_stops_the_start_with_status_1(setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        variables = {"IMGPROXY_BIND": f"127.0.0.1:{free_port()}"}
        variables[setting] = f"127.0.0.1:{other.getsockname()[1]}"
        command = [sys.executable, "-m", "bildwerk.main", "serve"]
        ended = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert f"{setting}: expected host:port to listen on" in ended.stderr
