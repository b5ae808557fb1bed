"""The requests of one download; imported by `api.urls.downloads` when there is one, because aiohttp takes its time.

Redirects are followed here, not by aiohttp: each is checked for its scheme, and its address where the connection is
made. Nothing goes along: no credentials, no cookies, no referrer, and the environment's proxies and netrc are not read.

We ask for no coding; gzip is decoded all the same, because object stores send it to everybody, and counted decoded. All
other codings are refused. A body that is longer than announced is noticed if its surplus comes with its head; HTTP
has no way to tell what comes later from the next answer, and nobody reads that.

To whoever asks, an address that refuses, one that does not answer and a name that does not exist are the same, because
otherwise the API would be a scanner of ports.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from api import problems
from api.settings import UploadSettings
from api.urls.downloaded import Downloaded
from api.urls.file_names import disposition_name, url_name
from api.urls.public_addresses import PublicGuard
from renderer.errors import SourceAddressForbidden, SourceError, SourceTooLarge
from renderer.settings.sources import SourceSettings
from renderer.sources.connections import Connections
from renderer.sources.guard import AddressRefused, GuardedResolver
from renderer.sources.http_body import collect, gunzipped
from renderer.sources.http_url import http_target
from renderer.sources.object_url import scheme_of
from renderer.sources.redirects import REDIRECT_STATUSES
from renderer.version import VERSION

_log = logging.getLogger(__name__)

MAX_REDIRECTS: Final = 3
CONNECT_SECONDS: Final = 3.0
"""For looking a name up, connecting and TLS together."""

_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}
_CONNECTIONS: Final = SourceSettings(user_agent=f"bildwerk/{VERSION}", client_keep_alive_timeout_seconds=0)
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_FORBIDDEN: Final = "The URL, or a redirect, leads to an address that is not public."
_UNREACHABLE: Final = (
    "The source does not answer: its name has no address, no connection can be made, it breaks before an answer, or the"
    " certificate is not valid for it."
)
_INCOMPLETE: Final = "The answer broke off, is no HTTP, or is not as long or not coded as the source announces it."


async def fetch(url: str, settings: UploadSettings, resolver: AbstractResolver | None) -> Downloaded:
    """The file behind the URL; raises as `api.urls.downloads.download` does."""
    try:
        async with asyncio.timeout(settings.url_seconds):
            return await _fetched(url, settings, resolver or aiohttp.ThreadedResolver())
    except TimeoutError:
        raise problems.SourceTimeout(f"The file was not there within {settings.url_seconds:g} seconds.") from None


async def _fetched(url: str, settings: UploadSettings, resolver: AbstractResolver) -> Downloaded:
    guard = PublicGuard(settings)
    guarded = GuardedResolver(resolver, guard)
    connections = Connections(_CONNECTIONS, guard, guarded, connect_seconds=CONNECT_SECONDS)
    try:
        response = await _answer(connections, url, settings)
        try:
            return Downloaded(
                data=await _body(response, settings.max_large_bytes),
                content_type=_media_type(response),
                file_name=disposition_name(response.headers.get("Content-Disposition", "")) or url_name(url),
            )
        finally:
            response.close()
    finally:
        await connections.close()
        await guarded.close()


async def _answer(connections: Connections, url: str, settings: UploadSettings) -> aiohttp.ClientResponse:
    """The answer 200 at the end of the redirects; the caller closes it."""
    target = _target(url, settings)
    for _ in range(MAX_REDIRECTS + 1):
        with _connecting():
            response = await connections.get(target, _HEADERS, None)
        if response.status == 200:
            return response
        response.close()
        location = response.headers.get("Location")
        if response.status not in REDIRECT_STATUSES or not location:
            raise problems.SourceStatus(
                f"The source answered with status {response.status} instead of 200.", source_status=response.status
            )
        target = _target(_absolute(target, location), settings)
    raise problems.SourceRedirects(f"The source redirects more than {MAX_REDIRECTS} times.")


def _target(url: str, settings: UploadSettings) -> URL:
    """What is requested for a URL, if its scheme is open."""
    scheme = scheme_of(url)
    if scheme != "https" and not (scheme == "http" and settings.allow_http):
        allowed = "https or http" if settings.allow_http else "https"
        raise problems.SourceSchemeForbidden(f"The URL, or a redirect, has another scheme than {allowed}.")
    try:
        target = http_target(url)
    except SourceError:
        raise problems.SourceUnreachable(
            "The URL, or a redirect, is none: it has no host, a number for a host, a character that must be escaped or"
            " a broken escape."
        ) from None
    if target.authorization is not None:
        raise problems.SourceUnreachable("The URL, or a redirect, has user info, and no source is sent credentials.")
    return target.url


def _absolute(target: URL, location: str) -> str:
    try:
        # urljoin would take `https:///x` for a path on the host that answered.
        return location if scheme_of(location) else urljoin(str(target), location)
    except ValueError:
        raise problems.SourceUnreachable("The source redirects to something that is no URL.") from None


async def _body(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The decoded body; a source that announces too much is not read at all."""
    if (response.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    coding = ",".join(response.headers.getall("Content-Encoding", ())).strip().lower()
    if coding not in _GZIP | {"", "identity"}:
        raise problems.SourceIncomplete("The file has a coding that was not asked for, and is not gzip.")
    chunks = response.content.iter_any()
    try:
        return await collect(gunzipped(chunks) if coding in _GZIP else chunks, max_bytes=max_bytes)
    except SourceTooLarge:
        raise _too_large(max_bytes) from None
    except (SourceError, aiohttp.ClientError, OSError) as error:
        raise _incomplete(error) from None


def _incomplete(error: Exception) -> problems.SourceIncomplete:
    _log.info("The source of an upload is incomplete: %s", _kind(error))
    return problems.SourceIncomplete(_INCOMPLETE)


def _too_large(max_bytes: int) -> problems.SourceTooLarge:
    return problems.SourceTooLarge(f"The file has more than {max_bytes:,} bytes.", max_bytes=max_bytes)


def _media_type(response: aiohttp.ClientResponse) -> str | None:
    media_type = response.headers.get("Content-Type", "")[:1000].partition(";")[0].strip().lower()
    return media_type if media_type.isascii() and media_type.isprintable() and media_type else None


@contextmanager
def _connecting() -> Generator[None]:
    """Turns what comes before an answer into a problem; nothing of the error's text may go on, it has addresses."""
    try:
        yield
    except SourceAddressForbidden:
        raise problems.SourceForbiddenAddress(_FORBIDDEN) from None
    except aiohttp.ClientResponseError as error:
        # No HTTP, too long a header, or, in one packet with the head, a body that is wrongly coded or too long.
        raise _incomplete(error) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Python's encodings of host names raise ValueErrors of several kinds.
        if isinstance(getattr(error, "os_error", None), AddressRefused):
            raise problems.SourceForbiddenAddress(_FORBIDDEN) from None
        _log.info("The source of an upload is unreachable: %s", _kind(error))
        raise problems.SourceUnreachable(_UNREACHABLE) from None


def _kind(error: Exception) -> str:
    """What went wrong, without host and address."""
    number = getattr(error, "errno", None)
    return " ".join(filter(None, (type(error).__name__, errno.errorcode.get(number or 0))))
