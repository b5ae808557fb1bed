"""API Gateway on one machine: routes, authorizer, limits, functions, and its own errors as problem documents.

Two of its answers are other ones here: what it has no method for is 405 and what it has no route for is 404, where API
Gateway says 403 "Missing Authentication Token" to both.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from multidict import CIMultiDict

from api.local.access import Access
from api.local.bodies import read_body
from api.local.calls import Calls, Context, Function, Functions
from api.local.proxy import Answer, answer_of, proxy_event, split_target
from api.problems import (
    FunctionFailed,
    InternalProblem,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooManyRequests,
    Unauthorized,
)
from api.requests.cors import cors_headers
from api.routes import Route, routes_of
from api.settings import GATEWAY_SECONDS
from renderer.telemetry.formats import fields

_log = logging.getLogger(__name__)

SERVER_NAME: Final = "bildwerk"

_NO_BODY: Final = frozenset({204, 304})
_AUTHORIZERS: Final = 2
_LOGGED_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the gateway bounds.

    Attributes:
        calls: functions that run at once.
        waiting: requests that wait for one of these; more are refused. Each may hold 10 MB.
        seconds: what a function has, waiting included.
        body_seconds: what a client has to send a body.
    """

    calls: int = 8
    waiting: int = 16
    seconds: float = GATEWAY_SECONDS
    body_seconds: float = GATEWAY_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """Where a request belongs."""

    resource: str
    function: str
    is_open: bool


class Gateway:
    """Answers requests with what the functions say.

    Args:
        functions: of the API.
        origins: of web pages that may ask; without any there is no OPTIONS.
        limits: bounds.
        on_ticket: called with each answer that gives a large file a place, before the client has it.
    """

    def __init__(
        self,
        functions: Functions,
        *,
        origins: tuple[str, ...] = (),
        limits: Limits | None = None,
        on_ticket: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        self._limits = limits or Limits()
        self._origins = origins
        self._on_ticket = on_ticket
        self._functions: dict[str, Function] = {
            "upload": functions.upload,
            "presign": functions.presign,
            "read": functions.read,
            "delete": functions.delete,
        }
        self._calls = Calls(self._limits.calls)
        self._access = Access(functions.authorize, Calls(_AUTHORIZERS))
        self._under_way = 0

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self._under_way == 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request; whatever happens there is one."""
        began, request_id = time.monotonic(), str(uuid.uuid4())
        try:
            # The function has told of its answer.
            return _response(request, await self._admitted(request, self._matched(request), request_id), request_id)
        except Problem as problem:
            answer = self._refusal(request, problem, request_id)
        except Exception:  # noqa: BLE001  the border: the client is told that it is our fault, and the log why
            _log.exception("A request failed in the gateway", extra=fields(request_id=request_id))
            answer = self._refusal(request, InternalProblem("Something went wrong here."), request_id)
        _told(request, answer, request_id, began)
        return _response(request, answer, request_id)

    def _matched(self, request: web.BaseRequest) -> _Match:
        routes = routes_of(split_target(request)[0])
        if not routes:
            raise NotFound("There is no such route.")
        for route in routes:
            if route.method == request.method:
                return _Match(resource=route.resource, function=route.function, is_open=route.is_open)
        if request.method == "OPTIONS" and self._origins:
            return _Match(resource=routes[0].resource, function=routes[0].function, is_open=True)
        allowed = ", ".join(self._methods(routes))
        raise MethodNotAllowed(f"This route has {allowed}.", allow=allowed)

    def _methods(self, routes: tuple[Route, ...]) -> list[str]:
        return [*dict.fromkeys(route.method for route in routes), *(["OPTIONS"] if self._origins else [])]

    async def _admitted(self, request: web.BaseRequest, match: _Match, request_id: str) -> Answer:
        """Before anything is read or asked, so that what waits is bounded whatever it is."""
        if self._under_way >= self._limits.calls + self._limits.waiting:
            raise TooManyRequests("Too many requests are under way.")
        self._under_way += 1
        try:
            return await self._answered(request, match, request_id)
        finally:
            self._under_way -= 1

    async def _answered(self, request: web.BaseRequest, match: _Match, request_id: str) -> Answer:
        event = proxy_event(request, resource=match.resource, request_id=request_id)
        if not match.is_open:
            context = self._context("authorize", request_id)
            event["requestContext"]["authorizer"] = await self._access.granted(event, _authorization(request), context)
        await read_body(request, event, self._limits.body_seconds)
        context = self._context(match.function, request_id)
        try:
            answer = answer_of(await self._calls.run(self._functions[match.function], event, context))
            if match.function == "presign" and answer.status == HTTPStatus.CREATED:
                self._on_ticket(json.loads(answer.body))
            return answer
        except Problem:
            raise
        except Exception as error:
            _log.exception("The function %s failed", match.function, extra=fields(request_id=request_id))
            raise FunctionFailed("The function failed, or what it answered is no answer.") from error

    def _context(self, function: str, request_id: str) -> Context:
        ends_at = time.monotonic() + self._limits.seconds
        return Context(function_name=function, aws_request_id=request_id, ends_at=ends_at)

    def _refusal(self, request: web.BaseRequest, problem: Problem, request_id: str) -> Answer:
        headers = {**problem.headers(), "Cache-Control": "no-store"}
        document = {**problem.document(), "request_id": request_id}
        if isinstance(problem, MethodNotAllowed):
            headers["Allow"] = str(document.pop("allow"))
        headers |= cors_headers(request.headers.get("Origin", ""), self._origins)
        return Answer(status=problem.status, headers=tuple(headers.items()), body=json.dumps(document).encode())


def _authorization(request: web.BaseRequest) -> str:
    """The identity source of the authorizer, which is not asked without it.

    Raises:
        Unauthorized: there is none.
        InvalidRequest: there are several: whoever is asked could look at another one than the next.
    """
    given = request.headers.getall("Authorization", [])
    if len(given) > 1:
        raise InvalidRequest("The header authorization comes more than once.")
    if not given or not given[0].strip():
        raise Unauthorized("Send a token: `Authorization: Bearer TOKEN`.")
    return given[0]


def _told(request: web.BaseRequest, answer: Answer, request_id: str, began: float) -> None:
    """One line; no header and no query, which may hold what nobody else may know."""
    _log.info(
        "%s %s: %d",
        request.method,
        split_target(request)[0][:_LOGGED_CHARACTERS],
        answer.status,
        extra=fields(request_id=request_id, milliseconds=round((time.monotonic() - began) * 1000)),
    )


def _response(request: web.BaseRequest, answer: Answer, request_id: str) -> web.Response:
    headers = CIMultiDict(answer.headers)
    headers["Server"] = SERVER_NAME
    headers.setdefault("x-amzn-RequestId", request_id)
    response = web.Response(
        status=answer.status, headers=headers, body=None if answer.status in _NO_BODY else answer.body
    )
    if not request.content.at_eof():
        # What is left of the body would be taken for the next request.
        response.force_close()
    return response
