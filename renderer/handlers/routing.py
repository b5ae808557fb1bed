"""Which handler answers: matching on method and decoded path, nothing is cleaned or redirected (spec 03 section 2.1).

The request target is looked at as it came in. A target that is no URL gets the answer of an HTTP library, 400 without
any header of ours; `OPTIONS *`, which asks for the whole server, gets an empty 200 in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from renderer.handlers.finish import finish
from renderer.handlers.health import health
from renderer.handlers.landing import landing
from renderer.handlers.observed import observed
from renderer.services import Services
from renderer.settings.server import ServerSettings
from renderer.web.errors import blank_response
from renderer.web.headers import set_cors_headers
from renderer.web.request_id import request_id

_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[\x00-\x20\x7f]")
_PLAIN: Final = re.compile(r"/[!-$&-~]*")
"""What most targets are, found out in a quarter of the time: well-formed, and the same when decoded."""

Handler = Callable[[web.BaseRequest, Services], Awaitable[web.StreamResponse]]


async def route(request: web.BaseRequest, services: Services) -> web.StreamResponse:
    """Answers any request."""
    target = request.raw_path.partition("?")[0]
    if target == "*" and request.method == "OPTIONS":
        return web.Response()
    if not _PLAIN.fullmatch(target) and (not target.startswith("/") or _MALFORMED.search(target)):
        return _bad_request(services.settings.server.server_name)
    name = request_id(request)
    response = await _answer(request, services, target, name)
    if not response.prepared:
        finish(response, services, name)
    return response


def _answer(request: web.BaseRequest, services: Services, target: str, name: str) -> Awaitable[web.StreamResponse]:
    """Who answers, begun."""
    settings = services.settings.server
    path = unquote(target, errors="surrogateescape") if "%" in target else target
    if not path.startswith(settings.path_prefix):
        return _nothing(request, services)
    route = path[len(settings.path_prefix) :]
    handler = _handler(request.method, route, settings)
    if handler is not None:
        return handler(request, services)
    is_inside = route.startswith("/")
    if is_inside and request.method in ("GET", "HEAD"):
        return observed(request, services, name)
    return (_allowed if is_inside and request.method == "OPTIONS" else _nothing)(request, services)


def _handler(method: str, route: str, settings: ServerSettings) -> Handler | None:
    """The handler of an exact route below the prefix; None leaves it to processing."""
    if method not in ("GET", "HEAD"):
        return None
    if route in ("", "/"):
        return landing
    if route == "/health" or (settings.health_check_path and route == settings.health_check_path):
        return health
    if route == "/favicon.ico" or route.startswith("/.well-known/"):
        return _nothing
    return None


async def _allowed(_request: web.BaseRequest, services: Services) -> web.StreamResponse:
    response = blank_response(200)
    set_cors_headers(response.headers, allow_origin=services.settings.server.allow_origin)
    return response


async def _nothing(_request: web.BaseRequest, _services: Services) -> web.StreamResponse:
    return blank_response(404)


def _bad_request(server_name: str) -> web.Response:
    response = web.Response(status=400, text="400 Bad Request", content_type="text/plain", charset="utf-8")
    response.headers["Server"] = server_name  # or aiohttp would name itself and its version
    response.force_close()
    return response
