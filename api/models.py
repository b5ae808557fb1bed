"""What goes over the wire as JSON: the same models validate it and describe it in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.keys import PATTERN

Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        json_schema_extra={"pattern": PATTERN},  # told, not checked: `api.keys` says which rule is broken
        description="Name of the original in the store: Unicode NFC, 1 to 1,024 bytes of UTF-8, parts between slashes"
        " none of which is empty, `.` or `..`; no `?`, no control characters; not under `incoming/`.",
        examples=["shoes/123.jpg"],
    ),
]


class _Asked(BaseModel):
    """A body that is read: what it does not know is an error, so that a misspelt member is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Told(BaseModel):
    """A body that is written."""

    model_config = ConfigDict(frozen=True)


class ImageByURL(_Asked):
    """A picture that is to be fetched."""

    url: str = Field(
        min_length=1,
        max_length=8192,
        description="Where the picture is; https, and at a public address.",
        examples=["https://example.com/shoe.jpg"],
    )
    key: Key | None = None


class ImageForm(BaseModel):
    """A picture in a form; fields that tools and browsers add are not looked at."""

    file: bytes = Field(description="The picture; its file name is kept.")
    key: Key | SkipJsonSchema[None] = None


class UploadAsked(_Asked):
    """A large file that is to come."""

    content_type: str = Field(
        pattern=r"^image/[A-Za-z0-9.+-]+$", max_length=100, description="Its media type.", examples=["image/jpeg"]
    )
    bytes: int = Field(gt=0, description="Its exact size.")
    key: Key | None = None


class Purge(_Told):
    """A purge that is under way."""

    id: str = Field(
        description="Of the message in the queue: the log of the first purge names it; its repeat has another one."
    )
    state: Literal["queued"] = "queued"


class ImageStored(_Told):
    """An original in the store."""

    key: str
    bucket: str = Field(description="Bucket of the store; empty where that is a folder.")
    source_url: str = Field(description="How a processing URL names the original: `/plain/` and this.")
    source_encoded: str = Field(description="The same in URL-safe base64, which needs no escaping anywhere.")
    content_type: str
    bytes: int
    width: int | None = Field(description="Pixels of one frame, upright. Null where the API has not stored it.")
    height: int | None
    frames: int | None
    etag: str = Field(description="For `If-Match`, with its quotes.")
    sha256: str | None
    cache_tag: str = Field(description="The tag that every rendition carries in its `Cache-Tag` header.")
    last_modified: str = Field(description="RFC 3339.")
    uploaded_by: str | None
    file_name: str | None
    purge: Purge | None = Field(default=None, description="The purge of what was there before; null if none is needed.")


class ImageDeleted(_Told):
    """An original that is gone."""

    key: str
    cache_tag: str
    purge: Purge


class UploadTicket(_Told):
    """Where a large file is to be sent: a form with these fields, and the file as the last one, `file`."""

    id: str
    url: str
    fields: dict[str, str]
    key: str | None = Field(description="The key that it will have; null if that follows from its content.")
    max_bytes: int
    expires_at: str = Field(description="RFC 3339.")
    status: str = Field(description="Path that tells what became of it.")


class UploadStatus(_Told):
    """What became of a large file."""

    id: str
    state: Literal["waiting", "stored", "refused"]
    image: ImageStored | None = None
    problem: dict[str, Any] | None = Field(default=None, description="Why it was refused.")


class ProblemDocument(_Told):
    """RFC 9457."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
