"""The answer that a URL had before, given again: its head is kept beside what the URL was found to ask for."""

from __future__ import annotations

from aiohttp import web

from renderer.handlers.answer import picture_response
from renderer.handlers.finish import finish
from renderer.rendition import Rendition
from renderer.request.understood import Understood
from renderer.services import Services
from renderer.telemetry.observation import Observation
from renderer.web.headers import set_cors_headers
from renderer.web.ready_response import ReadyResponse, is_for, ready_head


def same_response(
    request: web.BaseRequest, rendition: Rendition, known: Understood, services: Services
) -> ReadyResponse | None:
    """A response with the head that the last answers had, from the third time on; None if it is to be made."""
    if rendition.failure is not None or not _is_lasting(known, services) or not is_for(request):
        return None
    image = rendition.image
    basis = (image.format, len(image.data), rendition.validators, rendition.originals, rendition.state)
    if known.head_basis != basis:
        # The first time: most URLs do not come again soon, and a head costs as much as an answer.
        known.head_basis, known.head = basis, None
        return None
    if known.head is None:
        known.head = _head(rendition, known, services)
    return ReadyResponse(known.head, image.data, services.dates.now()) if known.head else None


def _is_lasting(known: Understood, services: Services) -> bool:
    """Whether nothing in the head depends on the time of day or on the request."""
    server, activity = services.settings.server, services.activity
    if activity.is_draining or not server.keep_alive_timeout_seconds:
        return False
    has_own_age = known.wanted.delivery.expires is not None or server.cache_control_passthrough
    return not (has_own_age or server.enable_debug_headers)


def _head(rendition: Rendition, known: Understood, services: Services) -> bytes:
    nobody = Observation(request_id="", method="GET", target="", client_ip="")
    response = picture_response(rendition, known.wanted, services, nobody)
    set_cors_headers(response, allow_origin=services.settings.server.allow_origin)
    finish(response, services, "")
    return ready_head(response)
