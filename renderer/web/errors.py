"""Exception -> response: the one place where an error gets a status on the wire (spec 03 section 2.12)."""

from __future__ import annotations

from aiohttp import web

from renderer.errors import BildwerkError, InternalError, TooManyRequests
from renderer.web.error_page import error_page, error_text

BLANK_BODY = b" "
"""Bodies of routes that say nothing: adapters in front of the server drop empty ones."""


class ClientGone(ConnectionError):
    """The client's connection ended while something was written to it; that a source's has ended is another thing."""


def as_error(error: Exception) -> BildwerkError:
    """The error as one of ours; what was not foreseen is our fault."""
    if isinstance(error, BildwerkError):
        return error
    unexpected = InternalError(f"{type(error).__name__}: {error}")
    unexpected.__cause__ = error
    return unexpected


def error_response(error: BildwerkError) -> web.Response:
    """The public sentence."""
    response = web.Response(status=error.status, body=error.public.encode(), headers={"Content-Type": "text/plain"})
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def development_response(error: BildwerkError, *, accept: str, request_id: str) -> web.Response:
    """Everything that is known: a page for browsers, else text."""
    response = error_response(error)
    if "text/html" in accept:
        response.text = error_page(error, request_id=request_id)
        response.content_type = "text/html"
    else:
        response.text = error_text(error)
    response.charset = "utf-8"
    return response


def blank_response(status: int) -> web.Response:
    """A response of one space."""
    return web.Response(status=status, body=BLANK_BODY, headers={"Content-Type": "text/plain"})
