"""GET /{signature}/{options}/{source}: the story of a processing request, top to bottom."""

from __future__ import annotations

from aiohttp import web

from renderer.cache.key import cache_key
from renderer.handlers.again import ready_response
from renderer.handlers.answer import not_modified_response, picture_response
from renderer.handlers.raw import stream_raw
from renderer.pipeline.output import check_requested_format
from renderer.rendition import Rendition, Turn
from renderer.request.client_features import client_features, client_hints
from renderer.request.described import described
from renderer.request.parse import may_be_raw, parse_request
from renderer.request.path import split_path
from renderer.request.understood import Asked, Understood
from renderer.request.values import NO_HINTS, ClientHints, RenderRequest
from renderer.response.validators import NO_CONDITIONS, Conditions, conditions_for_source
from renderer.security.allowed_sources import check_source
from renderer.security.signature import verify
from renderer.services import Services
from renderer.settings.server import ServerSettings
from renderer.telemetry.observation import Observation
from renderer.telemetry.pairs import Lasting


async def process(request: web.BaseRequest, services: Services, seen: Observation, at: float) -> web.StreamResponse:
    """The answer to a processing request.

    Args:
        request: GET, or HEAD, which gets the same headers.
        services: what the work is done with.
        seen: told of each step.
        at: when time is up, on the loop's clock.
    """
    known = _understood(request, services, seen)
    wanted = known.wanted
    if wanted.delivery.raw:
        return await stream_raw(request, services, seen, wanted)
    conditions = conditions_for_source(_conditions(request), services.validator_rules)
    turn = Turn(key=known.key, at=at, seen=seen, headers=request.headers, conditions=conditions)
    result = services.renders.remembered(wanted, turn)
    if result is None:
        with services.workers.admission():
            result = await services.renders.render(wanted, turn)
    if isinstance(result, Rendition):
        if services.watch.results is not None and result.state is not None:
            services.watch.results.answered(result.state.value)
        ready = ready_response(request, result, known, services)
        return picture_response(result, wanted, services, seen) if ready is None else ready
    return not_modified_response(result.headers, wanted, services)


def _understood(request: web.BaseRequest, services: Services, seen: Observation) -> Understood:
    """What is asked for: signed, well-formed and allowed, or it raises."""
    settings = services.settings
    features = client_features(request.headers.get("Accept", ""), settings.formats)
    asked = (request.raw_path, features, _hints(request, settings.server))
    known = services.recall.get(asked)
    if known is not None:
        seen.understood(known.wanted.source_url, known.options)
        return known
    wanted = _read(asked, services)
    known = Understood(wanted=wanted, key=cache_key(wanted), options=Lasting(described(wanted)))
    seen.understood(wanted.source_url, known.options)
    check_source(
        wanted.source_url, services.allowed_sources, query_separator=settings.sources.source_url_query_separator
    )
    if not wanted.delivery.raw:
        check_requested_format(wanted, services.capabilities.savable)
    if wanted.delivery.expires is None:
        services.recall.put(asked, known)
    return known


def _read(asked: Asked, services: Services) -> RenderRequest:
    target, features, hints = asked
    path = split_path(target, services.settings.server.path_prefix)
    verify(path.signature, path.signed, services.keys)
    if not may_be_raw(path.signed, services.grammar):
        services.workers.check_room()  # before the options are read: under overload most requests end here
    return parse_request(path.signed, services.grammar, features, hints=hints)


def _conditions(request: web.BaseRequest) -> Conditions:
    headers = request.headers
    none_match, since = headers.get("If-None-Match"), headers.get("If-Modified-Since")
    if none_match is None and since is None:
        return NO_CONDITIONS
    return Conditions(if_none_match=none_match, if_modified_since=since)


def _hints(request: web.BaseRequest, settings: ServerSettings) -> ClientHints:
    if not settings.enable_client_hints:
        return NO_HINTS
    headers = request.headers
    return client_hints(
        dpr=(headers.get("Sec-CH-DPR", ""), headers.get("DPR", "")),
        width=(headers.get("Sec-CH-Width", ""), headers.get("Width", "")),
        width_step=settings.client_hints_width_step,
    )
