"""Where a request says it comes from (spec 03 section 2.5): for logs and traces only, anyone may claim anything."""

from __future__ import annotations

from typing import Final

from aiohttp import web

MAX_LENGTH: Final = 100
"""The longest address with a zone is far shorter; logs need no more of what somebody makes up."""


def client_ip(request: web.BaseRequest) -> str:
    """`CF-Connecting-IP`, the first of `X-Forwarded-For`, `X-Real-IP`, or the peer's address."""
    headers = request.headers
    claimed = (
        headers.get("CF-Connecting-IP", ""),
        headers.get("X-Forwarded-For", "").partition(",")[0],
        headers.get("X-Real-IP", ""),
    )
    return next((text.strip()[:MAX_LENGTH] for text in claimed if text.strip()), request.remote or "")
