"""What all settings together do to results, as one text: results of other settings are never found (DESIGN section 5).

Every row of the tables below counts but those that are named here, so that a new setting cannot be forgotten. Settings
that refuse a source count too, because a stored result is sent without fetching it: what a stricter setting refuses
must not come from the time of a laxer one. Secrets do not count: rotating one must not empty the store.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from renderer.settings.declare import rows
from renderer.settings.load import TABLES, Settings

_UNCOUNTED: Final = {
    "formats": frozenset[str](),
    "pixels": frozenset[str](),
    "watermark": frozenset({"path"}),  # its bytes count, wherever they lie
    "s3": frozenset[str](),
    "gcs": frozenset[str](),
    "abs": frozenset[str](),
    "swift": frozenset({"timeout_seconds", "connect_timeout_seconds"}),
    # What a URL may say, and whether it may say so, is asked of each request.
    "security": frozenset({"signature_size", "allow_security_options"}),
    "headers": frozenset({"custom_response_text", "separator"}),
    "sources": frozenset(
        {
            # The source URL is in the key as it is after these.
            "base_url",
            "url_replacements",
            "base64_url_includes_filename",
            # Asked of each request.
            "allowed_sources",
            # How long and how much at once, not what.
            "download_timeout_seconds",
            "client_keep_alive_timeout_seconds",
            "max_source_bytes_in_flight",
            "origin_failures",
            "origin_max_pause_seconds",
            "origin_max_waiting",
        }
    ),
}


def settings_fingerprint(settings: Settings, *, versions: Iterable[str], watermark: bytes | None = None) -> str:
    """64 hexadecimal digits; equal for settings whose results are equal.

    Args:
        settings: after formats that cannot be saved were dropped.
        versions: of everything that makes bytes: libvips, optional codecs.
        watermark: the file of the watermark; None without one.
    """
    digest = hashlib.sha256()
    for text in _texts(settings, versions):
        encoded = text.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(encoded) + encoded)
    digest.update(b"watermark" + hashlib.sha256(watermark).digest() if watermark is not None else b"none")
    return digest.hexdigest()


def _texts(settings: Settings, versions: Iterable[str]) -> Iterator[str]:
    yield from sorted(versions)
    for name, uncounted in _UNCOUNTED.items():
        table = getattr(settings, name)
        for attribute, row in rows(TABLES[name]).items():
            if attribute not in uncounted and not row.is_secret:
                yield f"{name}.{attribute}"
                yield _text(getattr(table, attribute))
    # Of sharing, only this changes pixels.
    yield f"larger {settings.sharing.decode == 'larger'}"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ",".join(repr(_text(item)) for item in value) + ")"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    return str(value)
