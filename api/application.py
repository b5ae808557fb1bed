"""The functions of the API over one set of services: what Lambda calls, and `bildwerk api` too.

Requests are told apart by method and resource as API Gateway names them, from the table of `api.routes`. The router of
aws-lambda-powertools keeps the event that it is about in a class attribute; `bildwerk api` runs many at once
(decision 0012).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from api import arrivals, deletions, lookups, tickets, uploads
from api.access.authorizer import authorize, iam_principal, principal_of
from api.access.principal import Principal
from api.problems import InternalProblem, MethodNotAllowed, NotFound, Problem
from api.purges import changes, purge
from api.requests.cors import cors_headers
from api.requests.event import base_of, header_of, request_of
from api.requests.exchange import ApiAnswer, ApiRequest
from api.routes import JSON, ROUTES, Route
from api.services import Services
from api.settings import GATEWAY_SECONDS

_log = logging.getLogger(__name__)

Event: TypeAlias = Mapping[str, Any]
Story: TypeAlias = Callable[[Services, ApiRequest], ApiAnswer]

_STORIES: Final[Mapping[str, Story]] = {
    "storeImage": uploads.upload,
    "putImage": uploads.upload,
    "readImage": lookups.look_up,
    "headImage": lookups.look_up,
    "deleteImage": deletions.delete,
    "announceUpload": tickets.ticket,
    "readUpload": tickets.outcome,
}
_ROUTES: Final[Mapping[tuple[Any, Any], Route]] = {(route.method, route.resource): route for route in ROUTES}
_LOGGED_CHARACTERS: Final = 1024
"""Of a path: of most keys all."""

_COUNTS: Final = {2: "Answers", 4: "Refusals", 5: "Failures"}
"""Names of metrics by the class of a status."""

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PLACES: Final = frozenset({"Location", "Content-Location"})

_OUTSIDE_SECONDS: Final = 2.0
"""Of the gateway's time that a function does not see: its cold start (1.5 s at most), the way there and back."""


class Api:
    """The functions; each takes an event and answers what its caller expects. They may run at the same time."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def upload(self, event: Event, context: object) -> dict[str, Any]:
        """Stores a picture (REST proxy event)."""
        return self._answered("upload", event, context)

    def presign(self, event: Event, context: object) -> dict[str, Any]:
        """Gives out places for large files, and tells what became of them (REST proxy event)."""
        return self._answered("presign", event, context)

    def read(self, event: Event, context: object) -> dict[str, Any]:
        """Tells of originals, and of the API itself (REST proxy event)."""
        return self._answered("read", event, context)

    def delete(self, event: Event, context: object) -> dict[str, Any]:
        """Deletes an original (REST proxy event)."""
        return self._answered("delete", event, context)

    def authorize(self, event: Event, context: object) -> dict[str, Any]:  # noqa: ARG002  Lambda's signature
        """The policy of a token (REQUEST authorizer event)."""
        if self._services.tokens is None:
            raise RuntimeError("no tokens are opened: BILDWERK_API_AUTH is iam, or this is not the authorizer")
        return authorize(event, tokens=self._services.tokens)

    def arrival(self, event: Event, context: object) -> dict[str, Any]:  # noqa: ARG002  Lambda's signature
        """Deals with large files that have arrived (S3 event)."""
        if self._services.incoming is None:
            raise RuntimeError("this store has no large files")
        return arrivals.arrival(self._services, event, self._services.incoming)

    def change(self, event: Event, context: object) -> dict[str, Any]:  # noqa: ARG002  Lambda's signature
        """Orders purges for what was changed in the store (S3 event)."""
        done = changes.change(event, bucket=self._services.settings.store.bucket, queue=self._services.queue)
        self._services.metrics.count("ChangesPurged", len(done["purges"]))
        self._services.metrics.count("ChangesUnknown", done["unknown"])
        return done

    def purge(self, event: Event, context: object) -> dict[str, Any]:
        """Purges what the queue holds (SQS event); failures are partial."""
        done = purge.purge_batch(
            event,
            results=self._services.results,
            invalidations=self._services.invalidations,
            queue=self._services.queue,
            again_seconds=self._services.settings.store.purge_again_seconds,
            remaining_seconds=_remaining_seconds(context),
        )
        metrics = self._services.metrics
        metrics.count("Invalidations", len(done["invalidations"]))
        metrics.count("ResultsDeleted", done["results_deleted"])
        metrics.count("PurgesFailed", len(done["batchItemFailures"]))
        return done

    def _answered(self, function: str, event: Event, context: object) -> dict[str, Any]:
        """The answer to a proxy event, a problem if that is what it comes to."""
        began = time.monotonic()
        told: dict[str, Any] = {"method": event.get("httpMethod"), "resource": event.get("resource")}
        try:
            answer = self._told(function, event, context, told)
        except Problem as problem:
            told["problem"] = problem.name
            answer = _refusal(problem, context)
        except Exception:  # noqa: BLE001  the border: whatever else goes wrong is ours, and the client is told no more
            _log.exception("A request failed")
            told["problem"] = InternalProblem.name
            answer = _refusal(InternalProblem("Something went wrong here; the log knows what."), context)
        if event.get("httpMethod") == "HEAD":
            answer["body"] = ""
        origin = header_of(event, "origin")
        is_preflight = event.get("httpMethod") == "OPTIONS"
        allowed = self._services.settings.access.allow_origins
        answer["headers"] |= cors_headers(origin, allowed, is_preflight=is_preflight)
        told |= {"status": answer["statusCode"], "milliseconds": round((time.monotonic() - began) * 1000)}
        self._services.metrics.count(_COUNTS[answer["statusCode"] // 100])
        _log.info("%s %s: %d", told["method"], told["resource"], told["status"], extra={"request": told})
        return answer

    def _told(self, function: str, event: Event, context: object, told: dict[str, Any]) -> dict[str, Any]:
        if event.get("httpMethod") == "OPTIONS":
            return {"statusCode": 204, "headers": dict(_HEADERS), "body": ""}
        route = _route_of(function, event)
        if route.is_open:
            from api.openapi import document_text  # 0.1 s that no other request pays for

            return _proxied(200, document_text(), {"Content-Type": JSON})
        principal = self._principal(event)
        told |= {"token": principal.name, "path": str(event.get("path"))[:_LOGGED_CHARACTERS]}
        seconds = min(GATEWAY_SECONDS, _remaining_seconds(context)) - _OUTSIDE_SECONDS
        request = request_of(event, principal, below=_below(route), seconds=seconds)
        answer = _STORIES[route.operation_id](self._services, request)
        body = "" if answer.body is None else answer.body.model_dump_json()
        base = base_of(event, route.resource)
        headers = {name: base + value if name in _PLACES else value for name, value in answer.headers.items()}
        return _proxied(answer.status, body, {"Content-Type": JSON, **headers})

    def _principal(self, event: Event) -> Principal:
        context = event.get("requestContext") or {}
        if self._services.settings.access.auth == "iam":
            return iam_principal(context)
        return principal_of(context.get("authorizer") or {})


def _route_of(function: str, event: Event) -> Route:
    resource = event.get("resource")
    route = _ROUTES.get((event.get("httpMethod"), resource))
    if route is not None and route.function == function:
        return route
    if any(known.resource == resource for known in ROUTES):
        raise MethodNotAllowed("This resource has no such method.")
    raise NotFound("There is no such resource.")


def _below(route: Route) -> str:
    """The fixed part of a route's path before its parameter; empty if it has none."""
    fixed, brace, _ = route.resource.partition("{")
    return fixed if brace else ""


def _refusal(problem: Problem, context: object) -> dict[str, Any]:
    document = problem.document()
    if request_id := getattr(context, "aws_request_id", None):
        document["request_id"] = request_id
    return _proxied(problem.status, json.dumps(document), problem.headers())


def _proxied(status: int, body: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {**_HEADERS, **headers}, "body": body, "isBase64Encoded": False}


def _remaining_seconds(context: object) -> float:
    """What a Lambda function has left; half a minute where nobody counts."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return remaining() / 1000 if remaining is not None else 30.0
