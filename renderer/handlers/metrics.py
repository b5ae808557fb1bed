"""The answer to Prometheus, on any path and to any method (spec 03 section 7.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web


def metrics_handler(directory: Path, namespace: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """A handler for `web.Server` that answers every request with the metrics of all processes.

    Args:
        directory: where the processes keep their figures.
        namespace: `IMGPROXY_PROMETHEUS_NAMESPACE`.
    """
    # Imported here: a server without metrics need not spend 80 ms of its start on the library.
    from renderer.telemetry.prometheus import CONTENT_TYPE, exposition

    one_at_a_time = asyncio.Lock()

    async def metrics(_request: web.BaseRequest) -> web.Response:
        async with one_at_a_time:
            # In a thread: it reads some files for each process.
            body = await asyncio.to_thread(exposition, directory, namespace)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    return metrics
