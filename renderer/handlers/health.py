"""GET /health: whether libvips still works; asks no queue and no worker (spec 03 section 2.2)."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from renderer.errors import BildwerkError
from renderer.services import Services
from renderer.vips.runtime import check_health

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 5


async def health(_request: web.Request, _services: Services) -> web.Response:
    """200 when libvips made a tiny picture in time, else 500."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await asyncio.to_thread(check_health)
    except (BildwerkError, TimeoutError):
        _log.exception("libvips failed its health check")
        return _answer(500, "Error")
    return _answer(200, "imgproxy is running")


def _answer(status: int, text: str) -> web.Response:
    headers = {"Content-Type": "text/plain", "Cache-Control": "no-cache"}
    return web.Response(status=status, body=text.encode(), headers=headers)
