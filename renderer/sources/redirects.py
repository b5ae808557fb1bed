"""Where a redirect leads and what the next request carries.

Redirects stay on http and https, whatever other sources are configured: an origin must not read this server's files.
Credentials and the client's cookies go along while the host stays or becomes a subdomain of the one they were given
for, and never from https to http; once left behind they stay behind. A Host header that somebody chose goes along with
redirects that name no host (spec 03 section 4.2).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from yarl import URL

from renderer.errors import SourceError
from renderer.sources.cookies import Cookies
from renderer.sources.http_url import http_target, source_target
from renderer.sources.object_url import scheme_of
from renderer.sources.request_headers import RequestHeaders

REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An Authorization header, cookies of the client, and the host that they are for."""

    authorization: str | None
    host: str
    cookies: Cookies = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One request on the way to a source. `host` stands in for the Host header that the URL gives."""

    url: URL
    referer: str | None = None
    credentials: Credentials | None = None
    host: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What this hop adds to the headers that every hop sends, cookies aside."""
        headers = {}
        if self.host is not None:
            headers["Host"] = self.host
        if self.referer is not None:
            headers["Referer"] = self.referer
        if self.credentials is not None and self.credentials.authorization is not None:
            headers["Authorization"] = self.credentials.authorization
        return headers

    @property
    def cookies(self) -> Cookies:
        """The client's cookies that this hop carries."""
        return () if self.credentials is None else self.credentials.cookies


def first_hop(url: str) -> Hop:
    """The request for a source URL; raises SourceError if the URL cannot be requested."""
    target = source_target(url)
    return Hop(url=target.url, credentials=_credentials(target.authorization, target.url))


def carrying(hop: Hop, headers: RequestHeaders) -> Hop:
    """The first hop with what is for its host alone; an Authorization header wins over the URL's user info."""
    own = hop.credentials
    authorization = headers.authorization or (own.authorization if own else None)
    if authorization is None and not headers.cookies:
        return dataclasses.replace(hop, host=headers.host)
    host = hop.url.raw_host or ""
    credentials = Credentials(authorization=authorization, host=host, cookies=headers.cookies)
    return dataclasses.replace(hop, host=headers.host, credentials=credentials)


def next_hop(hop: Hop, location: str) -> Hop:
    """The request that `location`, a Location header in the answer to `hop`, asks for.

    Raises:
        SourceError: it leads away from http(s) or nowhere.
    """
    try:
        # urljoin would take `http:///x` for a path on the host that answered.
        absolute = location if scheme_of(location) else urljoin(str(hop.url), location)
    except ValueError as error:
        raise SourceError(f"Source redirects to a malformed URL: {location[:1000]!r}") from error
    if scheme_of(absolute) not in ("http", "https"):
        raise SourceError(f"Source redirects to something that is not http(s): {absolute[:1000]!r}")
    target = http_target(absolute)
    is_downgrade = hop.url.scheme == "https" and target.url.scheme == "http"
    kept = None if is_downgrade else _kept(hop.credentials, target.url)
    is_same_host = not scheme_of(location) and target.url.raw_host == hop.url.raw_host
    return Hop(
        url=target.url,
        referer=None if is_downgrade else str(hop.url),
        credentials=_credentials(target.authorization, target.url, kept.cookies if kept else ()) or kept,
        host=hop.host if is_same_host else None,
    )


def _credentials(authorization: str | None, url: URL, cookies: Cookies = ()) -> Credentials | None:
    if authorization is None:
        return None
    return Credentials(authorization=authorization, host=url.raw_host or "", cookies=cookies)


def _kept(credentials: Credentials | None, url: URL) -> Credentials | None:
    host = url.raw_host or ""
    if credentials is None or host == credentials.host or host.endswith("." + credentials.host):
        return credentials
    return None
