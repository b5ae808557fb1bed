"""Our own application in this process, on a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from renderer.app import application
from renderer.settings.load import Settings


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Serves under these settings until the block ends; gives the address."""
    async with application(settings) as app:
        runner = web.ServerRunner(web.Server(app, handler_cancellation=True), shutdown_timeout=0.1)  # type: ignore[arg-type]
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
