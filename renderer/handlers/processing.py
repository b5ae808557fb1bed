"""GET /{signature}/{options}/{source}: the story of a processing request, top to bottom."""

from __future__ import annotations

from aiohttp import web

from renderer.handlers.answer import not_modified_response, picture_response
from renderer.handlers.raw import stream_raw
from renderer.pipeline.output import check_requested_format
from renderer.render import Rendition, Turn
from renderer.request.client_features import client_features, client_hints
from renderer.request.described import described
from renderer.request.parse import may_be_raw, parse_request
from renderer.request.path import split_path
from renderer.request.values import NO_HINTS, ClientHints
from renderer.response.validators import Conditions, conditions_for_source
from renderer.security.allowed_sources import check_source
from renderer.security.signature import verify
from renderer.services import Services
from renderer.settings.server import ServerSettings
from renderer.telemetry.observation import Observation


async def process(request: web.BaseRequest, services: Services, seen: Observation, at: float) -> web.StreamResponse:
    """The answer to a processing request.

    Args:
        request: GET, or HEAD, which gets the same headers.
        services: what the work is done with.
        seen: told of each step.
        at: when time is up, on the loop's clock.
    """
    settings = services.settings
    path = split_path(request.raw_path, settings.server.path_prefix)
    verify(path.signature, path.signed, services.keys)
    if not may_be_raw(path.signed, services.grammar):
        services.workers.check_room()  # before the options are read: under overload most requests end here
    features = client_features(request.headers.get("Accept", ""), settings.formats)
    wanted = parse_request(path.signed, services.grammar, features, hints=_hints(request, settings.server))
    seen.understood(wanted.source_url, described(wanted))
    check_source(
        wanted.source_url, services.allowed_sources, query_separator=settings.sources.source_url_query_separator
    )
    if wanted.delivery.raw:
        return await stream_raw(request, services, seen, wanted)
    check_requested_format(wanted, services.capabilities.savable)
    conditions = conditions_for_source(_conditions(request), services.validator_rules)
    with services.workers.admission():
        result = await services.renders.render(
            wanted, Turn(at=at, seen=seen, headers=request.headers, conditions=conditions)
        )
    if isinstance(result, Rendition):
        return picture_response(result, wanted, services, seen)
    return not_modified_response(result.headers, wanted, services)


def _conditions(request: web.BaseRequest) -> Conditions:
    return Conditions(
        if_none_match=request.headers.get("If-None-Match"),
        if_modified_since=request.headers.get("If-Modified-Since"),
    )


def _hints(request: web.BaseRequest, settings: ServerSettings) -> ClientHints:
    if not settings.enable_client_hints:
        return NO_HINTS
    headers = request.headers
    return client_hints(
        dpr=(headers.get("Sec-CH-DPR", ""), headers.get("DPR", "")),
        width=(headers.get("Sec-CH-Width", ""), headers.get("Width", "")),
        width_step=settings.client_hints_width_step,
    )
