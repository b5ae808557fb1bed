"""Four times more clients than there is room for: who gets in is served as before, who does not is told at once.

Refusals and health are held against a bare aiohttp handler in a process of its own beside the same load.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from benchmarks.load.client import Connection, Tally
from benchmarks.load.server import running_server
from benchmarks.resilience.figures import Figure
from benchmarks.resilience.site import USUAL, Site, clients
from benchmarks.resilience.source_bytes import source_bytes
from scripts.ports import free_port

WORKERS: Final = 4
QUEUE: Final = 16
PROBES_PER_SECOND: Final = 10
LIMIT_MS: Final = 50
FACTOR: Final = 3

_BARE: Final = """
import sys
from aiohttp import web
async def hello(_request):
    return web.Response(text="hello")
app = web.Application()
app.router.add_get("/health", hello)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""


async def overload(site: Site) -> list[Figure]:
    """Throughput, refusals and health under overload; then memory for sources."""
    variables = site.variables(IMGPROXY_WORKERS=str(WORKERS), IMGPROXY_REQUESTS_QUEUE_SIZE=str(QUEUE))
    with running_server(site.folder / "overload.log", variables) as server:
        # Twice the workers: enough that every process always has something to do, few enough that nobody is refused.
        async with clients(server, 2 * WORKERS, USUAL) as unloaded:
            await asyncio.sleep(site.seconds / 2)
        port = free_port()
        bare = await asyncio.create_subprocess_exec(sys.executable, "-c", _BARE, str(port))
        try:
            await _reachable(port)
            health, hello, stop = Tally(), Tally(), asyncio.Event()
            probes = [
                asyncio.create_task(_probe(server.port, stop, health)),
                asyncio.create_task(_probe(port, stop, hello)),
            ]
            async with clients(server, 4 * (WORKERS + QUEUE), USUAL) as loaded:
                await asyncio.sleep(site.seconds)
            stop.set()
            await asyncio.gather(*probes)
        finally:
            bare.terminate()
            await bare.wait()
    return [*_figures(site, (unloaded, loaded), health, hello), *await source_bytes(site)]


def _figures(site: Site, tallies: tuple[Tally, Tally], health: Tally, hello: Tally) -> list[Figure]:
    unloaded, loaded = tallies
    before = unloaded.count(200) / (site.seconds / 2)
    during = loaded.count(200) / site.seconds
    bare_ms = hello.percentile(200, 0.99) * 1000
    bound = max(LIMIT_MS, FACTOR * bare_ms)
    refused_ms, health_ms = loaded.percentile(429, 0.99) * 1000, health.percentile(200, 0.99) * 1000
    statuses = {status: loaded.count(status) for status in sorted(loaded.seconds)}
    return [
        Figure(
            scenario="overload",
            what="no answer but 200, 429 and 503, none cut",
            seen=f"{statuses}, {len(loaded.cut)} cut",
            holds=set(statuses) <= {200, 429, 503} and not loaded.cut,
        ),
        Figure(
            scenario="overload",
            what=f"refusals at p99 within {LIMIT_MS} ms or {FACTOR} x a bare aiohttp handler",
            seen=f"{refused_ms:.0f} ms; bare {bare_ms:.0f} ms; {loaded.count(429)} refused",
            holds=refused_ms <= bound,
        ),
        Figure(
            scenario="overload",
            what="health at p99 within the same",
            seen=f"{health_ms:.0f} ms; bare {bare_ms:.0f} ms; {health.total} asked",
            holds=health_ms <= bound and set(health.seconds) == {200},
        ),
        Figure(
            scenario="overload",
            what="pictures a second within 10 % of the unloaded maximum",
            seen=f"{during:.1f} of {before:.1f} ({100 * during / before:.0f} %)",
            holds=during >= 0.9 * before,
        ),
    ]


async def _reachable(port: int) -> None:
    while True:
        try:
            connection = await Connection.open(port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return


async def _probe(port: int, stop: asyncio.Event, tally: Tally) -> None:
    while not stop.is_set():
        connection = await Connection.open(port)
        tally.add(await connection.get("/health"))
        await connection.close()
        await asyncio.sleep(1 / PROBES_PER_SECOND)
