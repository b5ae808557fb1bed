"""The last touch to every answer: what all of them carry, and whether its connection goes on."""

from __future__ import annotations

import time
from collections.abc import MutableMapping

from aiohttp import web

from renderer.response.cache_control import cache_control
from renderer.services import Services
from renderer.web.headers import set_common_headers


def finish(response: web.StreamResponse, services: Services, request_id: str) -> None:
    """Completes an answer that has not been sent yet."""
    complete(response.headers, response.status, services, request_id)
    if services.activity.is_draining or not services.settings.server.keep_alive_timeout_seconds:
        response.force_close()


def complete(headers: MutableMapping[str, str], status: int, services: Services, request_id: str) -> None:
    """Adds what all answers carry."""
    server = services.settings.server
    if "Cache-Control" not in headers:
        value = cache_control(
            status=status,
            ttl_seconds=server.ttl_seconds,
            now=time.time(),
            browser_ttl_seconds=server.browser_ttl_seconds,
        )
        if value is not None:
            headers["Cache-Control"] = value
    set_common_headers(headers, request_id=request_id, server_name=server.server_name)
    for name, text in services.response_headers:
        headers.setdefault(name, text)
