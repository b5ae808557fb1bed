"""`raw:1`: the source goes through as it is, status and all (spec 03 section 2.13).

It takes no worker. It is bounded by idle time and not by total time, so a large file to a slow reader ends well
(DESIGN section 2, item 8): the source's by who reads it, the client's by its connection.
"""

from __future__ import annotations

from collections.abc import Awaitable

from aiohttp import HttpVersion11, web

from renderer.errors import BildwerkError, SourceIncomplete
from renderer.handlers.answer import caching, canonical, is_attachment, set_headers, tags
from renderer.handlers.finish import finish
from renderer.request.values import RenderRequest
from renderer.response.disposition import raw_content_disposition
from renderer.services import Services
from renderer.sources.source import ClientRequest, RawRequest, RawSource
from renderer.telemetry.observation import Observation, Stage
from renderer.web.connection import Connection
from renderer.web.errors import ClientGone, as_error
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
    failure: BildwerkError | None = None
    with services.activity.streaming(), seen.stage(Stage.STREAMING):
        async with await services.sources.stream(
            wanted.source_url, asked, client=ClientRequest(headers=headers)
        ) as source:
            response = _headed(source, wanted, services)
            set_cors_headers(response.headers, allow_origin=services.settings.server.allow_origin)
            finish(response, services, seen.request_id)
            if response.content_length is None and request.version < HttpVersion11:
                response.force_close()  # the end of the connection is the only end that such an answer has
            if isinstance(request.protocol, Connection):
                request.protocol.answer_began(is_stream=True)
            await _written(response.prepare(request))
            if request.method == "HEAD" or source.status in _NO_BODY:
                return response
            try:
                await _relay(response, source, seen)
            except ClientGone:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it comes too late for another answer
                failure = as_error(error)
                seen.failed(failure)
    if failure is not None and request.transport is not None:
        # The status is out already: a connection that breaks is the only way to say that this is not all.
        request.transport.abort()
    return response


async def _relay(response: web.StreamResponse, source: RawSource, seen: Observation) -> None:
    """Hands the body on.

    Raises:
        SourceIncomplete: it is shorter than announced.
    """
    async for chunk in source.chunks:
        await _written(response.write(chunk))
        seen.result_bytes += len(chunk)
    announced = source.content_length
    if announced is not None and seen.result_bytes < announced:
        raise SourceIncomplete(f"{seen.result_bytes} bytes of {announced}")
    await _written(response.write_eof())


async def _written(writing: Awaitable[object]) -> None:
    """Waits for the client.

    Raises:
        ClientGone: it is not there any more.
    """
    try:
        await writing
    except ConnectionError as error:
        raise ClientGone(str(error)) from error


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
    set_headers(response.headers, headers)
    return response
