"""The authorizer that API Gateway asks before it calls a function (type REQUEST, of a REST API), and what comes of it.

The gateway keeps an answer under the `Authorization` header and uses it for whatever that client asks next. So a policy
names all that a token may do, not only what was asked for. The functions check scope and prefix again: a policy knows
methods and paths, not keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from api.access.principal import Principal, Scope
from api.access.tokens import Tokens
from api.problems import Unauthorized

_BEARER: Final = re.compile(r"bearer +([!-~]{1,512})", re.IGNORECASE)
"""RFC 6750 section 2.1; what a token looks like is not decided here."""

_UNKNOWN: Final = "The request has passed no authorizer."
_READ: Final = "read"
_IS: Final = "="
"""What a token without scopes has, and what every prefix begins with in the context: so none of its texts is empty, and
one that the gateway has dropped shows."""

_LOOK_UP: Final = ("GET/images/*", "HEAD/images/*", "GET/uploads/*", "GET/openapi.json")
_ALLOWED: Final[Mapping[Scope, tuple[str, ...]]] = {
    Scope.UPLOAD: ("POST/images", "PUT/images/*", "POST/uploads"),
    Scope.DELETE: ("DELETE/images/*",),
}


class Refused(Exception):
    """No token, or none that is known: API Gateway makes 401 of exactly this text."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def authorize(event: Mapping[str, Any], *, tokens: Tokens) -> dict[str, Any]:
    """The policy for whoever sends a request.

    Args:
        event: API Gateway's, of a request to a REST API.
        tokens: who has which.

    Raises:
        Refused: there is no token, there are several, or it is nobody's.
        TokensUnavailable: the tokens cannot be had; API Gateway makes an authorizer's error of it.
        ValueError: the event is none of a REST API.
    """
    token = _token(event)
    principal = None if token is None else tokens.principal(token)
    if principal is None:
        raise Refused
    stage = _stage(str(event["methodArn"]))
    routes = (*_LOOK_UP, *(route for scope in sorted(principal.scopes) for route in _ALLOWED[scope]))
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": [f"{stage}/{route}" for route in routes],
    }
    return {
        "principalId": principal.name,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {
            "token": principal.name,
            "scopes": ",".join((_READ, *sorted(principal.scopes))),
            "prefix": f"{_IS}{principal.prefix}",
        },
    }


def principal_of(context: Mapping[str, object]) -> Principal:
    """Who asks, from what the gateway hands on of the authorizer's answer (`requestContext.authorizer`).

    Raises:
        Unauthorized: something is missing: whoever is not known to be somebody is nobody.
    """
    name, scopes, prefix = (context.get(member) for member in ("token", "scopes", "prefix"))
    if not isinstance(name, str) or not isinstance(scopes, str) or not isinstance(prefix, str):
        raise Unauthorized(_UNKNOWN)
    if not name or not scopes or not prefix.startswith(_IS):
        raise Unauthorized(_UNKNOWN)
    # A word that is no scope here is one of a newer authorizer, and gives no right.
    known = frozenset(scope for scope in Scope if scope in scopes.split(","))
    return Principal(name=name, scopes=known, prefix=prefix.removeprefix(_IS))


def iam_principal(request_context: Mapping[str, Any]) -> Principal:
    """Who asks where API Gateway has checked a SigV4 signature: an identity of IAM, which may do everything.

    Raises:
        Unauthorized: the request was not signed.
    """
    identity = request_context.get("identity")
    arn = identity.get("userArn") if isinstance(identity, Mapping) else None
    if not isinstance(arn, str) or not arn:
        raise Unauthorized("The request is not signed.")
    return Principal(name=arn)


def _token(event: Mapping[str, Any]) -> str | None:
    """The one bearer token of a request."""
    values = _values(event.get("multiValueHeaders")) or _values(event.get("headers"))
    match = _BEARER.fullmatch(values[0].strip(" \t")) if len(values) == 1 else None
    return match and match[1]


def _values(headers: Mapping[str, Any] | None) -> list[str]:
    """All values of `Authorization`, however its name is written."""
    given = [value for name, value in (headers or {}).items() if name.lower() == "authorization"]
    lists = [value if isinstance(value, list) else [value] for value in given]
    return [str(value) for values in lists for value in values]


def _stage(method_arn: str) -> str:
    """`arn:aws:execute-api:region:account:api/stage` of a method's ARN, whose path may hold colons and slashes."""
    head, path = method_arn.split(":")[:5], method_arn.split(":", 5)[5:]
    parts = path[0].split("/", 3) if path else []
    if len(parts) < 3 or head[:1] != ["arn"] or head[2] != "execute-api" or not parts[0] or not parts[1]:
        raise ValueError("the event has no ARN of a method")
    return ":".join([*head, f"{parts[0]}/{parts[1]}"])
