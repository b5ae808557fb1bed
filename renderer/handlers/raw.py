"""`raw:1`: the source goes through as it is, status and all (spec 03 section 2.13).

It takes no worker. It is bounded by idle time and not by total time, so a large file to a slow reader ends well
(DESIGN section 2, item 8).
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from renderer.errors import BildwerkError, ResponseStalled
from renderer.handlers.answer import caching, canonical, is_attachment, set_headers, tags
from renderer.handlers.finish import finish
from renderer.request.values import RenderRequest
from renderer.response.disposition import raw_content_disposition
from renderer.services import Services
from renderer.sources.source import ClientRequest, RawRequest, RawSource
from renderer.telemetry.observation import Observation, Stage
from renderer.web.headers import set_cors_headers

_NO_BODY = frozenset({204, 304})


async def stream_raw(
    request: web.BaseRequest, services: Services, seen: Observation, wanted: RenderRequest
) -> web.StreamResponse:
    """The source's answer, relayed."""
    headers = request.headers
    asked = RawRequest(
        range=headers.get("Range"),
        if_none_match=headers.get("If-None-Match"),
        if_modified_since=headers.get("If-Modified-Since"),
        accept_encoding=headers.get("Accept-Encoding"),
    )
    with services.activity.streaming(), seen.stage(Stage.STREAMING):
        async with await services.sources.stream(
            wanted.source_url, asked, client=ClientRequest(headers=headers)
        ) as source:
            response = _headed(source, wanted, services)
            set_cors_headers(response, allow_origin=services.settings.server.allow_origin)
            finish(response, services, seen.request_id)
            await response.prepare(request)
            if request.method == "HEAD" or source.status in _NO_BODY:
                return response
            try:
                await _relay(response, source, services.settings.server.write_response_timeout_seconds)
            except BildwerkError as error:
                # The status is out already: a connection that breaks is the only way to say that this is not all.
                seen.failed(error)
                if request.transport is not None:
                    request.transport.abort()
            seen.result_bytes = response.body_length
            return response


async def _relay(response: web.StreamResponse, source: RawSource, timeout_seconds: float) -> None:
    async for chunk in source.chunks:
        try:
            async with asyncio.timeout(timeout_seconds):
                await response.write(chunk)
        except TimeoutError as error:
            raise ResponseStalled(f"the client took nothing for {timeout_seconds} s") from error
    await response.write_eof()


def _headed(source: RawSource, wanted: RenderRequest, services: Services) -> web.StreamResponse:
    headers = {
        **source.caching.passed,
        "Cache-Control": caching(source.status, wanted, services, source.caching),
        **canonical(wanted.source_url, services),
        **tags((wanted.source_url,), services),
    }
    if 200 <= source.status < 300:
        headers["Content-Disposition"] = raw_content_disposition(
            source_url=wanted.source_url,
            content_type=source.headers.get("Content-Type"),
            filename=wanted.delivery.filename,
            is_attachment=is_attachment(wanted.delivery, services),
        )
    response = web.StreamResponse(status=source.status, headers=dict(source.headers))
    if source.content_length is not None:
        response.content_length = source.content_length
    set_headers(response, headers)
    return response
