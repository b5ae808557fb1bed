"""`POST /uploads`: a place for a large file, and `GET /uploads/{id}`: what became of it.

A ticket's outcome is an object beside the file, written when the ticket is given out: whoever asks with the same token
learns that the file is awaited, stored, or refused and why. A lifecycle rule removes it after a day.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

from api.access.principal import Principal, Scope
from api.described import rfc3339
from api.inspection.media_types import names_format
from api.keys import checked_key
from api.models import UploadAsked, UploadStatus, UploadTicket
from api.problems import FormatNotAllowed, NotFound, TooLarge, UnsupportedMediaType, UploadsUnavailable
from api.requests.conditions import refuse_conditions
from api.requests.exchange import ApiAnswer, ApiRequest
from api.requests.validation import read_json
from api.services import Services
from api.stores.incoming import LIFETIME_SECONDS, Incoming

KEY: Final = "key"
TOKEN: Final = "token"  # noqa: S105  the name of a member, not a token
PREFIX: Final = "prefix"


class Outcome(BaseModel):
    """What is written down of a ticket.

    Attributes:
        token: name of the one that may know.
        status: what it is told.
    """

    model_config = ConfigDict(frozen=True)

    token: str
    status: UploadStatus


def ticket(services: Services, request: ApiRequest) -> ApiAnswer:
    """Gives a large file a place: 201.

    Raises:
        TooLarge: the file would be too large for that too.
        FormatNotAllowed: nothing of that type is taken.
        UploadsUnavailable: the store has no such places.
    """
    request.principal.require(Scope.UPLOAD)
    refuse_conditions(request.headers)
    incoming = _incoming(services)
    if request.media_type != "application/json":
        raise UnsupportedMediaType("Say what is to come as application/json.")
    asked = read_json(UploadAsked, request.body)
    key = _checked(services, request.principal, asked)
    id = secrets.token_hex(16)
    # An empty value may not come through a form.
    given = {TOKEN: request.principal.name, PREFIX: request.principal.prefix, KEY: key}
    metadata = {name: value for name, value in given.items() if value}
    write_outcome(incoming, UploadStatus(id=id, state="waiting"), request.principal.name)
    expires_at = time.time() + LIFETIME_SECONDS
    url, fields = incoming.presign(id, content_type=asked.content_type, size=asked.bytes, metadata=metadata)
    services.metrics.count("TicketsGiven")
    status = f"/uploads/{id}"
    body = UploadTicket(
        id=id,
        url=url,
        fields=dict(fields),
        key=key,
        max_bytes=asked.bytes,
        expires_at=rfc3339(expires_at),
        status=status,
    )
    return ApiAnswer(status=201, body=body, headers={"Location": status})


def outcome(services: Services, request: ApiRequest) -> ApiAnswer:
    """Tells what became of a ticket: 200.

    Raises:
        NotFound: there is no such ticket, or it is another token's, or older than a day.
    """
    told = read_outcome(_incoming(services), request.encoded_key)
    if told is None or told.token != request.principal.name:
        raise NotFound("There is no such upload.")
    return ApiAnswer(status=200, body=told.status)


def read_outcome(incoming: Incoming, id: str) -> Outcome | None:
    """What became of a ticket, None if there is none of this id."""
    document = incoming.read_outcome(id)
    return None if document is None else Outcome.model_validate_json(document)


def write_outcome(incoming: Incoming, status: UploadStatus, token: str) -> None:
    """Writes down what became of a ticket, and whose it is."""
    incoming.write_outcome(status.id, Outcome(token=token, status=status).model_dump_json().encode())


def wanted_by(metadata: Mapping[str, str]) -> tuple[Principal, str | None]:
    """Who asked for a ticket, and the key that its file is to have, as its signed metadata say."""
    principal = Principal(
        name=metadata.get(TOKEN, ""), scopes=frozenset({Scope.UPLOAD}), prefix=metadata.get(PREFIX, "")
    )
    return principal, metadata.get(KEY)


def _incoming(services: Services) -> Incoming:
    if services.incoming is None:
        raise UploadsUnavailable("The store is a folder, which takes no large files: raise what a request may carry.")
    return services.incoming


def _checked(services: Services, principal: Principal, asked: UploadAsked) -> str | None:
    settings = services.settings.uploads
    if asked.bytes > settings.max_large_bytes:
        raise TooLarge(
            f"A file has at most {settings.max_large_bytes:,} bytes, this one has {asked.bytes:,}.",
            max_bytes=settings.max_large_bytes,
        )
    if not any(names_format(asked.content_type.lower(), format) for format in settings.formats):
        raise FormatNotAllowed("No picture of this media type is taken.")
    key = None if asked.key is None else checked_key(asked.key)
    principal.require_key(key)
    return key
