"""Where a request says it comes from (spec 03 section 2.5): for logs and traces only, anyone may claim anything."""

from __future__ import annotations

from typing import Final

from aiohttp import web

_LIST: Final = "X-Forwarded-For"
_CLAIMS: Final = ("CF-Connecting-IP", _LIST, "X-Real-IP")

MAX_LENGTH: Final = 100
"""The longest address with a zone is far shorter; logs need no more of what somebody makes up."""


def client_ip(request: web.BaseRequest) -> str:
    """`CF-Connecting-IP`, the first of `X-Forwarded-For`, `X-Real-IP`, or the peer's address."""
    headers = request.headers
    for name in _CLAIMS:
        claimed = headers.get(name)
        if claimed is not None and (text := _first(name, claimed)):
            return text[:MAX_LENGTH]
    return request.remote or ""


def _first(name: str, claimed: str) -> str:
    """What a header claims; the first of a list is the client."""
    return (claimed.partition(",")[0] if name == _LIST else claimed).strip()
