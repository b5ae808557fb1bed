"""The headers of answers to processing requests, put together from what `renderer.response` decides."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping

from aiohttp import web

from renderer.cache.tags import cache_tags
from renderer.options.delivery import Delivery
from renderer.rendition import Rendition
from renderer.request.values import RenderRequest
from renderer.response.cache_control import SourceCaching, cache_control
from renderer.response.debug import canonical_link, debug_headers
from renderer.response.disposition import content_disposition
from renderer.response.validators import Validators, validators_for_client
from renderer.services import Services
from renderer.sources.source import SourceHeaders, writable
from renderer.telemetry.observation import Observation
from renderer.telemetry.server_timing import server_timing


def picture_response(
    rendition: Rendition, wanted: RenderRequest, services: Services, seen: Observation
) -> web.Response:
    """A picture, or the fallback picture under the status that the settings give it."""
    settings, image, failure = services.settings, rendition.image, rendition.failure
    status = 200 if failure is None else settings.fallback.http_code or failure.status
    headers = picture_headers(rendition, wanted, services, status)
    if settings.server.enable_debug_headers:
        origin, result = image.origin, image.result
        headers |= debug_headers(
            origin=(origin.width, origin.height),
            result=(result.width, result.height),
            source_bytes=rendition.source_bytes,
        )
        headers["Server-Timing"] = server_timing(seen)
    response = web.Response(status=status, body=image.data)
    set_headers(response.headers, headers)
    return response


def picture_headers(
    rendition: Rendition, wanted: RenderRequest, services: Services, status: int
) -> dict[str, str | None]:
    """What is said of a picture; None is not said."""
    image = rendition.image
    fallback_ttl_seconds = None if rendition.failure is None else services.settings.fallback.ttl_seconds
    return {
        **rendition.validators.passed,
        "Content-Type": image.format.mime,
        "Cache-Control": caching(
            status, wanted, services, rendition.caching, fallback_ttl_seconds=fallback_ttl_seconds
        ),
        "Content-Disposition": content_disposition(
            source_url=wanted.source_url,
            extension=image.format.extension,
            filename=wanted.delivery.filename,
            is_attachment=is_attachment(wanted.delivery, services),
        ),
        "Vary": services.vary,
        "X-Cache": rendition.state and rendition.state.value,
        **_validators(rendition.validators, services),
        **canonical(wanted.source_url, services),
        **tags(rendition.originals, services),
    }


def not_modified_response(source: SourceHeaders, wanted: RenderRequest, services: Services) -> web.Response:
    """304, with what the source's own 304 said about caching."""
    response = web.Response(status=304)
    headers = {
        "Cache-Control": caching(304, wanted, services, source),
        "Vary": services.vary,
        **_validators(source, services),
        **tags((wanted.source_url,), services),
    }
    set_headers(response.headers, {**source.passed, **headers})
    return response


def caching(
    status: int,
    wanted: RenderRequest,
    services: Services,
    source: SourceHeaders,
    *,
    fallback_ttl_seconds: int | None = None,
) -> str | None:
    """`Cache-Control` (spec 03 section 2.7)."""
    server = services.settings.server
    passthrough = None
    if server.cache_control_passthrough:
        passthrough = SourceCaching(cache_control=source.cache_control, expires=source.expires)
    return cache_control(
        status=status,
        ttl_seconds=server.ttl_seconds,
        now=time.time(),
        expires=wanted.delivery.expires,
        passthrough=passthrough,
        fallback_ttl_seconds=fallback_ttl_seconds,
        browser_ttl_seconds=server.browser_ttl_seconds,
    )


def canonical(source_url: str, services: Services) -> dict[str, str | None]:
    """`Link`, if it is wanted and the source has an address that others can open."""
    return {"Link": writable(canonical_link(source_url)) if services.settings.server.set_canonical_header else None}


def tags(source_urls: tuple[str, ...], services: Services) -> dict[str, str | None]:
    """The header that names the originals of an answer, errors included (DESIGN section 5)."""
    settings = services.settings
    separator = settings.sources.source_url_query_separator
    if not source_urls:
        return {}
    return {settings.server.cache_tag_header: cache_tags(source_urls, separator, release=settings.server.release)}


def is_attachment(delivery: Delivery, services: Services) -> bool:
    """Whether the browser is asked to save the answer."""
    asked = delivery.return_attachment
    return services.settings.server.return_attachment if asked is None else asked


def set_headers(sent: MutableMapping[str, str], headers: Mapping[str, str | None]) -> None:
    """Sets those headers that have a name and a value."""
    for name, value in headers.items():
        if name and value is not None:
            sent[name] = value


def _validators(source: SourceHeaders, services: Services) -> dict[str, str | None]:
    validators = validators_for_client(
        Validators(etag=source.etag, last_modified=source.last_modified), services.validator_rules
    )
    return {"ETag": validators.etag, "Last-Modified": validators.last_modified}
