"""What API Gateway answers by itself, as the problem documents that the functions and `bildwerk api` answer with.

Names, statuses and titles are those of `api.problems` (a test holds them together). Templates are no Velocity here:
variables are put in as they are, so none that a client chooses may be in one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from infra.config import ApiConfig

TYPE_PREFIX: Final = "urn:bildwerk:problem:"
_MEDIA_TYPE: Final = "application/problem+json"
_EXPOSED: Final = "ETag, Location, Content-Location, Retry-After"
"""As `api.requests.cors`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A problem document.

    Attributes:
        name: blank for one that is none of the API's: then `title` is what HTTP calls the status.
        members: further ones.
        headers: further ones.
    """

    status: int
    name: str = ""
    title: str
    detail: str
    members: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def template(self) -> str:
        """The document, for API Gateway to put the request's id into."""
        kind = f"{TYPE_PREFIX}{self.name}" if self.name else "about:blank"
        document = {"type": kind, "title": self.title, "status": self.status, "detail": self.detail, **self.members}
        return json.dumps({**document, "request_id": "$context.requestId"})


_UNAUTHORIZED: Final = "A valid token is needed"
_TOKEN: Final = Refusal(
    status=401,
    name="unauthorized",
    title=_UNAUTHORIZED,
    detail="Send a valid token: `Authorization: Bearer TOKEN`.",
    headers={"WWW-Authenticate": "Bearer"},
)
_SIGNATURE: Final = Refusal(
    status=401,
    name="unauthorized",
    title=_UNAUTHORIZED,
    detail="Sign the request (AWS Signature Version 4), or look at its path: there may be no such route.",
    headers={"WWW-Authenticate": "AWS4-HMAC-SHA256"},
)
_NO_ROUTE: Final = Refusal(
    status=404, name="not-found", title="There is no such picture", detail="There is no such route."
)
_MALFORMED: Final = Refusal(
    status=400,
    name="invalid-request",
    title="The request is malformed",
    detail="The request is not what this route takes: see /openapi.json.",
)
_NO_TOKENS: Final = Refusal(
    status=503,
    name="tokens-unavailable",
    title="Tokens cannot be checked",
    detail="Tokens cannot be checked now: send the same request again.",
    headers={"Retry-After": "5"},
)
_THROTTLED: Final = Refusal(
    status=429,
    name="too-many-requests",
    title="Too many requests",
    detail="More requests came than are served: wait and send the same request again.",
    headers={"Retry-After": "1"},
)
_FAILED: Final = Refusal(
    status=502,
    name="function-failed",
    title="The function failed",
    detail="The function failed, or what it answered is no answer.",
)

REFUSALS: Final[Mapping[str, Refusal]] = {
    "UNAUTHORIZED": _TOKEN,
    "ACCESS_DENIED": Refusal(
        status=403,
        name="forbidden-scope",
        title="The token does not allow this",
        detail="This token does not allow the request.",
    ),
    "AUTHORIZER_FAILURE": _NO_TOKENS,
    "AUTHORIZER_CONFIGURATION_ERROR": _NO_TOKENS,
    # Of a route or a method that is not there; API Gateway's own status is 403.
    "MISSING_AUTHENTICATION_TOKEN": _NO_ROUTE,
    "RESOURCE_NOT_FOUND": _NO_ROUTE,
    # A header that looks like a signature, where tokens are asked for.
    "INVALID_SIGNATURE": _TOKEN,
    "EXPIRED_TOKEN": _TOKEN,
    "BAD_REQUEST_PARAMETERS": _MALFORMED,
    "BAD_REQUEST_BODY": _MALFORMED,
    "DEFAULT_4XX": _MALFORMED,
    "REQUEST_TOO_LARGE": Refusal(
        status=413,
        name="too-large",
        title="The file is too large",
        detail="A request carries at most 4 MiB. Larger files go by POST /uploads.",
        members={"uploads": "/uploads"},
    ),
    "UNSUPPORTED_MEDIA_TYPE": Refusal(
        status=415,
        name="unsupported-media-type",
        title="The request's media type is not supported",
        detail="The request's Content-Type is none that this route takes: see /openapi.json.",
    ),
    "THROTTLED": _THROTTLED,
    "QUOTA_EXCEEDED": _THROTTLED,
    "WAF_FILTERED": Refusal(status=403, title="Forbidden", detail="The firewall does not let this request through."),
    "INTEGRATION_FAILURE": _FAILED,
    "API_CONFIGURATION_ERROR": _FAILED,
    "DEFAULT_5XX": _FAILED,
    "INTEGRATION_TIMEOUT": Refusal(
        status=504,
        name="timeout",
        title="The request took too long",
        detail="It took longer than 29 seconds: look the original up before you send the request again.",
        headers={"Retry-After": "5"},
    ),
}
"""By API Gateway's types (developer guide, "Gateway response types for API Gateway"); all that it has but the one for
API keys, which the API does not use."""

_BY_SIGNATURE: Final = frozenset({"UNAUTHORIZED", "MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN"})
"""Those that say something else where IAM is asked instead of tokens: an unsigned request has no token either."""


def refusals(config: ApiConfig) -> Mapping[str, Refusal]:
    """What is answered, by API Gateway's types."""
    if config.auth == "tokens":
        return REFUSALS
    return {**REFUSALS, **dict.fromkeys(_BY_SIGNATURE, _SIGNATURE)}


def add_gateway_responses(scope: Construct, rest_api: apigateway.RestApi, config: ApiConfig) -> None:
    """Gives an API all of them."""
    for kind, refusal in refusals(config).items():
        apigateway.GatewayResponse(
            scope,
            "".join(word.capitalize() for word in kind.split("_")),
            rest_api=rest_api,
            type=apigateway.ResponseType.of(kind),
            status_code=str(refusal.status),
            response_headers=_headers(refusal, config.allow_origins),
            templates={"application/json": refusal.template()},
        )


def _headers(refusal: Refusal, allow_origins: tuple[str, ...]) -> dict[str, str]:
    """As API Gateway maps them: fixed text is in quotes."""
    fixed = {
        "Content-Type": _MEDIA_TYPE,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **refusal.headers,
    }
    headers = {name: f"'{text}'" for name, text in fixed.items()}
    if allow_origins:
        headers |= _cross_origin(allow_origins)
    return headers


def _cross_origin(allow_origins: tuple[str, ...]) -> dict[str, str]:
    """So that a page can read why it was refused.

    A mapping cannot choose among several origins. Then whoever asks may read: these documents are the same for all, and
    with a token nobody else comes so far, because the functions answer the preflight.
    """
    exposed = {"Access-Control-Expose-Headers": f"'{_EXPOSED}'"}
    if len(allow_origins) == 1:
        vary = {} if allow_origins == ("*",) else {"Vary": "'Origin'"}
        return {"Access-Control-Allow-Origin": f"'{allow_origins[0]}'", **vary, **exposed}
    if "*" in allow_origins:
        return {"Access-Control-Allow-Origin": "'*'", **exposed}
    return {"Access-Control-Allow-Origin": "method.request.header.Origin", "Vary": "'Origin'", **exposed}
