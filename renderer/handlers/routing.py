"""Which handler answers: matching on method and decoded path, nothing is cleaned or redirected (spec 03 section 2.1).

The request target is looked at as it came in. A target that is no URL gets the answer of an HTTP library, 400 without
any header of ours.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from renderer.app_keys import SERVICES
from renderer.handlers.health import health
from renderer.handlers.landing import landing
from renderer.handlers.processing import process
from renderer.response.cache_control import cache_control
from renderer.services import Services
from renderer.settings.server import ServerSettings
from renderer.web.errors import as_error, blank_response, error_response, log_error
from renderer.web.headers import set_common_headers, set_cors_headers
from renderer.web.request_id import request_id
from renderer.web.secret import check_secret

_log = logging.getLogger(__name__)

_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[\x00-\x20\x7f]")

Handler = Callable[[web.Request, Services], Awaitable[web.StreamResponse]]


async def route(request: web.Request) -> web.StreamResponse:
    """Answers any request."""
    services = request.app[SERVICES]
    target = request.raw_path.partition("?")[0]
    if not target.startswith("/") or _MALFORMED.search(target):
        return _bad_request()
    name = request_id(request)
    started = time.monotonic()
    is_processing = False
    handler = _handler(request.method, unquote(target, errors="surrogateescape"), services.settings.server)
    if handler is not None:
        response = await handler(request, services)
    elif request.method in ("GET", "HEAD") and _is_inside(target, services.settings.server):
        is_processing = True
        response = await _processed(request, services, name)
    elif request.method == "OPTIONS" and _is_inside(target, services.settings.server):
        response = blank_response(200)
        set_cors_headers(response, allow_origin=services.settings.server.allow_origin)
    else:
        response = blank_response(404)
    if response.prepared:
        return response
    _set_caching(response, services)
    set_common_headers(response, request_id=name)
    if is_processing:
        _log.info(
            "%s %s in %.1f ms request_id=%s",
            response.status,
            request.raw_path,
            (time.monotonic() - started) * 1000,
            name,
        )
    return response


def _handler(method: str, path: str, settings: ServerSettings) -> Handler | None:
    """The handler of an exact route; None leaves the path to processing."""
    if method not in ("GET", "HEAD"):
        return None
    prefix = settings.path_prefix
    if path in (prefix, f"{prefix}/"):
        return landing
    if path == f"{prefix}/health" or (settings.health_check_path and path == prefix + settings.health_check_path):
        return health
    if path == f"{prefix}/favicon.ico" or path.startswith(f"{prefix}/.well-known/"):
        return _nothing
    return None


async def _nothing(_request: web.Request, _services: Services) -> web.StreamResponse:
    return blank_response(404)


def _is_inside(target: str, settings: ServerSettings) -> bool:
    return unquote(target, errors="surrogateescape").startswith(f"{settings.path_prefix}/")


async def _processed(request: web.Request, services: Services, name: str) -> web.StreamResponse:
    """A processing request: the secret first, then the picture, errors as answers."""
    response: web.StreamResponse
    try:
        check_secret(request.headers.get("Authorization", ""), services.settings.server.secret)
        at = asyncio.get_running_loop().time() + services.settings.server.timeout_seconds
        response = await process(request, services, at)
    except Exception as failure:  # noqa: BLE001  the border of a request: whatever happens is one answer and one log line
        error = as_error(failure)
        log_error(error, target=request.raw_path, request_id=name)
        response = error_response(error, is_development=services.settings.server.development_errors_mode)
    if not response.prepared:
        set_cors_headers(response, allow_origin=services.settings.server.allow_origin)
    return response


def _set_caching(response: web.StreamResponse, services: Services) -> None:
    """`Cache-Control` of routes that have not set their own."""
    if "Cache-Control" in response.headers:
        return
    value = cache_control(status=response.status, ttl_seconds=services.settings.server.ttl_seconds, now=time.time())
    if value is not None:
        response.headers["Cache-Control"] = value


def _bad_request() -> web.Response:
    response = web.Response(status=400, text="400 Bad Request", content_type="text/plain", charset="utf-8")
    response.force_close()
    return response
