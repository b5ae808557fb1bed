"""What a request to the API can fail with: one class, one status, one name, one title (DESIGN section 6, RFC 9457).

Problem
├── InvalidRequest           400  invalid-request
├── InvalidKey               400  invalid-key
├── Unauthorized             401  unauthorized
├── ScopeMissing             403  forbidden-scope
├── KeyForbidden             403  forbidden-key
├── NotFound                 404  not-found
├── MethodNotAllowed         405  method-not-allowed
├── PreconditionFailed       412  precondition-failed
├── TooLarge                 413  too-large
├── UnsupportedMediaType     415  unsupported-media-type
├── NotAnImage               415  not-an-image
├── FormatNotAllowed         415  format-not-allowed
├── TypeMismatch             415  type-mismatch
├── EmptyFile                422  empty-file
├── BrokenImage              422  broken-image
├── TooManyPixels            422  too-many-pixels
├── TooManyFrames            422  too-many-frames
├── UnsafeSVG                422  unsafe-svg
├── Polyglot                 422  polyglot
├── TooSlow                  422  too-slow
├── SourceProblem            422  the url of the request is at fault, not the request
│   ├── SourceUnreachable         source-unreachable
│   ├── SourceStatus              source-status
│   ├── SourceForbiddenAddress    source-forbidden-address
│   ├── SourceSchemeForbidden     source-scheme-forbidden
│   ├── SourceRedirects           source-too-many-redirects
│   ├── SourceTooLarge            source-too-large
│   ├── SourceIncomplete          source-incomplete
│   └── SourceTimeout             source-timeout
├── TooManyRequests          429  too-many-requests
├── InternalProblem          500  internal-error
├── UploadsUnavailable       501  uploads-unavailable
├── FunctionFailed           502  function-failed
├── StoreUnavailable         503  store-unavailable
├── PurgeNotQueued           503  purge-not-queued
├── TokensUnavailable        503  tokens-unavailable
└── TimedOut                 504  timeout

`detail` is for whoever sent the request: it says what to change, and never names a secret, an inner address or another
key than theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:bildwerk:problem:"
"""What the `type` of a problem begins with; its name follows."""


class Problem(Exception):
    """A request that cannot be done; `str()` of it is the detail.

    Args:
        detail: a plain sentence for the client.
        members: further members of the document, see RFC 9457 section 3.2.
    """

    status: ClassVar[int] = 500
    name: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "The request could not be done"
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members: Mapping[str, object] = members

    def headers(self) -> dict[str, str]:
        """The headers that every answer with this problem has."""
        headers = {"Content-Type": MEDIA_TYPE}
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(self.retry_after_seconds)
        return headers

    def document(self) -> dict[str, object]:
        """The problem as JSON has it."""
        return {
            "type": f"{TYPE_PREFIX}{self.name}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }


class InvalidRequest(Problem):
    """The body or a parameter is none that the API knows; `errors` may list where."""

    status = 400
    name = "invalid-request"
    title = "The request is malformed"


class InvalidKey(Problem):
    """The key is against the rules of `api.keys`."""

    status = 400
    name = "invalid-key"
    title = "The key cannot be used"


class Unauthorized(Problem):
    """There is no token, or none that is known."""

    status = 401
    name = "unauthorized"
    title = "A valid token is needed"

    def headers(self) -> dict[str, str]:
        """With the scheme that is asked for (RFC 9110 section 11.6.1)."""
        return {**super().headers(), "WWW-Authenticate": "Bearer"}


class ScopeMissing(Problem):
    """The token may not do this."""

    status = 403
    name = "forbidden-scope"
    title = "The token does not allow this"


class KeyForbidden(Problem):
    """The token may do this, but not to this key."""

    status = 403
    name = "forbidden-key"
    title = "The token does not reach this key"


class NotFound(Problem):
    """There is no such original, or no such route."""

    status = 404
    name = "not-found"
    title = "There is no such picture"


class MethodNotAllowed(Problem):
    """The route has other methods."""

    status = 405
    name = "method-not-allowed"
    title = "The method is not allowed here"


class PreconditionFailed(Problem):
    """`If-None-Match` or `If-Match` does not hold."""

    status = 412
    name = "precondition-failed"
    title = "The picture is not what the condition says"


class TooLarge(Problem):
    """The file is larger than what one request may carry; large ones go by `POST /uploads`."""

    status = 413
    name = "too-large"
    title = "The file is too large"


class UnsupportedMediaType(Problem):
    """The request's `Content-Type` is none that the route reads."""

    status = 415
    name = "unsupported-media-type"
    title = "The request's media type is not supported"


class NotAnImage(Problem):
    """The content is no picture of a known format."""

    status = 415
    name = "not-an-image"
    title = "The file is not a picture"


class FormatNotAllowed(Problem):
    """The format is known and closed by the settings, or cannot be decoded here."""

    status = 415
    name = "format-not-allowed"
    title = "The picture's format is not allowed"


class TypeMismatch(Problem):
    """The declared media type is another one than the content's."""

    status = 415
    name = "type-mismatch"
    title = "The picture is not of the declared type"


class EmptyFile(Problem):
    """There are no bytes."""

    status = 422
    name = "empty-file"
    title = "The file is empty"


class BrokenImage(Problem):
    """The picture does not decode whole."""

    status = 422
    name = "broken-image"
    title = "The picture is broken"


class TooManyPixels(Problem):
    """Width times height times frames, or a side, is over the limit."""

    status = 422
    name = "too-many-pixels"
    title = "The picture has too many pixels"


class TooManyFrames(Problem):
    """The animation has more frames than the limit."""

    status = 422
    name = "too-many-frames"
    title = "The picture has too many frames"


class UnsafeSVG(Problem):
    """The SVG acts, or cannot be made harmless, and the settings do not have it changed."""

    status = 422
    name = "unsafe-svg"
    title = "The SVG is not harmless"


class Polyglot(Problem):
    """The file is a picture and something else as well."""

    status = 422
    name = "polyglot"
    title = "The file is not only a picture"


class TooSlow(Problem):
    """Decoding takes longer than a picture may take."""

    status = 422
    name = "too-slow"
    title = "The picture takes too long to decode"


class SourceProblem(Problem):
    """The picture behind the `url` of a request cannot be had."""

    status = 422
    name = "source-unreachable"
    title = "The source cannot be had"


class SourceUnreachable(SourceProblem):
    """No address, no connection, or one that broke before an answer."""

    title = "The source is unreachable"


class SourceStatus(SourceProblem):
    """The source answered with something else than a picture's 200."""

    name = "source-status"
    title = "The source answered with an error"


class SourceForbiddenAddress(SourceProblem):
    """The URL, or a redirect, leads to an address that is closed."""

    name = "source-forbidden-address"
    title = "The source's address is not allowed"


class SourceSchemeForbidden(SourceProblem):
    """The URL, or a redirect, is not https."""

    name = "source-scheme-forbidden"
    title = "The source's scheme is not allowed"


class SourceRedirects(SourceProblem):
    """More redirects than are followed."""

    name = "source-too-many-redirects"
    title = "The source redirects too often"


class SourceTooLarge(SourceProblem):
    """The file behind the URL is larger than the limit."""

    name = "source-too-large"
    title = "The source is too large"


class SourceIncomplete(SourceProblem):
    """The body ended before its announced length, or was coded wrongly."""

    name = "source-incomplete"
    title = "The source broke off"


class SourceTimeout(SourceProblem):
    """The file was not there within the deadline."""

    name = "source-timeout"
    title = "The source is too slow"


class TooManyRequests(Problem):
    """The gateway's throttle, or the local server's queue."""

    status = 429
    name = "too-many-requests"
    title = "Too many requests"
    retry_after_seconds = 1


class InternalProblem(Problem):
    """An error of ours."""

    title = "Internal error"


class UploadsUnavailable(Problem):
    """The store has no presigned uploads; a folder has none."""

    status = 501
    name = "uploads-unavailable"
    title = "Large uploads need an S3 store"


class FunctionFailed(Problem):
    """The gateway's own: a function failed, or its answer is none; API Gateway says "Internal server error"."""

    status = 502
    name = "function-failed"
    title = "The function failed"


class StoreUnavailable(Problem):
    """The store of originals did not answer, or not well; nothing has been lost."""

    status = 503
    name = "store-unavailable"
    title = "The store is unavailable"
    retry_after_seconds = 5


class PurgeNotQueued(Problem):
    """The original is written or deleted, the purge is not queued: the same request again queues it."""

    status = 503
    name = "purge-not-queued"
    title = "The purge could not be queued"
    retry_after_seconds = 5


class TokensUnavailable(Problem):
    """The list of tokens cannot be had, so nobody is let in."""

    status = 503
    name = "tokens-unavailable"
    title = "Tokens cannot be checked"
    retry_after_seconds = 5


class TimedOut(Problem):
    """The function took longer than the gateway waits."""

    status = 504
    name = "timeout"
    title = "The request took too long"
    retry_after_seconds = 5


def problems() -> tuple[type[Problem], ...]:
    """Every kind of problem, in the order of the table above."""
    return tuple(_leaves(Problem))


def _leaves(kind: type[Problem]) -> list[type[Problem]]:
    inner = kind.__subclasses__()
    return [leaf for one in inner for leaf in _leaves(one)] if inner else [kind]
