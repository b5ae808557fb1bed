"""Exception -> response: the one place where an error gets a status on the wire (spec 03 section 2.12)."""

from __future__ import annotations

import logging
import traceback

from aiohttp import web

from renderer.errors import BildwerkError, InternalError

_log = logging.getLogger(__name__)

BLANK_BODY = b" "
"""Bodies of routes that say nothing: adapters in front of the server drop empty ones."""


def as_error(error: Exception) -> BildwerkError:
    """The error as one of ours; what was not foreseen is our fault."""
    if isinstance(error, BildwerkError):
        return error
    unexpected = InternalError(f"{type(error).__name__}: {error}")
    unexpected.__cause__ = error
    return unexpected


def error_response(error: BildwerkError, *, is_development: bool) -> web.Response:
    """The public sentence, or in development mode everything that is known."""
    if not is_development:
        return web.Response(status=error.status, body=error.public.encode(), headers={"Content-Type": "text/plain"})
    text = f"{error or error.public}\n\n{''.join(traceback.format_exception(error))}"
    return web.Response(status=error.status, text=text, content_type="text/plain", charset="utf-8")


def blank_response(status: int) -> web.Response:
    """A response of one space."""
    return web.Response(status=status, body=BLANK_BODY, headers={"Content-Type": "text/plain"})


def log_error(error: BildwerkError, *, target: str, request_id: str) -> None:
    """One line that says why; faults of our own come with their trace."""
    level = logging.ERROR if error.status >= 500 else logging.WARNING
    _log.log(
        level,
        "%s %s: %s (%s) request_id=%s",
        error.status,
        target,
        error or error.public,
        type(error).__name__,
        request_id,
        exc_info=error if isinstance(error, InternalError) else None,
    )
