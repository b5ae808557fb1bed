"""`POST /images` and `PUT /images/{key+}`: a picture from a body, a form or a URL, into the store."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from api.access.principal import Principal, Scope
from api.described import described, headers_of, path_of
from api.inspection.inspect import SECONDS, Inspected, inspect
from api.keys import checked_key, key_from_path
from api.models import ImageByURL
from api.placing import Placed, placed
from api.problems import (
    InvalidRequest,
    PreconditionFailed,
    SourceProblem,
    TooLarge,
    TooSlow,
    UnsupportedMediaType,
)
from api.purging import ordered_purge
from api.requests.conditions import Wanted, refuse_conditions, wanted
from api.requests.exchange import ApiAnswer, ApiRequest
from api.requests.forms import form_of
from api.requests.validation import read_json
from api.services import Services
from api.urls.downloads import download
from api.urls.file_names import plain_name

_log = logging.getLogger(__name__)

_FORM: Final = "multipart/form-data"
_JSON: Final = "application/json"
_UNDECLARED: Final = "application/octet-stream"

_STORE_SECONDS: Final = 5.0
"""Kept for the store and the queue when a picture is inspected."""
_LOOK_SECONDS: Final = 2.0
"""Kept for inspecting when it is fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a request brings, before it is looked at.

    Attributes:
        data: the file.
        declared_type: its media type, None if none was given.
        file_name: as the client calls it.
        key: checked; None for one that follows from the content.
    """

    data: bytes
    declared_type: str | None = None
    file_name: str = ""
    key: str | None = None


def upload(services: Services, request: ApiRequest) -> ApiAnswer:
    """Stores the picture of a request: 201, or 200 if it replaces one or is there already.

    Raises:
        Problem: it is refused, and nothing was stored; or PurgeNotQueued, and it was.
    """
    request.principal.require(Scope.UPLOAD)
    if request.method == "PUT":
        conditions = wanted(request.headers)
        given = _put(services, request)
    else:
        refuse_conditions(request.headers)
        conditions = Wanted()
        given = _posted(services, request)
    result = _placed(services, request, given, conditions)
    purge = None
    if result.is_purged:
        purge = ordered_purge(services, result.original.key, "stored", seconds=request.seconds_left())
    services.metrics.count("ImagesStored")
    headers = headers_of(result.original)
    if result.is_new:
        headers["Location"] = path_of(result.original.key)
    body = described(services, result.original, purge)
    return ApiAnswer(status=201 if result.is_new else 200, body=body, headers=headers)


def _placed(services: Services, request: ApiRequest, given: Given, conditions: Wanted) -> Placed:
    inspected = _inspected(services, request, given)
    facts = inspected.facts(uploaded_by=request.principal.name, file_name=given.file_name)
    try:
        return placed(services, given.key, inspected.data, facts, conditions)
    except PreconditionFailed:
        there = services.originals.head(given.key) if given.key is not None else None
        if there is not None and there.facts is not None and there.facts.sha256 == facts.sha256:
            # Perhaps this is the request that is sent again because its purge could not be queued.
            ordered_purge(services, there.key, "stored", seconds=request.seconds_left())
        raise


def _inspected(services: Services, request: ApiRequest, given: Given) -> Inspected:
    inspected = inspect(
        given.data,
        declared_type=given.declared_type,
        settings=services.settings.uploads,
        seconds=min(SECONDS, request.seconds_left() - _STORE_SECONDS),
        file_name=given.file_name,
    )
    if request.seconds_left() <= 0:
        # Decoders cannot be stopped everywhere. Nobody waits any more, so nothing is stored.
        raise TooSlow("The picture took too long to look at.")
    return inspected


def _put(services: Services, request: ApiRequest) -> Given:
    if "content-range" in request.headers:
        # RFC 9110 section 14.5: a part would be stored as if it were the whole.
        raise InvalidRequest("PUT stores whole pictures and knows no Content-Range.")
    key = key_from_path(request.encoded_key)
    request.principal.require_key(key)
    return _raw(services, request, key)


def _posted(services: Services, request: ApiRequest) -> Given:
    media_type = _media_type(request)
    if media_type in (_JSON, _FORM) and "key" in request.query:
        raise InvalidRequest("Forms and JSON have a member `key`: give it there.")
    if media_type == _JSON:
        return _by_url(services, request)
    if media_type == _FORM:
        form = form_of(request.body, request.headers["content-type"])
        key = _own(request.principal, form.key)
        _check_size(services, form.file)
        name = plain_name(form.file_name)
        return Given(data=form.file, declared_type=form.content_type, file_name=name, key=key)
    return _raw(services, request, _own(request.principal, request.query.get("key")))


def _raw(services: Services, request: ApiRequest, key: str | None) -> Given:
    media_type = _media_type(request)
    # Without a type API Gateway takes a body for text, and what arrives is not what was sent.
    if not media_type.startswith("image/") and media_type != _UNDECLARED:
        raise UnsupportedMediaType(
            f"Send the picture itself as image/* or {_UNDECLARED}; a form or JSON goes to POST /images."
            if request.method == "PUT"
            else f"Send image/*, {_UNDECLARED}, {_FORM} or {_JSON}."
        )
    _check_size(services, request.body)
    declared = None if media_type == _UNDECLARED else request.headers["content-type"]
    return Given(data=request.body, declared_type=declared, key=key)


def _by_url(services: Services, request: ApiRequest) -> Given:
    asked = read_json(ImageByURL, request.body)
    key = _own(request.principal, asked.key)
    settings = services.settings.uploads
    left = request.seconds_left() - _LOOK_SECONDS - _STORE_SECONDS
    seconds = round(max(0.0, min(settings.url_seconds, left)), 1)
    try:
        found = download(asked.url, settings=replace(settings, url_seconds=seconds))
    except SourceProblem as error:
        # What the client is not told, such as an inner address, is the cause.
        _log.info("A source was refused: %s", error.name)
        raise
    return Given(data=found.data, declared_type=None, file_name=found.file_name, key=key)


def _own(principal: Principal, given: str | None) -> str | None:
    """The key that a request gives, if the principal may write it; asked before anything is read or fetched."""
    key = None if given is None else checked_key(given)
    principal.require_key(key)
    return key


def _check_size(services: Services, data: bytes) -> None:
    most = services.settings.uploads.max_bytes
    if len(data) > most:
        raise TooLarge(
            f"A file in a request has at most {most:,} bytes, this one has {len(data):,}: ask POST /uploads.",
            uploads="/uploads",
            max_bytes=most,
        )


def _media_type(request: ApiRequest) -> str:
    if len(request.headers.get("content-type", "")) > 1000:
        raise InvalidRequest("The Content-Type is too long.")
    return request.media_type
