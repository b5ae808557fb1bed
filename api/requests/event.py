"""A REST proxy event of API Gateway as a request.

Whatever the gateway's binary media types are set to, `isBase64Encoded` says how a body came. A path arrives as it was
sent, percent-encoded; the gateway's `pathParameters` may be decoded, so keys are taken from the path.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any, Final

from api.access.principal import Principal
from api.problems import InvalidRequest, TooLarge
from api.requests.exchange import ApiRequest
from api.settings import GATEWAY_SECONDS

MOST_BYTES: Final = 6_291_456
"""6 MB: what a Lambda event or an answer may have (Lambda quotas), and so more than any body in one."""

_SINGLE: Final = frozenset({"content-type", "if-match", "if-none-match", "authorization"})
"""Headers that contradict themselves when they come twice."""


def request_of(
    event: Mapping[str, Any], principal: Principal, *, below: str = "", seconds: float = GATEWAY_SECONDS
) -> ApiRequest:
    """The request that an event carries.

    Args:
        event: of a REST API's proxy integration.
        principal: who was let in.
        below: the fixed part of the route's path, `/images/`; what stands behind it becomes `encoded_key`.
        seconds: for the answer, from now on.

    Raises:
        InvalidRequest: the body is not in the coding that the event says, or a header comes twice.
        TooLarge: the body cannot have come from a Lambda event.
    """
    return ApiRequest(
        method=str(event["httpMethod"]).upper(),
        principal=principal,
        headers=_headers(event),
        query={name: value for name, value in (event.get("queryStringParameters") or {}).items() if value is not None},
        body=_body(event),
        # A custom domain may put a path of its own before ours.
        encoded_key=str(event["path"]).partition(below)[2] if below else "",
        ends_at=time.monotonic() + seconds,
    )


def header_of(event: Mapping[str, Any], name: str) -> str:
    """One header of an event, empty if it is not there; the name is in lower case."""
    for found, value in (event.get("headers") or {}).items():
        if found.lower() == name:
            return str(value)
    return ""


def base_of(event: Mapping[str, Any], resource: str) -> str:
    """What stands before our own path in the request's address: the stage, or the path that a custom domain adds.

    Args:
        event: as above; `requestContext.path` has the stage, `path` has not.
        resource: of the route.
    """
    path, whole = str(event.get("path")), str((event.get("requestContext") or {}).get("path"))
    stage = whole.removesuffix(path) if whole.endswith(path) else ""
    return stage + path.partition(resource.partition("{")[0])[0]


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    many = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    headers: dict[str, str] = {}
    for name, values in many.items():
        lower = name.lower()
        if lower in _SINGLE and (lower in headers or len(values) != 1):
            raise InvalidRequest(f"The header {lower} comes more than once.")
        headers[lower] = ", ".join([*([headers[lower]] if lower in headers else []), *values])
    return headers


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if len(text) > MOST_BYTES:
        raise TooLarge("The body is larger than a request can carry.", uploads="/uploads")
    if not event.get("isBase64Encoded"):
        # JSON may hold half a pair; what reads the body finds that it is no UTF-8.
        return str(text).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("The body is not the base64 that the gateway says it is.") from error
