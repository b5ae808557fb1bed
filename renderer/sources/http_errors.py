"""What aiohttp raises -> what a request can end with."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import aiohttp

from renderer.errors import (
    SourceAddressForbidden,
    SourceError,
    SourceIncomplete,
    SourceStatus,
    SourceTimeout,
    SourceUnreachable,
    StoreUnreachable,
)
from renderer.sources.guard import AddressRefused

_ERROR_CHARACTERS: Final = 300


@contextmanager
def origin_errors() -> Generator[None]:
    """Turns what aiohttp and a time limit raise inside into a SourceError."""
    try:
        yield
    except TimeoutError as error:
        raise SourceTimeout(f"Source timed out: {brief(error)}") from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, AddressRefused):
            raise SourceAddressForbidden(f"Source address is not allowed: {error.host}") from error
        if isinstance(error.os_error, TimeoutError):
            raise SourceTimeout(f"Source timed out: {brief(error)}") from error
        raise SourceUnreachable(f"Can't connect to source: {brief(error)}") from error
    except aiohttp.ClientPayloadError as error:
        raise SourceIncomplete(f"Source response is incomplete: {brief(error)}") from error
    except aiohttp.ClientError as error:
        raise SourceError(f"Can't download source image: {brief(error)}") from error


@contextmanager
def store_errors() -> Generator[None]:
    """As `origin_errors`, for object stores: one that is out of reach says nothing about the object, which is 502."""
    try:
        with origin_errors():
            yield
    except SourceUnreachable as error:
        raise StoreUnreachable(str(error)) from error
    except SourceError as error:
        if isinstance(error.__cause__, aiohttp.ClientConnectionError):
            raise SourceStatus(str(error), source_status=502) from error
        raise


@contextmanager
def late_errors() -> Generator[None]:
    """Says of every error that it came after the headers."""
    try:
        yield
    except SourceError as error:
        error.is_late = True
        raise


def brief(error: Exception) -> str:
    """What an error says: not its repr, which has the request's headers, and not all of a body that it may quote."""
    return f"{type(error).__name__}: {str(error)[:_ERROR_CHARACTERS]}"
