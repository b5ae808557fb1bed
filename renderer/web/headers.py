"""Headers that every response has (spec 03 section 2.4)."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

CONTENT_SECURITY_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


def set_common_headers(headers: MutableMapping[str, str], *, request_id: str, server_name: str) -> None:
    """Names the server and the request, and forbids whatever a response might contain to act."""
    headers["Server"] = server_name
    headers["X-Request-Id"] = request_id
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY


def set_cors_headers(headers: MutableMapping[str, str], *, allow_origin: str) -> None:
    """Lets pages of other origins read the response, if the settings name them."""
    if allow_origin:
        headers["Access-Control-Allow-Origin"] = allow_origin
        headers["Access-Control-Allow-Methods"] = "GET, OPTIONS"
