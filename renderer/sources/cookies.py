"""Which of the client's cookies go to which source (spec 03 section 4.4).

A Cookie header says nothing of where its cookies came from, so they are taken to be from one base URL: host-only and
with the path of that URL's folder (RFC 6265 sections 5.1.4 and 5.4). Public suffixes decide who may set a cookie with a
Domain attribute; these have none, so the list cannot matter here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from yarl import URL

from renderer.settings.sources import SourceSettings

Cookies = tuple[tuple[str, str], ...]
"""Names and values as they are written; quotes stay."""

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r'[\x20-\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*|"[\x20-\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieScope:
    """Where the client's cookies are from: a host in the form of `URL.raw_host`, and a folder."""

    host: str
    path: str


class CookiePassthrough:
    """What the settings say about the client's cookies."""

    def __init__(self, settings: SourceSettings) -> None:
        self.is_on = settings.cookie_passthrough
        self._sends_all = settings.cookie_passthrough_all
        self._base = settings.cookie_base_url

    def cookies(self, client: Mapping[str, str], source: URL) -> Cookies:
        """The cookies for a source.

        Args:
            client: the client's headers, names in lower case.
            source: the URL of the source, not of a redirect.
        """
        header = client.get("cookie")
        if not self.is_on or not header:
            return ()
        pairs = parse_cookies(header)
        if self._sends_all:
            return pairs
        scope = cookie_scope(self._base or request_url(client))
        # Of several cookies with one name the last counts, in the place of the first.
        return tuple(dict(pairs).items()) if scope is not None and in_scope(source, scope) else ()


def parse_cookies(header: str) -> Cookies:
    """The cookies of a Cookie header, in order; what is no cookie is left out."""
    pairs = []
    for part in header.split(";"):
        name, _, value = (text.strip(" \t") for text in part.partition("="))
        if _NAME.fullmatch(name) and _VALUE.fullmatch(value):
            pairs.append((name, value))
    return tuple(pairs)


def cookie_header(cookies: Iterable[tuple[str, str]]) -> str | None:
    """The Cookie header that carries them; None for none."""
    return "; ".join(f"{name}={value}" for name, value in cookies) or None


def request_url(client: Mapping[str, str]) -> str:
    """The URL of the request as the client saw it, as far as proxies tell: scheme and host."""
    scheme = _first(client.get("x-forwarded-proto")) or "http"
    # The port is left out: cookies do not know ports.
    return f"{scheme}://{_first(client.get('x-forwarded-host')) or client.get('host', '')}"


def cookie_scope(base_url: str) -> CookieScope | None:
    """The scope of a base URL; None if cookies cannot be from there."""
    try:
        url = URL(base_url)
        host = url.raw_host
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or not host:
        return None
    folder = url.raw_path.rpartition("/")[0]
    return CookieScope(host=host, path=folder or "/")


def in_scope(source: URL, scope: CookieScope) -> bool:
    """Whether a cookie of that scope goes to the URL; neither scheme nor port matters."""
    path = source.raw_path
    is_below = path == scope.path or path.startswith(scope.path.removesuffix("/") + "/")
    return source.raw_host == scope.host and is_below


def _first(value: str | None) -> str:
    return (value or "").partition(",")[0].strip()
