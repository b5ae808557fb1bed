"""The exceptions that a request or a start can end with: one class, one status, one public sentence, one category.

BildwerkError
├── InvalidURL                     404  Invalid URL                 path_parsing
│   ├── SecurityOptionForbidden    403
│   ├── UnsupportedFormat          422
│   └── ResultFormatUnsavable      422                              processing
├── Forbidden                      403  Forbidden                   security
├── MalformedSignature             403  (its own sentence)          security
├── SourceNotAllowed               404  Invalid source URL          security
├── SourceError                    404  Source is unreachable       download
│   ├── SourceUnreachable          404  Source is unreachable
│   │   └── StoreUnreachable       502
│   ├── SourceStatus               4xx or 502
│   ├── SourceTimeout              504                              timeout
│   ├── SourceAddressForbidden     404  Invalid source URL
│   ├── SourceIncomplete           422  Source response is incomplete
│   ├── SourceTooLarge             422  Invalid source image
│   └── UnknownSourceType          422  Invalid source image
├── SourceResolutionTooLarge       422  Invalid source image        processing
├── BrokenImage                    422  Broken or unsupported image processing
│   ├── BrokenSVG                  422  Broken or unsupported SVG image
│   └── SVGSyntaxError             422  SVG syntax error
├── ResultImpossible               404  Invalid URL                 processing
├── TooManyRequests                429  Too many requests           queue
├── RequestTimeout                 503  Timeout                     timeout
├── RequestCancelled               499  Cancelled                   cancelled
├── ResponseUnwritten              499  Cancelled                   IO
│   └── ResponseStalled            (the same)
└── InternalError                  500  Internal error              unexpected
    └── ResultStoreFailed          (reported; no answer ends with it)

ConfigurationError                 every bad setting at once, before the server listens

The text given to the constructor is for the log and for development mode; clients see `public`. The table is
spec 03 section 2.12.
"""

from __future__ import annotations

from typing import ClassVar


class BildwerkError(Exception):
    """A failure that a client is told about; `str()` of it is the developer's text."""

    status: int = 500
    public: ClassVar[str] = "Internal error"
    category: ClassVar[str] = "unexpected"
    reported: ClassVar[bool] = False


class InvalidURL(BildwerkError):
    """The URL does not say what to do: unknown option, bad argument, undecodable source, expired."""

    status = 404
    public = "Invalid URL"
    category = "path_parsing"


class SecurityOptionForbidden(InvalidURL):
    """A limit is overridden in the URL although `IMGPROXY_ALLOW_SECURITY_OPTIONS` is off."""

    status = 403


class UnsupportedFormat(InvalidURL):
    """A known format that this build cannot load, or cannot save when the URL asks for it."""

    status = 422


class ResultFormatUnsavable(InvalidURL):
    """The format that was resolved for the result cannot be written, for instance SVG from a raster source."""

    status = 422
    category = "processing"


class Forbidden(BildwerkError):
    """The signature or the secret is wrong."""

    status = 403
    public = "Forbidden"
    category = "security"


class MalformedSignature(BildwerkError):
    """Signing is off and the signature segment looks like an option (spec 01 section 2)."""

    status = 403
    public = (
        "The signature appears to be a processing option. The signature section should always be present in the URL."
    )
    category = "security"


class SourceNotAllowed(BildwerkError):
    """The source URL is not in `IMGPROXY_ALLOWED_SOURCES`."""

    status = 404
    public = "Invalid source URL"
    category = "security"


class SourceError(BildwerkError):
    """The source could not be fetched.

    Attributes:
        is_late: the answer had begun well and went wrong after its headers; no fallback picture covers that.
        etag: of the refused answer, if it came that far; the fallback picture carries it (spec 03 section 5.3).
        last_modified: likewise.
    """

    status = 404
    public = "Source is unreachable"
    category = "download"
    reported = True
    is_late: bool = False
    etag: str | None = None
    last_modified: str | None = None


class SourceUnreachable(SourceError):
    """No connection to the source's server could be made, or it knows no such host."""


class StoreUnreachable(SourceUnreachable):
    """An object store cannot be reached. That is no word about the object, so no cache may take it for one."""

    status = 502


class SourceStatus(SourceError):
    """The source answered with an error: 4xx is passed on, 5xx becomes 502, anything else 404."""

    def __init__(self, text: str, *, source_status: int) -> None:
        super().__init__(text)
        if 400 <= source_status < 500:
            self.status = source_status
        elif source_status >= 500:
            self.status = 502


class SourceTimeout(SourceError):
    """The source did not answer, or not whole, within `IMGPROXY_DOWNLOAD_TIMEOUT`."""

    status = 504
    category = "timeout"


class SourceAddressForbidden(SourceError):
    """The source's resolved address belongs to a class that the settings close."""

    public = "Invalid source URL"


class SourceIncomplete(SourceError):
    """The body ended before its announced length."""

    status = 422
    public = "Source response is incomplete"


class SourceTooLarge(SourceError):
    """The file is larger than the limit."""

    status = 422
    public = "Invalid source image"


class UnknownSourceType(SourceError):
    """No known signature at the start of the file."""

    status = 422
    public = "Invalid source image"


class SourceResolutionTooLarge(BildwerkError):
    """Width times height times frames is over the limit."""

    status = 422
    public = "Invalid source image"
    category = "processing"


class BrokenImage(BildwerkError):
    """A decoder refused the picture."""

    status = 422
    public = "Broken or unsupported image"
    category = "processing"
    reported = True


class BrokenSVG(BrokenImage):
    """The SVG is not well-formed and cannot be sanitised."""

    public = "Broken or unsupported SVG image"


class SVGSyntaxError(BrokenImage):
    """The SVG's text is no XML."""

    public = "SVG syntax error"


class ResultImpossible(BildwerkError):
    """The options ask for a picture that cannot exist: NaN, infinity, a size that vanishes."""

    status = 404
    public = "Invalid URL"
    category = "processing"


class TooManyRequests(BildwerkError):
    """The queue is full. `retry_after_seconds` is when a client may try again."""

    status = 429
    public = "Too many requests"
    category = "queue"
    retry_after_seconds: int = 1


class RequestTimeout(BildwerkError):
    """The request's deadline passed."""

    status = 503
    public = "Timeout"
    category = "timeout"


class RequestCancelled(BildwerkError):
    """The client went away."""

    status = 499
    public = "Cancelled"
    category = "cancelled"


class ResponseUnwritten(BildwerkError):
    """The answer could not be written whole; reported with `IMGPROXY_REPORT_IO_ERRORS`."""

    status = 499
    public = "Cancelled"
    category = "IO"


class ResponseStalled(ResponseUnwritten):
    """The client did not take what was sent."""


class InternalError(BildwerkError):
    """Our own fault."""

    reported = True


class ResultStoreFailed(InternalError):
    """The store of results cannot be used; the request goes on without it."""


class ConfigurationError(Exception):
    """Settings that cannot be used: one line for each, each naming its variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
