"""Validators of files that this server reads itself: how they are made and compared (spec 03 sections 4.5 and 4.6)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from renderer.response.validators import Conditions, http_date, parse_http_date
from renderer.scalars import encode_base64url
from renderer.sources.source import SourceHeaders

_NANOSECONDS: Final = 1_000_000_000
_MOST_FILES: Final = 1024
"""Whose headers are remembered, of 1 KB each: a page shows a picture in several sizes."""


@lru_cache(maxsize=_MOST_FILES)
def file_headers(key: str, *, size: int, modified_ns: int) -> SourceHeaders:
    """The validators of a file. The key counts as it was asked for, so two spellings of one file have two ETags."""
    digest = hashlib.sha256(f"/{key}__{size}__{modified_ns}".encode("utf-8", "surrogateescape")).digest()
    return SourceHeaders(
        etag=f'"{encode_base64url(digest)}"',
        last_modified=http_date(datetime.fromtimestamp(modified_ns // _NANOSECONDS, UTC)),
    )


def is_not_modified(headers: SourceHeaders, conditions: Conditions) -> bool:
    """Whether the client's copy is current.

    If-None-Match decides alone when there is an ETag; it is one tag, compared without `W/` and quotes: neither lists
    nor `*` match. Otherwise Last-Modified must not be later than If-Modified-Since.
    """
    if conditions.if_none_match and headers.etag:
        return _bare_tag(conditions.if_none_match) == _bare_tag(headers.etag)
    since = _moment(conditions.if_modified_since)
    if since is None:
        return False
    modified = _moment(headers.last_modified)
    return modified is not None and modified <= since


def _bare_tag(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')


def _moment(text: str | None) -> datetime | None:
    return parse_http_date(text) if text else None
