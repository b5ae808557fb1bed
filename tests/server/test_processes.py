"""Several processes behind one socket: stopped, reloaded, replaced, recycled, with clients that notice everything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from benchmarks.load.client import Connection, Cut, Tally, keep_asking
from benchmarks.load.server import RunningServer

QUICK = "/unsafe/rs:fit:100:100/plain/local:///photo.jpg"
SLOW = "/unsafe/rs:fit:1100:1100/bl:12/plain/local:///photo.jpg@png"
Start = Callable[..., RunningServer]


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns when the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is waited for happens in other processes
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def load(server: RunningServer, *paths: str, clients: int = 4) -> AsyncIterator[Tally]:
    """Clients that ask all the time; they have all been answered once when the block begins."""
    tally, stop = Tally(), asyncio.Event()
    tasks = [
        asyncio.create_task(keep_asking(server.port, list(paths), stop, tally, offset=place))
        for place in range(clients)
    ]
    try:
        await until(lambda: tally.total >= clients)
        yield tally
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def test_a_stopped_server_answers_whole_what_has_reached_it(start: Start) -> None:
    """Requests under way, on kept connections and in the backlog; then it is gone, well within its time."""
    server = start(BILDWERK_PROCESSES="2", IMGPROXY_GRACEFUL_STOP_TIMEOUT="10")
    async with load(server, QUICK, SLOW, clients=6) as tally:
        reached = [await Connection.open(server.port) for _ in range(20)]
        asked = [asyncio.create_task(connection.get(QUICK)) for connection in reached]
        await asyncio.sleep(0)
        began = time.monotonic()
        server.send(signal.SIGTERM)
        answers = await asyncio.gather(*asked)
        await until(lambda: server.process.poll() is not None)
        took = time.monotonic() - began
    for connection in reached:
        await connection.close()

    assert [answer.status for answer in answers] == [200] * 20
    assert tally.cut == []
    assert set(tally.seconds) == {200}
    assert server.process.returncode == 0
    assert took < 10


async def test_a_request_that_takes_too_long_does_not_hold_the_stop(start: Start) -> None:
    server = start(IMGPROXY_GRACEFUL_STOP_TIMEOUT="2", IMGPROXY_TIMEOUT="60")
    connection = await Connection.open(server.port)
    asked = asyncio.create_task(connection.get("/unsafe/rs:force:5000:5000:1/bl:30/plain/local:///photo.jpg@avif"))
    await until(lambda: b"Started" in server.log.read_bytes())
    began = time.monotonic()
    server.send(signal.SIGTERM)
    await until(lambda: server.process.poll() is not None)

    assert time.monotonic() - began < 2.5
    with pytest.raises(Cut):
        await asked
    await connection.close()


async def test_a_reload_takes_new_settings_and_cuts_nobody(start: Start, tmp_path: Path) -> None:
    """A preset changes in its file; both old and new processes answer until the old ones are gone."""
    presets = tmp_path / "presets.txt"
    presets.write_text("small=rs:fit:40:40\n")
    server = start(BILDWERK_PROCESSES="2", IMGPROXY_PRESETS_PATH=str(presets), IMGPROXY_KEEP_ALIVE_TIMEOUT="2")
    before = set(server.children())
    presets.write_text("small=rs:fit:50:50\nnew=rs:fit:60:60\n")
    async with load(server, QUICK, "/unsafe/pr:small/plain/local:///photo.jpg") as tally:
        server.send(signal.SIGHUP)
        await until(lambda: before.isdisjoint(server.children()) and len(server.children()) == 2)
        connection = await Connection.open(server.port)
        answer = await connection.get("/unsafe/pr:new/plain/local:///photo.jpg")
        await connection.close()

    assert tally.cut == []
    assert tally.refused == 0
    assert set(tally.seconds) == {200}
    assert answer.status == 200


async def test_settings_that_cannot_be_used_are_not_reloaded(start: Start, tmp_path: Path) -> None:
    """The server goes on as it was, and says so."""
    presets = tmp_path / "presets.txt"
    presets.write_text("small=rs:fit:40:40\n")
    server = start(IMGPROXY_PRESETS_PATH=str(presets))
    before = server.children()
    presets.write_text("small=nonsense:1\n")
    server.send(signal.SIGHUP)
    await until(lambda: b"error in preset" in server.log.read_bytes())
    connection = await Connection.open(server.port)
    answer = await connection.get("/unsafe/pr:small/plain/local:///photo.jpg")
    await connection.close()

    assert answer.status == 200
    assert server.children()[:1] == before[:1]


async def test_a_process_that_dies_costs_its_own_requests_and_is_replaced(start: Start) -> None:
    server = start(BILDWERK_PROCESSES="2")
    await until(lambda: len(server.children()) == 2)
    async with load(server, QUICK, clients=6) as tally:
        victim = server.children()[0]
        os.kill(victim, signal.SIGKILL)
        await until(lambda: victim not in server.children() and len(server.children()) == 2, 3.0)
        seen = tally.total
        await until(lambda: tally.total > seen + 20)

    assert len(tally.cut) <= 6
    assert set(tally.seconds) == {200}
    assert b"is replaced" in server.log.read_bytes()


async def test_a_process_that_has_outgrown_its_memory_is_replaced_without_a_cut(start: Start) -> None:
    """The limit is below what any process holds, so each asks for a successor at once."""
    server = start(BILDWERK_PROCESS_MAX_MEMORY="1000000", IMGPROXY_KEEP_ALIVE_TIMEOUT="1")
    first = set(server.children())
    async with load(server, QUICK) as tally:
        await until(lambda: first.isdisjoint(server.children()))

    assert tally.cut == []
    assert tally.refused == 0
    assert set(tally.seconds) == {200}


async def test_a_process_whose_encoder_does_not_stop_is_replaced(start: Start) -> None:
    """AVIF at its slowest takes a minute here and heeds no deadline; its slot and its memory come back before that."""
    server = start(BILDWERK_PROCESSES="1", IMGPROXY_TIMEOUT="2", IMGPROXY_AVIF_SPEED="0", IMGPROXY_WORKERS="1")
    before = server.children()
    connection = await Connection.open(server.port)
    late = await connection.get("/unsafe/rs:force:1200:2400:1/plain/local:///photo.jpg@avif")
    await connection.close()
    await until(lambda: set(before).isdisjoint(server.children()), 30)
    connection = await Connection.open(server.port)
    answer = await connection.get(QUICK)
    await connection.close()

    assert (late.status, late.body) == (503, b"Timeout")
    assert answer.status == 200


async def test_processes_end_when_their_supervisor_is_killed(start: Start) -> None:
    server = start(BILDWERK_PROCESSES="2")
    await until(lambda: len(server.children()) == 2)
    children = server.children()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()

    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_settings_that_cannot_be_used_stop_the_start_with_one_message(start: Start) -> None:
    """What only a server process finds out is said once, however many processes there are to be."""
    with pytest.raises(RuntimeError) as failed:
        start(BILDWERK_PROCESSES="4", IMGPROXY_PRESETS="x=nope:1")

    assert str(failed.value).count("error in preset") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the policy is Linux's")
async def test_threads_of_a_server_process_do_not_stop_each_other(start: Start) -> None:
    """All of them, also those that libvips starts for a picture."""
    server = start(BILDWERK_PROCESSES="1")
    connection = await Connection.open(server.port)
    assert (await connection.get(QUICK)).status == 200
    await connection.close()

    policies = [policy for pid in server.children() for policy in _policies(pid)]
    assert len(policies) > 3
    assert set(policies) == {os.SCHED_BATCH}


def _policies(pid: int) -> list[int]:
    return [os.sched_getscheduler(int(path.name)) for path in Path(f"/proc/{pid}/task").iterdir()]


async def test_clients_over_the_limit_wait_until_others_leave(start: Start) -> None:
    """They are connected by the kernel and answered later, not refused."""
    server = start(IMGPROXY_MAX_CLIENTS="2", IMGPROXY_KEEP_ALIVE_TIMEOUT="30")
    first, second = await Connection.open(server.port), await Connection.open(server.port)
    assert (await first.get("/health")).status == 200
    assert (await second.get("/health")).status == 200
    third = await Connection.open(server.port)
    asked = asyncio.create_task(third.get("/health"))
    done, _ = await asyncio.wait([asked], timeout=0.5)
    await first.close()
    answer = await asked

    assert not done
    assert answer.status == 200
    for connection in (second, third):
        await connection.close()
