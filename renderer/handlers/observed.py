"""A processing request from its first to its last byte, watched: the secret first, then the picture, errors as answers.

The answer is written here and not by aiohttp, so that its time is known and a client that went away is noticed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from renderer.errors import (
    BildwerkError,
    InternalError,
    RequestCancelled,
    ResponseStalled,
    ResponseUnwritten,
    TooManyRequests,
)
from renderer.handlers.answer import set_headers, tags
from renderer.handlers.finish import finish
from renderer.handlers.processing import process
from renderer.services import Services
from renderer.telemetry.observation import Observation
from renderer.web.client_ip import client_ip
from renderer.web.connection import Connection
from renderer.web.errors import ClientGone, as_error, development_response, error_response
from renderer.web.headers import set_cors_headers
from renderer.web.ready_response import ReadyResponse
from renderer.web.secret import check_secret

CLIENT_GONE = 499
"""The status in logs and metrics of a request that nobody waited for."""


async def observed(request: web.BaseRequest, services: Services, name: str) -> web.StreamResponse:
    """The answer, already sent, to a processing request that is called `name`."""
    connection = request.protocol
    seen = Observation(
        request_id=name,
        method=request.method,
        target=request.raw_path,
        client_ip=client_ip(request),
        headers=request.headers,
        peer=_address(connection.peername),
        server=_address(connection.sockname),
        monitors=services.watch.monitors,
        audience=services.watch.audience,
        is_quiet=services.workers.is_full and services.refusals.are_many,
    )
    services.activity.requests += 1
    seen.begin()
    try:
        response = await _answered(request, services, seen)
        await _send(request, response)
    except (asyncio.CancelledError, ConnectionError) as error:
        seen.failed(_unfinished(request, error))
        seen.end(CLIENT_GONE)
        raise
    except Exception as error:
        # What cannot be written, a header for instance: aiohttp answers for us.
        seen.failed(as_error(error))
        seen.end(InternalError.status)
        raise
    finally:
        services.activity.requests -= 1
    seen.end(response.status, seen.result_bytes or _size(response))
    return response


def _size(response: web.StreamResponse) -> int:
    """Bytes of a body that was sent whole."""
    if isinstance(response, ReadyResponse):
        return response.size
    return response.content_length or 0 if isinstance(response, web.Response) else 0


async def _answered(request: web.BaseRequest, services: Services, seen: Observation) -> web.StreamResponse:
    """The answer, with all its headers; sent already if it is a stream."""
    settings = services.settings
    try:
        if settings.server.secret:
            check_secret(request.headers.get("Authorization", ""), settings.server.secret)
        # The loop's clock is the monotonic one; asking which loop runs is a call of the system.
        response = await process(request, services, seen, seen.started + settings.server.timeout_seconds)
    except ClientGone:
        raise
    except Exception as failure:  # noqa: BLE001  the border of a request: whatever happens is one answer and one log line
        error = as_error(failure)
        response = _refused(request, services, seen, error)
        if isinstance(error, TooManyRequests):
            await services.refusals.pause()
        return response
    if isinstance(response, ReadyResponse):
        response.request_id = seen.request_id
    elif not response.prepared:
        set_cors_headers(response.headers, allow_origin=settings.server.allow_origin)
        finish(response, services, seen.request_id)
    return response


def _refused(request: web.BaseRequest, services: Services, seen: Observation, error: BildwerkError) -> web.Response:
    """The answer that says what went wrong; whoever watches is told."""
    settings = services.settings.server
    seen.failed(error)
    if settings.development_errors_mode:
        accept = request.headers.get("Accept", "")
        response = development_response(error, accept=accept, request_id=seen.request_id)
    else:
        response = error_response(error)
    set_headers(response.headers, tags((seen.source_url,) if seen.source_url else (), services))
    set_cors_headers(response.headers, allow_origin=settings.allow_origin)
    finish(response, services, seen.request_id)
    return response


async def _send(request: web.BaseRequest, response: web.StreamResponse) -> None:
    if not response.prepared:
        connection = request.protocol
        if isinstance(connection, Connection):
            connection.answer_began()
        await response.prepare(request)
        await response.write_eof()


def _unfinished(request: web.BaseRequest, error: BaseException) -> BildwerkError:
    """Why nobody has the whole answer: the client went away, or was too slow, or time to stop was up."""
    connection = request.protocol
    if isinstance(error, ConnectionError):
        return ResponseUnwritten(f"the client went away: {error}")
    if isinstance(connection, Connection) and connection.cut_because:
        return (ResponseStalled if connection.is_stalled else RequestCancelled)(connection.cut_because)
    return RequestCancelled("the client went away")


def _address(side: Any) -> tuple[str, int]:  # noqa: ANN401  what the socket says
    """A side of the connection, of IPv6 without its scope; unix sockets have none."""
    return side[:2] if isinstance(side, tuple) else ("", 0)
