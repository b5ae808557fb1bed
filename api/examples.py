"""What the OpenAPI document shows as examples: answers as the API would give them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from api import models
from api.problems import Problem
from renderer.cache.tags import original_tag

_SOURCE: Final = "s3://originals/shoes/123.jpg"
_PURGE: Final = models.Purge(id="6f1f5c3a-5d0e-4a39-9d2b-6f4b4f0c7c11")
_STORED: Final = models.ImageStored(
    key="shoes/123.jpg",
    bucket="originals",
    source_url=_SOURCE,
    source_encoded=urlsafe_b64encode(_SOURCE.encode()).decode().rstrip("="),
    content_type="image/jpeg",
    bytes=183_422,
    width=1600,
    height=1200,
    frames=1,
    etag='"9b2cf535f27731c974343645a3985328"',
    sha256="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    cache_tag=original_tag(_SOURCE),
    last_modified="2026-11-02T10:20:30Z",
    uploaded_by="shop",
    file_name="shoe.jpg",
    purge=_PURGE,
)
_DELETED: Final = models.ImageDeleted(key=_STORED.key, cache_tag=_STORED.cache_tag, purge=_PURGE)
_TICKET_ID: Final = "0193f0c2a6d87c6e9f5e2b7d41c8a055"

EXAMPLES: Final[Mapping[type[BaseModel], BaseModel]] = {
    models.ImageStored: _STORED,
    models.ImageDeleted: _DELETED,
    models.UploadTicket: models.UploadTicket(
        id=_TICKET_ID,
        url="https://originals.s3.eu-central-1.amazonaws.com/",
        fields={
            "key": f"incoming/{_TICKET_ID}",
            "Content-Type": "image/tiff",
            "policy": "...",
            "x-amz-signature": "...",
        },
        key="posters/spring.tiff",
        max_bytes=60_000_000,
        expires_at="2026-11-02T10:25:30Z",
        status=f"/uploads/{_TICKET_ID}",
    ),
    models.UploadStatus: models.UploadStatus(id=_TICKET_ID, state="waiting"),
}
"""An instance of every model that is answered with."""


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """The example as JSON has it."""
    return EXAMPLES[model].model_dump(mode="json")


def problem_example(kind: type[Problem], members: type[BaseModel] | None = None) -> dict[str, Any]:
    """A problem as JSON has it; its detail is only as plain as its kind."""
    return kind(f"{kind.title}.", **(example_of(members) if members else {})).document()
