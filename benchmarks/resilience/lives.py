"""Processes that are stopped, reloaded, recycled and killed while clients ask all the time."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from benchmarks.load.client import Tally
from benchmarks.load.server import RunningServer, running_server
from benchmarks.resilience.figures import Figure
from benchmarks.resilience.site import USUAL, Site, clients

GRACE_SECONDS: Final = 20
CLIENTS: Final = 12
IDLE_SECONDS: Final = 1.0
LOADED_SECONDS: Final = 3.0


async def stop(site: Site) -> list[Figure]:
    """SIGTERM under load, many times over."""
    figures = []
    cut, slowest, answered = 0, 0.0, 0
    rounds = 5
    for _ in range(rounds):
        variables = site.variables(BILDWERK_PROCESSES="2", IMGPROXY_GRACEFUL_STOP_TIMEOUT=str(GRACE_SECONDS))
        with running_server(site.folder / "stop.log", variables) as server:
            async with clients(server, CLIENTS, USUAL) as tally:
                await asyncio.sleep(2)
                began = time.monotonic()
                server.send(signal.SIGTERM)
                await _until(lambda: server.process.poll() is not None)
                slowest = max(slowest, time.monotonic() - began)
            cut += len(tally.cut)
            answered += tally.count(200)
    figures.append(
        Figure(
            scenario="SIGTERM",
            what="every request that reached the listener is answered whole",
            seen=f"{answered} answered, {cut} cut in {rounds} stops",
            holds=not cut,
        )
    )
    figures.append(
        Figure(
            scenario="SIGTERM",
            what=f"exit before {GRACE_SECONDS} s",
            seen=f"at most {slowest:.1f} s",
            holds=slowest < GRACE_SECONDS,
        )
    )
    return figures


async def reload(site: Site) -> list[Figure]:
    """SIGHUP under load, again and again."""
    variables = site.variables(BILDWERK_PROCESSES="2", IMGPROXY_KEEP_ALIVE_TIMEOUT="5")
    with running_server(site.folder / "reload.log", variables) as server:
        async with clients(server, CLIENTS, USUAL) as tally:
            generations = 0
            end = time.monotonic() + site.seconds
            while time.monotonic() < end:
                before = set(server.children())
                server.send(signal.SIGHUP)
                await _until(functools.partial(_are_gone, server, before))
                generations += 1
    return [_uncut("SIGHUP", f"{generations} reloads", tally)]


async def recycle(site: Site) -> list[Figure]:
    """Processes that outgrow their memory all the time, under load."""
    variables = site.variables(
        BILDWERK_PROCESSES="2", BILDWERK_PROCESS_MAX_MEMORY="80000000", IMGPROXY_KEEP_ALIVE_TIMEOUT="5"
    )
    with running_server(site.folder / "recycle.log", variables) as server:
        seen = set(server.children())
        first = len(seen)
        async with clients(server, CLIENTS, USUAL) as tally:
            end = time.monotonic() + site.seconds
            while time.monotonic() < end:
                await asyncio.sleep(0.1)
                seen |= set(server.children())
    figure = _uncut("recycling", f"{len(seen) - first} processes replaced", tally)
    return [figure, Figure(scenario="recycling", what="it happened", seen=figure.seen, holds=len(seen) > first)]


async def kill(site: Site) -> list[Figure]:
    """`kill -9` of one of two processes: idle, then under load."""
    variables = site.variables(BILDWERK_PROCESSES="2", IMGPROXY_LOG_LEVEL="info")
    with running_server(site.folder / "kill.log", variables) as server:
        await _two(server)
        await asyncio.sleep(1)
        idle = await _replaced(server)
        async with clients(server, CLIENTS, USUAL) as tally:
            await asyncio.sleep(3)
            loaded = await _replaced(server)
            await asyncio.sleep(3)
    return [
        Figure(
            scenario="kill -9",
            what=f"capacity back within {IDLE_SECONDS:.0f} s when idle",
            seen=f"{idle:.2f} s",
            holds=idle <= IDLE_SECONDS,
        ),
        Figure(
            scenario="kill -9",
            what=f"capacity back within {LOADED_SECONDS:.0f} s under load",
            seen=f"{loaded:.2f} s",
            holds=loaded <= LOADED_SECONDS,
        ),
        Figure(
            scenario="kill -9",
            what="only its own requests fail",
            seen=f"{len(tally.cut)} cut with {CLIENTS} clients, {tally.count(200)} answered",
            holds=len(tally.cut) <= CLIENTS and set(tally.seconds) == {200},
        ),
    ]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110  what is waited for happens in other processes
            await asyncio.sleep(0.01)


def _are_gone(server: RunningServer, processes: set[int]) -> bool:
    return processes.isdisjoint(server.children())


async def _two(server: RunningServer) -> None:
    await _until(lambda: _serving(server) >= 2)


def _serving(server: RunningServer) -> int:
    """How many processes have begun to serve since the start; the log says so."""
    return server.log.read_bytes().count(b" serves")


async def _replaced(server: RunningServer) -> float:
    """Seconds from killing a process until another serves in its place."""
    before = _serving(server)
    began = time.monotonic()
    os.kill(server.children()[0], signal.SIGKILL)
    await _until(lambda: _serving(server) > before)
    return time.monotonic() - began


def _uncut(scenario: str, what: str, tally: Tally) -> Figure:
    statuses = {status: tally.count(status) for status in sorted(tally.seconds)}
    return Figure(
        scenario=scenario,
        what="not one failed or cut answer",
        seen=f"{what}; {statuses}, {len(tally.cut)} cut, {tally.refused} refused",
        holds=not tally.cut and not tally.refused and set(statuses) == {200},
    )
