"""HTTP requests as the events of API Gateway's REST proxy integration, and answers back to HTTP.

See "Input format of a Lambda function for proxy integration" and "Output format" in API Gateway's developer guide.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import web

from api.local.access import API_ID, STAGE
from api.local.calls import ACCOUNT, Malformed
from api.requests.event import MOST_BYTES

_HOP_BY_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "expect"),
    }
)
"""Headers that are about a connection, not about a request (RFC 9110 section 7.6.1)."""

_OURS: Final = _HOP_BY_HOP | {"content-length", "date", "server"}
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_ABSOLUTE: Final = re.compile(r"https?://[^/?]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to a client; a header may come several times."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def split_target(request: web.BaseRequest) -> tuple[str, str]:
    """Path and query of a request, as they were sent; what is no ASCII is percent-encoded."""
    target = quote(_ABSOLUTE.sub("", request.raw_path, count=1), safe=_PRINTABLE, errors="surrogateescape")
    path, _, query = target.partition("?")
    return path or "/", query


def proxy_event(request: web.BaseRequest, *, resource: str, request_id: str) -> dict[str, Any]:
    """The event of a request, still without its body."""
    path, query = split_target(request)
    many = _headers(request)
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        values.setdefault(name, []).append(value)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": {name: found[-1] for name, found in many.items()},
        "multiValueHeaders": many,
        "queryStringParameters": {name: found[-1] for name, found in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "pathParameters": _path_parameters(resource, path),
        "stageVariables": None,
        "requestContext": _request_context(request, resource=resource, path=path, request_id=request_id),
        "body": None,
        "isBase64Encoded": False,
    }


def is_binary(content_type: str) -> bool:
    """Whether a body of this type is one of the API's binary media types, which arrive as base64."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith("image/") or media_type in ("multipart/form-data", "application/octet-stream")


def answer_of(result: object) -> Answer:
    """What a function answered.

    Raises:
        Malformed: API Gateway would not take it.
    """
    if not isinstance(result, Mapping):
        raise Malformed("it is no object")
    status = result.get("statusCode")
    if isinstance(status, bool) or not isinstance(status, (int, str)) or not re.fullmatch("[2-5][0-9]{2}", str(status)):
        raise Malformed("its statusCode is none")
    return Answer(status=int(status), headers=_answered_headers(result), body=_answered_body(result))


def _headers(request: web.BaseRequest) -> dict[str, list[str]]:
    """Every value of every header, under the spelling that came first."""
    spellings: dict[str, str] = {}
    many: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        if name.lower() in _HOP_BY_HOP:
            continue
        spelling = spellings.setdefault(name.lower(), name)
        # JSON, and so an event, carries text only.
        many.setdefault(spelling, []).append(value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return many


def _path_parameters(resource: str, path: str) -> dict[str, str] | None:
    fixed, brace, name = resource.partition("{")
    return {name.rstrip("+}"): unquote(path[len(fixed) :], errors="replace")} if brace else None


def _request_context(request: web.BaseRequest, *, resource: str, path: str, request_id: str) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": request.headers.get("Host", ""),
        "extendedRequestId": request_id,
        "httpMethod": request.method,
        "identity": {"sourceIp": request.remote or "", "userAgent": request.headers.get("User-Agent", "")},
        "path": path,
        "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
        "requestId": request_id,
        "requestTimeEpoch": round(time.time() * 1000),
        "resourceId": resource,
        "resourcePath": resource,
        "stage": STAGE,
    }


def _answered_headers(result: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Both kinds together; where both have a name, the one with many values counts."""
    single, many = result.get("headers") or {}, result.get("multiValueHeaders") or {}
    if not isinstance(single, Mapping) or not isinstance(many, Mapping):
        raise Malformed("its headers are no object")
    several = {str(name).lower() for name in many}
    found = [(name, value) for name, value in single.items() if str(name).lower() not in several]
    for name, values in many.items():
        if not isinstance(values, list):
            raise Malformed("its multiValueHeaders have no lists")
        found += [(name, value) for value in values]
    return tuple(_checked(name, value) for name, value in found if str(name).lower() not in _OURS)


def _checked(name: object, value: object) -> tuple[str, str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Malformed("the name of a header is none")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Malformed(f"the header {name} is no text")
    if not _VALUE.fullmatch(str(value)):
        raise Malformed(f"the header {name} would end before its end")
    return name, str(value)


def _answered_body(result: Mapping[str, Any]) -> bytes:
    text = result.get("body")
    if text is None:
        return b""
    if not isinstance(text, str):
        raise Malformed("its body is no text")
    body = text.encode("utf-8", "replace")
    if len(body) > MOST_BYTES:
        raise Malformed("it is larger than Lambda's 6 MB")
    if not result.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("its body is no base64") from error
