"""The answer to most requests: its head is kept beside what the URL was found to ask for, for when that comes again."""

from __future__ import annotations

from aiohttp import web
from multidict import CIMultiDict

from renderer.handlers.answer import picture_headers, set_headers
from renderer.handlers.finish import complete
from renderer.rendition import Rendition
from renderer.request.understood import Understood
from renderer.services import Services
from renderer.web.headers import set_cors_headers
from renderer.web.ready_response import ReadyResponse, is_for, ready_head


def ready_response(
    request: web.BaseRequest, rendition: Rendition, known: Understood, services: Services
) -> ReadyResponse | None:
    """A response with the head that the last answer had, or the first one; None if aiohttp has to make it."""
    if rendition.failure is not None or not _is_lasting(known, services) or not is_for(request):
        return None
    image, said = rendition.image, rendition.validators
    basis = (
        image.format,
        len(image.data),
        said.etag,
        said.last_modified,
        said.passed,
        rendition.originals,
        rendition.state,
    )
    if known.head_basis != basis:
        known.head_basis, known.head = basis, _head(rendition, known, services)
    return ReadyResponse(known.head, image.data, services.dates.now()) if known.head else None


def _is_lasting(known: Understood, services: Services) -> bool:
    """Whether nothing in the head depends on the time of day or on the request."""
    server, activity = services.settings.server, services.activity
    if activity.is_draining or not server.keep_alive_timeout_seconds:
        return False
    has_own_age = known.wanted.delivery.expires is not None or server.cache_control_passthrough
    return not (has_own_age or server.enable_debug_headers)


def _head(rendition: Rendition, known: Understood, services: Services) -> bytes:
    headers: CIMultiDict[str] = CIMultiDict()
    set_headers(headers, picture_headers(rendition, known.wanted, services, 200))
    set_cors_headers(headers, allow_origin=services.settings.server.allow_origin)
    complete(headers, 200, services, "")
    del headers["X-Request-Id"]
    return ready_head(headers, len(rendition.image.data))
