"""Results for tests of where they are kept."""

from __future__ import annotations

import hashlib
from typing import Any

from renderer.cache.entry import StoredResult
from renderer.cache.tags import original_tag

PICTURE = "s3://originals/a.jpg"
WATERMARK = "https://example.com/mark.png"
TAG = original_tag(PICTURE)


def key(number: int = 0) -> str:
    """A key."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def result(**changes: Any) -> StoredResult:
    """A result that has been begun at second 1,000."""
    facts: dict[str, Any] = {
        "body": b"picture",
        "format": "webp",
        "origin_size": (4000, 3000),
        "result_size": (300, 225),
        "source_bytes": 123_456,
        "etag": '"abc"',
        "last_modified": "Sun, 06 Nov 1994 08:49:37 GMT",
        "cache_control": "max-age=60",
        "passed": (("X-Rights", "all"),),
        "originals": (PICTURE,),
        "began_at": 1000.0,
        "fresh_until": 2000.0,
    }
    return StoredResult(**{**facts, **changes})
