"""GET /{signature}/{options}/{source}: the story of a processing request, top to bottom."""

from __future__ import annotations

import time

from aiohttp import web

from renderer.cache.tags import original_tag
from renderer.handlers.raw import stream_raw
from renderer.pipeline.output import check_requested_format
from renderer.render import Rendition
from renderer.request.client_features import client_features
from renderer.request.parse import parse_request
from renderer.request.path import split_path
from renderer.request.values import RenderRequest
from renderer.response.cache_control import cache_control
from renderer.response.disposition import content_disposition
from renderer.response.validators import Conditions, Validators, conditions_for_source, validators_for_client
from renderer.security.allowed_sources import check_source
from renderer.security.signature import verify
from renderer.services import Services
from renderer.sources.source import SourceHeaders


async def process(request: web.Request, services: Services, at: float) -> web.StreamResponse:
    """The answer to a processing request.

    Args:
        request: GET, or HEAD, which gets the same headers.
        services: what the work is done with.
        at: when time is up, on the loop's clock.
    """
    settings = services.settings
    path = split_path(request.raw_path, settings.server.path_prefix)
    verify(path.signature, path.signed, services.keys)
    features = client_features(request.headers.get("Accept", ""), settings.formats)
    wanted = parse_request(path.signed, services.grammar, features)
    check_source(
        wanted.source_url, services.allowed_sources, query_separator=settings.sources.source_url_query_separator
    )
    if wanted.delivery.raw:
        return await stream_raw(request, services, wanted)
    check_requested_format(wanted, services.capabilities.savable)
    asked = Conditions(
        if_none_match=request.headers.get("If-None-Match"),
        if_modified_since=request.headers.get("If-Modified-Since"),
    )
    conditions = conditions_for_source(asked, services.validator_rules)
    with services.workers.admission():
        rendition = await services.renders.render(wanted, conditions, at)
    if isinstance(rendition, Rendition):
        return _picture(rendition, wanted, services)
    response = web.Response(status=304)
    _set_caching(response, wanted, services, rendition.headers)
    return response


def _picture(rendition: Rendition, wanted: RenderRequest, services: Services) -> web.Response:
    image = rendition.image
    response = web.Response(body=image.data, headers={"Content-Type": image.format.mime})
    is_attachment = wanted.delivery.return_attachment
    response.headers["Content-Disposition"] = content_disposition(
        source_url=wanted.source_url,
        extension=image.format.extension,
        filename=wanted.delivery.filename,
        is_attachment=services.settings.server.return_attachment if is_attachment is None else is_attachment,
    )
    _set_caching(response, wanted, services, rendition.source_headers)
    return response


def _set_caching(response: web.Response, wanted: RenderRequest, services: Services, source: SourceHeaders) -> None:
    """Cache-Control, validators, Vary and the tags of the originals."""
    server = services.settings.server
    value = cache_control(
        status=response.status, ttl_seconds=server.ttl_seconds, expires=wanted.delivery.expires, now=time.time()
    )
    validators = validators_for_client(
        Validators(etag=source.etag, last_modified=source.last_modified), services.validator_rules
    )
    headers = {
        "Cache-Control": value,
        "ETag": validators.etag,
        "Last-Modified": validators.last_modified,
        "Vary": services.vary,
        server.cache_tag_header: original_tag(wanted.source_url, services.settings.sources.source_url_query_separator),
    }
    for name, text in headers.items():
        if name and text is not None:
            response.headers[name] = text
