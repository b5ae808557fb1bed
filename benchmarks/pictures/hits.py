"""Cached hits against a bare aiohttp handler that sends the same bytes with the same headers.

One path is asked for all the time, by wrk where it is installed and else by our own clients, which are the slower side
of such a load: it says less about the servers then, but no less about their processor time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.load.client import Address, Answer
from benchmarks.pictures import wrk
from benchmarks.pictures.bench import Bench, ours
from benchmarks.pictures.load import Failed, Gone, clients, connected, for_seconds, picture
from benchmarks.pictures.measured import Round, Series
from benchmarks.pictures.order import rotated
from benchmarks.pictures.rounds import Failure, Measured
from benchmarks.pictures.scenarios import Scenario
from benchmarks.pictures.targets import Server
from scripts.ports import free_port

BARE: Final = "bare aiohttp"
_START_SECONDS: Final = 20
_WARMING: Final = 32
"""Connections that ask before anything counts: each process of ours has a memory of its own, and takes its share."""

_OWN_HEADERS: Final = frozenset({"content-length", "date", "connection"})
"""What aiohttp adds by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """A server and the path that it is asked for."""

    server: Server
    path: str


async def measure_hits(bench: Bench, scenario: Scenario, done: Callable[[], object]) -> Measured:
    """Rounds of our store's hits and of the bare handler, interleaved."""
    shot = scenario.shots[0]
    async with AsyncExitStack() as stack:
        running = stack.enter_context(bench.running(scenario.name, scenario.variables))
        server = ours(running)
        answer, kept = await _warm(server.address, server.kept_path(shot))
        measured = Measured(scenario=scenario)
        bare = await stack.enter_async_context(_bare(bench, answer, max(1, len(running.children()))))
        hits = [_Hit(server=one, path=one.kept_path(shot)) for one in (server, bare, *bench.others())]
        measured.series = {hit.server.name: Series(target=hit.server.name) for hit in hits}
        measured.notes += [_described(answer, scenario), kept]
        for number in range(bench.effort.rounds):
            for hit in rotated(hits, number):
                if not any(failure.target == hit.server.name for failure in measured.failures):
                    await _round(hit, number, bench.effort.round_seconds, measured)
                done()
    return measured


def _described(answer: Answer, scenario: Scenario) -> str:
    generator = "wrk with one thread" if wrk.command() else "our own clients: wrk is not installed"
    return f"{len(answer.body):,} bytes a hit over {scenario.connections} connections; load from {generator}"


async def _warm(address: Address, path: str) -> tuple[Answer, str]:
    """The answer of a hit, and what is to be said of how it was kept."""
    for _ in range(2):
        answers = await asyncio.gather(*(_asked(address, path) for _ in range(_WARMING)))
    told = {answer.headers.get("x-cache", "") for answer in answers}
    if all("hit" in text.lower() for text in told):
        return answers[0], f"each of {_WARMING} connections had `X-Cache: {'/'.join(sorted(told))}` before the rounds"
    return answers[0], f"**not only hits**: `X-Cache` is {sorted(told)} after {2 * _WARMING} requests"


async def _asked(address: Address, path: str) -> Answer:
    connection = await connected(address)
    try:
        return await picture(connection, path)
    finally:
        await connection.close()


@asynccontextmanager
async def _bare(bench: Bench, answer: Answer, processes: int) -> AsyncIterator[Server]:
    """The bare handler with an answer of ours, in as many processes."""
    body, headers = bench.folder / "bare.body", bench.folder / "bare.json"
    body.write_bytes(answer.body)
    headers.write_text(json.dumps(_sent(answer.headers)), encoding="utf-8")
    port = free_port()
    program = ["-m", "benchmarks.pictures.bare", "--port", str(port), "--processes", str(processes)]
    process = await asyncio.create_subprocess_exec(sys.executable, *program, str(body), str(headers))
    try:
        address = Address(host="127.0.0.1", port=port)
        await _listening(address)
        yield Server(name=BARE, address=address, pid=process.pid)
    finally:
        process.terminate()
        await process.wait()


def _sent(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name not in _OWN_HEADERS}


async def _listening(address: Address) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            await (await connected(address)).close()
        except Gone:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.02)
        else:
            return


async def _round(hit: _Hit, number: int, seconds: float, measured: Measured) -> None:
    connections = measured.scenario.connections
    try:
        before = hit.server.cpu_seconds()
        if wrk.command() and not hit.server.address.is_tls:
            told = await wrk.run(hit.server.address, hit.path, connections, seconds)
        else:
            told = await _own_load(hit, connections, seconds)
        after = hit.server.cpu_seconds()
    except Failed as error:
        failure = Failure(
            scenario=measured.scenario.name,
            target=hit.server.name,
            text=str(error),
            is_gone=isinstance(error, Gone),
        )
        measured.failures.append(failure)
        return
    measured.series[hit.server.name].rounds.append(
        Round(
            number=number,
            pictures=told["requests"],
            wall_seconds=told["microseconds"] / 1e6,
            cpu_seconds=None if before is None or after is None else after - before,
            result_bytes=told["bytes"],
            percentiles={share: told[f"p{share:.0%}"[:-1]] / 1e6 for share in (0.50, 0.95, 0.99)},
        )
    )


async def _own_load(hit: _Hit, connections: int, seconds: float) -> dict[str, int]:
    """The same as wrk's, by our own clients."""
    latencies: list[float] = []
    sizes: list[int] = []

    def seen(_: str, answer: Answer) -> None:
        latencies.append(answer.seconds)
        sizes.append(len(answer.body))

    async with clients(hit.server.address, connections) as opened:
        wall = await opened.one_by_one(for_seconds([hit.path], seconds), seen)
    ordered = sorted(latencies)
    micro = {f"p{share}": round(1e6 * ordered[(len(ordered) - 1) * share // 100]) for share in (50, 95, 99)}
    return {"requests": len(ordered), "microseconds": round(1e6 * wall), "bytes": sum(sizes), **micro}
