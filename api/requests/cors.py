"""Cross-origin requests from browsers (the Fetch standard), for the origins that the settings name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_METHODS: Final = "GET, HEAD, POST, PUT, DELETE"
_HEADERS: Final = "Authorization, Content-Type, If-Match, If-None-Match"
_EXPOSED: Final = "ETag, Location, Content-Location, Retry-After"
_MAX_AGE: Final = "600"
"""Seconds that a browser may keep a preflight's answer; Chromium keeps none for longer than two hours."""


def cors_headers(origin: str, allowed: Sequence[str], *, is_preflight: bool = False) -> dict[str, str]:
    """The headers for a page of an origin; none where CORS is off.

    Credentials are never allowed: tokens come in a header that a page sets itself.
    """
    if not allowed:
        return {}
    is_allowed = "*" in allowed or origin in allowed
    headers = {} if "*" in allowed else {"Vary": "Origin"}
    if not origin or not is_allowed:
        return headers
    headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
    if is_preflight:
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Allow-Headers"] = _HEADERS
        headers["Access-Control-Max-Age"] = _MAX_AGE
    else:
        headers["Access-Control-Expose-Headers"] = _EXPOSED
    return headers
