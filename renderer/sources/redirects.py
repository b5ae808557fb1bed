"""Where a redirect leads and what the next request carries.

Redirects stay on http and https, whatever other sources are configured: an origin must not read this server's files.
Credentials go along while the host stays or becomes a subdomain of the one they were given for, and never from https to
http; once left behind they stay behind (spec 03 section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from yarl import URL

from renderer.errors import SourceError
from renderer.sources.http_url import http_target, source_target
from renderer.sources.object_url import scheme_of

REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An Authorization header and the host that it was written for."""

    authorization: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One request on the way to a source."""

    url: URL
    referer: str | None = None
    credentials: Credentials | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What this hop adds to the headers that every hop sends."""
        headers = {}
        if self.referer is not None:
            headers["Referer"] = self.referer
        if self.credentials is not None:
            headers["Authorization"] = self.credentials.authorization
        return headers


def first_hop(url: str) -> Hop:
    """The request for a source URL; raises SourceError if the URL cannot be requested."""
    target = source_target(url)
    return Hop(url=target.url, credentials=_credentials(target.authorization, target.url))


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
    credentials = _credentials(target.authorization, target.url)
    if credentials is None and not is_downgrade:
        credentials = _kept(hop.credentials, target.url)
    return Hop(url=target.url, referer=None if is_downgrade else str(hop.url), credentials=credentials)


def _credentials(authorization: str | None, url: URL) -> Credentials | None:
    return None if authorization is None else Credentials(authorization=authorization, host=url.raw_host or "")


def _kept(credentials: Credentials | None, url: URL) -> Credentials | None:
    host = url.raw_host or ""
    if credentials is None or host == credentials.host or host.endswith("." + credentials.host):
        return credentials
    return None
