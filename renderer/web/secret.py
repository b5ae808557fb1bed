"""The bearer secret before processing requests (spec 03 section 2.3)."""

from __future__ import annotations

import hmac

from renderer.errors import Forbidden


def check_secret(authorization: str, secret: str) -> None:
    """Compares the whole `Authorization` value in constant time.

    Raises:
        Forbidden: it is another one.
    """
    if not secret:
        return
    expected = f"Bearer {secret}".encode()
    if not hmac.compare_digest(authorization.encode("utf-8", "surrogateescape"), expected):
        raise Forbidden("Invalid or missing secret")
