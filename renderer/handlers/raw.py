"""`raw:1`: the source goes through as it is, status and all (spec 03 section 2.13).

It takes no worker. It is bounded by idle time and not by total time, so a large file to a slow reader ends well
(DESIGN section 2, item 8).
"""

from __future__ import annotations

import time

from aiohttp import web

from renderer.errors import BildwerkError
from renderer.request.values import RenderRequest
from renderer.response.cache_control import cache_control
from renderer.response.disposition import raw_content_disposition
from renderer.services import Services
from renderer.sources.source import RawRequest, RawSource
from renderer.web.errors import log_error
from renderer.web.headers import set_common_headers, set_cors_headers
from renderer.web.request_id import request_id

_NO_BODY = frozenset({204, 304})


async def stream_raw(request: web.Request, services: Services, wanted: RenderRequest) -> web.StreamResponse:
    """The source's answer, relayed."""
    headers = request.headers
    asked = RawRequest(
        range=headers.get("Range"),
        if_none_match=headers.get("If-None-Match"),
        if_modified_since=headers.get("If-Modified-Since"),
        accept_encoding=headers.get("Accept-Encoding"),
    )
    async with await services.sources.stream(wanted.source_url, asked) as source:
        response = web.StreamResponse(status=source.status, headers=dict(source.headers))
        if source.content_length is not None:
            response.content_length = source.content_length
        _set_headers(response, source, wanted, services)
        name = request_id(request)
        set_common_headers(response, request_id=name)
        set_cors_headers(response, allow_origin=services.settings.server.allow_origin)
        await response.prepare(request)
        if request.method == "HEAD" or source.status in _NO_BODY:
            return response
        try:
            async for chunk in source.chunks:
                await response.write(chunk)
        except BildwerkError as error:
            # The status is out already: a connection that breaks is the only way to say that this is not all.
            log_error(error, target=request.raw_path, request_id=name)
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response


def _set_headers(response: web.StreamResponse, source: RawSource, wanted: RenderRequest, services: Services) -> None:
    server = services.settings.server
    value = cache_control(
        status=source.status, ttl_seconds=server.ttl_seconds, expires=wanted.delivery.expires, now=time.time()
    )
    if value is not None:
        response.headers["Cache-Control"] = value
    if 200 <= source.status < 300:
        is_attachment = wanted.delivery.return_attachment
        response.headers["Content-Disposition"] = raw_content_disposition(
            source_url=wanted.source_url,
            content_type=source.headers.get("Content-Type"),
            filename=wanted.delivery.filename,
            is_attachment=server.return_attachment if is_attachment is None else is_attachment,
        )
