"""A REST proxy event of API Gateway as a request.

Whatever the gateway's binary media types are set to, `isBase64Encoded` says how a body came. A path arrives as it was
sent, percent-encoded; the gateway's `pathParameters` may be decoded, so keys are taken from the path.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from api.exchange import ApiRequest
from api.principal import Principal
from api.problems import InvalidRequest, TooLarge

MOST_BYTES: Final = 6_291_456
"""Of a Lambda event, and so more than of any body in one."""

_SINGLE: Final = frozenset({"content-type", "if-match", "if-none-match", "authorization"})
"""Headers that contradict themselves when they come twice."""


def request_of(event: Mapping[str, Any], principal: Principal, *, below: str = "") -> ApiRequest:
    """The request that an event carries.

    Args:
        event: of a REST API's proxy integration.
        principal: who was let in.
        below: the fixed part of the route's path, `/images/`; what stands behind it becomes `encoded_key`.

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
    )


def header_of(event: Mapping[str, Any], name: str) -> str:
    """One header of an event, empty if it is not there; the name is in lower case."""
    for found, value in (event.get("headers") or {}).items():
        if found.lower() == name:
            return str(value)
    return ""


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    many = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    headers: dict[str, str] = {}
    for name, values in many.items():
        lower = name.lower()
        if lower in headers or (lower in _SINGLE and len(values) != 1):
            raise InvalidRequest(f"The header {lower} comes more than once.")
        headers[lower] = ", ".join(values)
    return headers


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if len(text) > MOST_BYTES:
        raise TooLarge("The body is larger than a request can carry.", uploads="/uploads")
    if not event.get("isBase64Encoded"):
        return str(text).encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("The body is not the base64 that the gateway says it is.") from error
