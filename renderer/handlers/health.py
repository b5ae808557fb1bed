"""GET /health: whether libvips still works; asks no queue and no worker (spec 03 section 2.2)."""

from __future__ import annotations

import logging

from aiohttp import web

from renderer.errors import BildwerkError
from renderer.services import Services

_log = logging.getLogger(__name__)


async def health(_request: web.BaseRequest, services: Services) -> web.Response:
    """200 when libvips made a tiny picture in time, else 500."""
    try:
        await services.health.check()
    except BildwerkError:
        _log.exception("libvips failed its health check")
        return _answer(500, "Error")
    return _answer(200, services.settings.server.health_check_message or " ")


def _answer(status: int, text: str) -> web.Response:
    headers = {"Content-Type": "text/plain", "Cache-Control": "no-cache"}
    return web.Response(status=status, body=text.encode(), headers=headers)
