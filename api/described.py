"""An original as an answer tells of it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from urllib.parse import quote

from api.models import ImageStored, Purge
from api.purging import cache_tag
from api.services import Services
from api.stores.originals import Original


def described(services: Services, original: Original, purge: Purge | None = None) -> ImageStored:
    """All that is known of an original; what only its uploader could know is null where somebody else put it there."""
    facts = original.facts
    source_url = services.originals.source_url(original.key)
    return ImageStored(
        key=original.key,
        bucket=services.settings.store.bucket,
        source_url=source_url,
        source_encoded=base64.urlsafe_b64encode(source_url.encode()).rstrip(b"=").decode(),
        content_type=original.content_type,
        bytes=original.size,
        width=facts.width if facts else None,
        height=facts.height if facts else None,
        frames=facts.frames if facts else None,
        etag=original.etag,
        sha256=facts.sha256 if facts else None,
        cache_tag=cache_tag(services, original.key),
        last_modified=rfc3339(original.modified_at),
        uploaded_by=(facts.uploaded_by or None) if facts else None,
        file_name=(facts.file_name or None) if facts else None,
        purge=purge,
    )


def headers_of(original: Original) -> dict[str, str]:
    """The headers that go with it: where it is, and its validator."""
    return {"ETag": original.etag, "Content-Location": path_of(original.key)}


def path_of(key: str) -> str:
    """The path of an original in this API, to be appended to the API's address."""
    return f"/images/{quote(key)}"


def rfc3339(at: float) -> str:
    """A moment in UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
