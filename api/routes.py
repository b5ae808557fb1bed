"""The one table of routes (DESIGN section 6): the gateway, the application and the OpenAPI document follow it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from api import models
from api import problems as p
from api.access.principal import Scope

Function = Literal["upload", "read", "delete", "presign"]
"""Which of the API's functions serves a route."""

OCTETS: Final = "application/octet-stream"
JSON: Final = "application/json"
FORM: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body that a route reads; without a model it is the bytes of a picture."""

    media_type: str
    model: type[BaseModel] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter; `kind` is a type as pydantic knows them."""

    name: str
    place: Literal["path", "query", "header"]
    kind: Any
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to a request that was done.

    Attributes:
        model: of its body; None where there is no body, or one that no model describes.
        media_type: of its body; blank where there is none.
    """

    description: str
    model: type[BaseModel] | None = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one resource.

    Attributes:
        resource: as API Gateway writes it.
        function: serves it.
        scope: a token needs it; None is any token.
        is_open: no token is asked for.
        problems: what it can fail with, beside `EVERYWHERE` and, unless it is open, `GUARDED`.
        members: by status, a model whose members its problems have as well.
    """

    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE"]
    resource: str
    function: Function
    operation_id: str
    summary: str
    description: str
    scope: Scope | None = None
    is_open: bool = False
    bodies: tuple[Body, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    answers: Mapping[int, Answer]
    problems: tuple[type[p.Problem], ...] = ()
    members: Mapping[int, type[BaseModel]] = field(default_factory=dict)


EVERYWHERE: Final = (p.TooManyRequests, p.InternalProblem, p.FunctionFailed, p.TimedOut)
"""What every route can fail with."""
GUARDED: Final = (p.Unauthorized, p.TokensUnavailable)
"""What every route that asks for a token can fail with, too."""

_READ: Final = (p.InvalidRequest, p.InvalidKey, p.KeyForbidden, p.StoreUnavailable)
_WRITTEN: Final = (p.ScopeMissing, *_READ, p.PurgeNotQueued)
_PICTURE: Final = (
    p.TooLarge,
    p.UnsupportedMediaType,
    p.NotAnImage,
    p.FormatNotAllowed,
    p.TypeMismatch,
    p.EmptyFile,
    p.BrokenImage,
    p.TooManyPixels,
    p.TooManyFrames,
    p.UnsafeSVG,
    p.Polyglot,
    p.TooSlow,
)
_SOURCE: Final = tuple(kind for kind in p.problems() if issubclass(kind, p.SourceProblem))

_RAW: Final = (Body(media_type="image/*"), Body(media_type=OCTETS))
_KEY: Final = Parameter(
    name="key",
    place="path",
    kind=models.Key,
    description="Name of the original. Its slashes stay slashes in the path (`%2F` is the same); everything else that a"
    " path cannot hold is percent-encoded once, as UTF-8.",
)
_ETAG: Final = r'(?:W/)?"[!#-~]*"'
_VALIDATOR: Final = {"ETag": "For `If-Match`.", "Content-Location": "Path of the original in this API."}
_STORED: Final = {
    201: Answer(
        description="It is stored, and there was nothing under its key.",
        model=models.ImageStored,
        headers={"Location": "Path of the original in this API.", **_VALIDATOR},
    ),
    200: Answer(
        description="It is stored, and replaces what was there; or, without a given key, it was there already.",
        model=models.ImageStored,
        headers=_VALIDATOR,
    ),
}

ROUTES: Final = (
    Route(
        method="POST",
        resource="/images",
        function="upload",
        operation_id="storeImage",
        summary="Store a picture",
        description="The picture is the body, or the field `file` of a form, or it is fetched from a `url`. Without a"
        " key it is named after its content, so that equal files are one original. Nothing is stored before the whole"
        " file has been inspected. A given key is purged.",
        scope=Scope.UPLOAD,
        bodies=(*_RAW, Body(media_type=FORM, model=models.ImageForm), Body(media_type=JSON, model=models.ImageByURL)),
        parameters=(
            Parameter(
                name="key",
                place="query",
                kind=models.Key,
                description="Name of the original, if the picture is the body; forms and JSON have a member for it.",
            ),
        ),
        answers=_STORED,
        problems=(*_WRITTEN, *_PICTURE, *_SOURCE),
    ),
    Route(
        method="PUT",
        resource="/images/{key+}",
        function="upload",
        operation_id="putImage",
        summary="Store or replace the picture of a key",
        description="The picture is the body. Nothing is stored before the whole file has been inspected. Every"
        " rendition of what was there is purged.",
        scope=Scope.UPLOAD,
        bodies=_RAW,
        parameters=(
            _KEY,
            Parameter(
                name="If-None-Match",
                place="header",
                kind=Literal["*"],
                description="`*`: only if there is nothing under this key.",
            ),
            Parameter(
                name="If-Match",
                place="header",
                kind=Annotated[str, Field(pattern=rf"^(?:\*|{_ETAG}(?:, ?{_ETAG}){{0,15}})$", examples=["*"])],
                description="Only if one of these is still there: `etag`s with their quotes, or `*` for anything.",
            ),
        ),
        answers=_STORED,
        problems=(*_WRITTEN, *_PICTURE, p.PreconditionFailed),
    ),
    Route(
        method="GET",
        resource="/images/{key+}",
        function="read",
        operation_id="readImage",
        summary="Look an original up",
        description="What is known of it, not the picture itself; the server sends pictures.",
        parameters=(_KEY,),
        answers={200: Answer(description="It is there.", model=models.ImageStored, headers=_VALIDATOR)},
        problems=(*_READ, p.NotFound),
    ),
    Route(
        method="HEAD",
        resource="/images/{key+}",
        function="read",
        operation_id="headImage",
        summary="Ask whether an original is there",
        description="The answer to GET without its body.",
        parameters=(_KEY,),
        answers={200: Answer(description="It is there.", media_type="", headers=_VALIDATOR)},
        problems=(*_READ, p.NotFound),
    ),
    Route(
        method="DELETE",
        resource="/images/{key+}",
        function="delete",
        operation_id="deleteImage",
        summary="Delete an original and purge its renditions",
        description="The original goes first, then its renditions, from the store of results and from the CDN. The"
        " purge is queued also if there was no original; asking again does no harm.",
        scope=Scope.DELETE,
        parameters=(
            _KEY,
            Parameter(
                name="versions",
                place="query",
                kind=Literal["all"],
                description="`all` removes the versions that a versioned bucket has kept, too.",
            ),
        ),
        answers={202: Answer(description="It is deleted, the purge is queued.", model=models.ImageDeleted)},
        problems=(*_WRITTEN, p.NotFound),
        members={404: models.ImageDeleted},
    ),
    Route(
        method="POST",
        resource="/uploads",
        function="presign",
        operation_id="announceUpload",
        summary="Announce a large file",
        description="Answers with a form that the file is sent with, straight to the store. It is inspected when it"
        " has arrived, and then stored under its key, or deleted.",
        scope=Scope.UPLOAD,
        bodies=(Body(media_type=JSON, model=models.UploadAsked),),
        answers={
            201: Answer(
                description="The file may be sent.",
                model=models.UploadTicket,
                headers={"Location": "The same as `status`, with what the API's address has before it."},
            )
        },
        problems=(
            *(p.ScopeMissing, *_READ, p.UploadsUnavailable),
            *(p.TooLarge, p.UnsupportedMediaType, p.FormatNotAllowed),
        ),
    ),
    Route(
        method="GET",
        resource="/uploads/{id}",
        function="presign",
        operation_id="readUpload",
        summary="Ask what became of a large file",
        description="Answers to the token that announced it, for a day.",
        parameters=(
            Parameter(
                name="id",
                place="path",
                kind=Annotated[str, Field(pattern="^[0-9a-f]{32}$")],
                description="`id` of the answer to `POST /uploads`.",
            ),
        ),
        answers={200: Answer(description="Its state.", model=models.UploadStatus)},
        problems=(p.InvalidRequest, p.NotFound, p.UploadsUnavailable, p.StoreUnavailable),
    ),
    Route(
        method="GET",
        resource="/openapi.json",
        function="read",
        operation_id="readDocument",
        summary="Read this document",
        description="It is public.",
        is_open=True,
        answers={200: Answer(description="OpenAPI 3.1.")},
    ),
)


def routes_of(path: str) -> tuple[Route, ...]:
    """The routes of the resource that a path belongs to, percent-encoded as it was sent; empty if there is none."""
    return tuple(route for route in ROUTES if _PATTERNS[route.resource].fullmatch(path))


def _pattern(resource: str) -> re.Pattern[str]:
    """As API Gateway matches: `{name+}` takes what is left, `{name}` one segment."""
    greedy = re.sub(r"\{\w+\+\}", ".+", resource.replace(".", r"\."))
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", greedy), re.DOTALL)


_PATTERNS: Final = {route.resource: _pattern(route.resource) for route in ROUTES}
