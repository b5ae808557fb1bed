"""More and more load: by clients who wait for their answers, and by a rate that waits for nobody.

A refusal (429, 503) is a good answer here; it is counted and says where the server's room ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.load.client import Address, Connection, Cut, Tally, keep_asking
from benchmarks.pictures.measured import percentile
from benchmarks.pictures.targets import Server

CLIENTS: Final = (1, 2, 4, 8, 16, 32, 64)
QUEUE: Final = 128
"""Places to wait in our server: a closed loop of 64 clients is never refused, even if one of two processes has all of
them; an open one is in the end."""

VARIABLES: Final = {"IMGPROXY_REQUESTS_QUEUE_SIZE": str(QUEUE), "BILDWERK_SHARED_DECODE": "off"}
"""Sharing would make it the faster the more clients ask for the same few pictures: that is not what grows here."""

_FIRST_SHARE: Final = 0.5
_GROWTH: Final = 1.2
MAX_STEPS: Final = 10
_REFUSED_SHARE: Final = 0.1
_MAX_OPEN: Final = 512
_DRAIN_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a ramp. `load` is the number of clients, or of requests a second that were begun.

    `answered` and `refused` are a second; latencies are of pictures, in seconds, from when a request was due.
    """

    load: float
    answered: float
    refused: float
    others: int
    p50: float | None
    p99: float | None
    cpu_ms: float | None


@dataclass(slots=True, kw_only=True)
class Ramp:
    """The steps of one target."""

    target: str
    closed: list[Step] = field(default_factory=list)
    opened: list[Step] = field(default_factory=list)


async def climb(server: Server, paths: Sequence[str], seconds: float, done: Callable[[], object]) -> Ramp:
    """A closed loop of more and more clients, then an open one until a tenth is refused."""
    ramp = Ramp(target=server.name)
    for count in CLIENTS:
        ramp.closed.append(await _step(server, count, _closed(server.address, paths, count, seconds)))
        done()
    rate = _FIRST_SHARE * max(step.answered for step in ramp.closed)
    for _ in range(MAX_STEPS):
        step = await _step(server, rate, _open(server.address, paths, rate, seconds))
        ramp.opened.append(step)
        done()
        if step.refused > _REFUSED_SHARE * rate:
            break
        rate *= _GROWTH
    return ramp


async def _step(server: Server, load: float, run: Awaitable[tuple[Tally, float]]) -> Step:
    before = server.cpu_seconds()
    tally, wall = await run
    after = server.cpu_seconds()
    pictures = tally.seconds.get(200, [])
    refused = tally.count(429) + tally.count(503)
    return Step(
        load=load,
        answered=len(pictures) / wall,
        refused=(refused + tally.refused) / wall,
        others=tally.total - len(pictures) - refused + len(tally.cut),
        p50=percentile(pictures, 0.50),
        p99=percentile(pictures, 0.99),
        cpu_ms=1000 * (after - before) / len(pictures) if pictures and before is not None and after else None,
    )


async def _closed(address: Address, paths: Sequence[str], count: int, seconds: float) -> tuple[Tally, float]:
    tally, stop, started = Tally(), asyncio.Event(), time.perf_counter()
    # Each begins at another path: what two ask for at once is rendered once.
    offsets = [place * len(paths) // count for place in range(count)]
    tasks = [asyncio.create_task(keep_asking(address, list(paths), stop, tally, offset=at)) for at in offsets]
    await asyncio.sleep(seconds)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), _DRAIN_SECONDS)
    return tally, time.perf_counter() - started


async def _open(address: Address, paths: Sequence[str], rate: float, seconds: float) -> tuple[Tally, float]:
    """Requests at their times, on a connection that is idle or a new one; too many at once count as refused."""
    tally = Tally()
    idle: list[Connection] = []
    under_way: set[asyncio.Task[None]] = set()
    started = time.perf_counter()
    for number in range(round(rate * seconds)):
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(under_way) >= _MAX_OPEN:
            tally.refused += 1
            continue
        task = asyncio.create_task(_due(address, paths[number % len(paths)], due, idle, tally))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        await asyncio.wait(under_way, timeout=_DRAIN_SECONDS)
    wall = time.perf_counter() - started
    for connection in idle:
        await connection.close()
    return tally, wall


async def _due(address: Address, path: str, due: float, idle: list[Connection], tally: Tally) -> None:  # noqa: PLR0917
    try:
        connection = idle.pop() if idle else await Connection.open(address)
        answer = await connection.get(path)
    except OSError:
        tally.refused += 1
    except Cut as error:
        tally.cut.append(str(error))
    else:
        tally.seconds.setdefault(answer.status, []).append(time.perf_counter() - due)
        if answer.is_last:
            await connection.close()
        else:
            idle.append(connection)
