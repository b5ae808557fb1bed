"""Large sources that come slowly, many at once: what of them is held in memory stays under its limit.

The figure is the server's own, `source_bytes_in_flight`, read while clients ask for more than there is room for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from benchmarks.load.client import Tally
from benchmarks.load.server import running_server
from benchmarks.resilience.figures import Figure
from benchmarks.resilience.site import Site, clients
from scripts.ports import free_port

SOURCE: Final = "scan.tiff"
ROOM: Final = 4
"""So many of these sources fit into the half of the limit that each of two processes has."""

CLIENTS: Final = 80
SCRAPE_SECONDS: Final = 0.5
_PIECE_BYTES: Final = 128 * 1024
_PIECE_SECONDS: Final = 0.03
_METRIC: Final = "source_bytes_in_flight"


async def source_bytes(site: Site) -> list[Figure]:
    """Bytes of sources that are held, under a load of them."""
    size = site.pictures.joinpath(SOURCE).stat().st_size
    limit = 2 * ROOM * size
    metrics = free_port()
    variables = site.variables(
        BILDWERK_PROCESSES="2",
        BILDWERK_MAX_SOURCE_BYTES_IN_FLIGHT=str(limit),
        IMGPROXY_WORKERS="4",
        IMGPROXY_REQUESTS_QUEUE_SIZE="40",
        IMGPROXY_PROMETHEUS_BIND=f"127.0.0.1:{metrics}",
        IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES="true",
        IMGPROXY_LOG_LEVEL="error",
    )
    with running_server(site.folder / "source-bytes.log", variables) as server:
        async with _slow_origin(site.pictures) as origin, aiohttp.ClientSession() as session:
            path = f"/unsafe/rs:fit:100:100/plain/http://127.0.0.1:{origin}/{SOURCE}@jpg"
            held: list[float] = []
            async with clients(server, CLIENTS, [path]) as tally:
                loop = asyncio.get_running_loop()
                end = loop.time() + site.seconds / 2
                while loop.time() < end:
                    await asyncio.sleep(SCRAPE_SECONDS)
                    held.append(await _held(session, metrics))
    return [_figure(held, limit, size, tally)]


def _figure(held: list[float], limit: int, size: int, tally: Tally) -> Figure:
    statuses = {status: tally.count(status) for status in sorted(tally.seconds)}
    return Figure(
        scenario="overload",
        what="bytes of sources held in memory stay under their limit",
        seen=f"at most {max(held) / 1e6:.1f} of {limit / 1e6:.1f} MB in {len(held)} looks, {size / 1e6:.1f} MB each;"
        f" {statuses}, {len(tally.cut)} cut",
        # A limit that nothing came near would show nothing.
        holds=limit / 2 <= max(held) <= limit and set(statuses) <= {200, 429, 503} and not tally.cut,
    )


async def _held(session: aiohttp.ClientSession, port: int) -> float:
    async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{_METRIC} ", f"{_METRIC}{{")))


@contextlib.asynccontextmanager
async def _slow_origin(folder: Path) -> AsyncIterator[int]:
    """The port of an origin whose pictures take their time."""

    async def picture(request: web.Request) -> web.StreamResponse:
        data = folder.joinpath(request.match_info["name"]).read_bytes()
        response = web.StreamResponse(headers={"Content-Type": "image/tiff", "Content-Length": str(len(data))})
        await response.prepare(request)
        for start in range(0, len(data), _PIECE_BYTES):
            await response.write(data[start : start + _PIECE_BYTES])
            await asyncio.sleep(_PIECE_SECONDS)
        return response

    app = web.Application()
    app.router.add_get("/{name}", picture)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
