"""Large files on their way: a form that S3 itself checks, the file under `incoming/`, and what became of it beside it.

The form's policy binds everything: the key, the media type, the exact number of bytes, the metadata, five minutes. So
nothing that is read here was chosen by the sender alone but the bytes. A lifecycle rule removes what is left in
`incoming/` after a day.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

from api.keys import INCOMING
from api.problems import InvalidKey, StoreUnavailable, TooLarge
from api.settings import StoreSettings
from api.stores.aws import Clients, store_errors
from renderer.scalars import decode_base64url, encode_base64url

LIFETIME_SECONDS: Final = 300
"""Of a form; a file that has begun to arrive by then may go on."""

_ID: Final = re.compile(r"[0-9a-f]{32}")
_FILE: Final = re.compile(rf"{INCOMING}({_ID.pattern})/file")
_METADATA_BYTES: Final = 2_048
"""S3: of all names and values of an object's metadata together."""
_META: Final = "x-amz-meta-"
_SAFE: Final = "/:;,.()@!"
_BASE64: Final = "="
"""Begins a value in base64, which is shorter for scripts of which each character would be nine bytes."""
_OUTCOME_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_READ_SECONDS: Final = 60.0
"""For a whole file: 100 MiB at 2 MB/s. No caller of the API waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A file that has arrived.

    Attributes:
        data: its bytes.
        metadata: as they were given to `presign`.
        content_type: likewise.
        etag: with its quotes.
    """

    data: bytes
    metadata: Mapping[str, str]
    content_type: str
    etag: str


class Incoming(Protocol):
    """Files on their way, by ids of 32 hexadecimal digits. Every method may raise StoreUnavailable."""

    def presign(
        self, id: str, *, content_type: str, size: int, metadata: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """URL and fields of a form; the file comes last in it, as `file`.

        Args:
            id: new.
            content_type: that the file has to be sent with.
            size: exact, in bytes.
            metadata: comes back with the file, whatever its characters; names are lower-case words.

        Raises:
            InvalidKey: there are more metadata than the store keeps, which only a very long key can bring about.
        """

    def id_of(self, key: str) -> str | None:
        """The id of a file that an event of the store names; None for all else that is there."""

    def read(self, id: str) -> Arrived | None:
        """The file, None if it is not there, or not any more.

        Raises:
            TooLarge: it has more bytes than any ticket allows; none of them has been read.
        """

    def remove(self, id: str) -> None:
        """Takes the file away; that there is none is no error."""

    def write_outcome(self, id: str, document: bytes) -> None:
        """Writes down what became of the file, instead of what was written down before."""

    def read_outcome(self, id: str) -> bytes | None:
        """What became of the file, None if nothing was written down."""


class S3Incoming:
    """Files on their way into the bucket that the settings name.

    Args:
        settings: of the store.
        max_bytes: of a file.
        clients: to share; else they are made from the settings.
        lifetime_seconds: of a form.
    """

    def __init__(
        self,
        settings: StoreSettings,
        *,
        max_bytes: int,
        clients: Clients | None = None,
        lifetime_seconds: int = LIFETIME_SECONDS,
    ) -> None:
        self._bucket = settings.bucket
        self._max_bytes = max_bytes
        self._clients = clients or Clients(settings)
        self._lifetime_seconds = lifetime_seconds

    def presign(
        self, id: str, *, content_type: str, size: int, metadata: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """URL and fields of a form, signed without asking anybody."""
        coded = {f"{_META}{name}": _coded(value) for name, value in metadata.items()}
        if sum(len(name) - len(_META) + len(value) for name, value in coded.items()) > _METADATA_BYTES:
            raise InvalidKey("The key is too long for a large upload.")
        fixed = {"Content-Type": content_type, **coded}
        with store_errors():
            form = self._clients.s3.generate_presigned_post(
                self._bucket,
                _file(id),
                Fields=dict(fixed),
                Conditions=[*({name: value} for name, value in fixed.items()), ["content-length-range", size, size]],
                ExpiresIn=self._lifetime_seconds,
            )
        return str(form["url"]), dict(form["fields"])

    def id_of(self, key: str) -> str | None:
        """The id of a file that an event of the store names; None for all else that is there."""
        found = _FILE.fullmatch(unquote(key))
        return found[1] if found else None

    def read(self, id: str) -> Arrived | None:
        """The file, None if it is not there, or not any more."""
        with store_errors():
            answer = self._opened(_file(id))
            if answer is None:
                return None
            data = _whole(answer, self._max_bytes)
        metadata = {name: _decoded(value) for name, value in answer.get("Metadata", {}).items()}
        return Arrived(data=data, metadata=metadata, content_type=answer.get("ContentType", ""), etag=answer["ETag"])

    def remove(self, id: str) -> None:
        """Takes the file away; that there is none is no error."""
        with store_errors():
            self._clients.s3.delete_object(Bucket=self._bucket, Key=_file(id))

    def write_outcome(self, id: str, document: bytes) -> None:
        """Writes down what became of the file, instead of what was written down before."""
        with store_errors():
            self._clients.s3.put_object(
                Bucket=self._bucket, Key=_outcome(id), Body=document, ContentType="application/json"
            )

    def read_outcome(self, id: str) -> bytes | None:
        """What became of the file, None if nothing was written down."""
        if not _ID.fullmatch(id):
            return None
        with store_errors():
            answer = self._opened(_outcome(id))
            return None if answer is None else _whole(answer, _OUTCOME_BYTES)

    def _opened(self, key: str) -> Any:  # noqa: ANN401  the SDK has no types
        s3 = self._clients.s3
        try:
            return s3.get_object(Bucket=self._bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            return None


def _whole(answer: Any, max_bytes: int) -> bytes:  # noqa: ANN401  as above
    """All bytes of an object. The SDK checks their number, and their checksum where the store has one."""
    deadline = time.monotonic() + _READ_SECONDS
    # Its value is its buffer, not a copy.
    data = BytesIO()
    with closing(answer["Body"]) as body:
        if answer["ContentLength"] > max_bytes:
            raise TooLarge(f"A file has at most {max_bytes:,} bytes.", max_bytes=max_bytes)
        while chunk := body.read(_CHUNK_BYTES):
            data.write(chunk)
            if data.tell() > max_bytes or time.monotonic() > deadline:
                raise StoreUnavailable("The store of originals is too slow.")
    return data.getvalue()


def _file(id: str) -> str:
    return f"{INCOMING}{_checked(id)}/file"


def _outcome(id: str) -> str:
    return f"{INCOMING}{_checked(id)}/outcome.json"


def _checked(id: str) -> str:
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id of a file on its way")
    return id


def _coded(value: str) -> str:
    """A value as HTTP headers and forms carry it unchanged: percent-encoded, or in base64 where that is shorter."""
    encoded, shorter = quote(value, safe=_SAFE), _BASE64 + encode_base64url(value.encode())
    return shorter if len(shorter) < len(encoded) else encoded


def _decoded(value: str) -> str:
    return decode_base64url(value[len(_BASE64) :]).decode() if value.startswith(_BASE64) else unquote(value)
