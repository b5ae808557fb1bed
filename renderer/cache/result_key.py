"""Under which key the result of a request is stored, and whether it may be shared at all.

Beside `cache_key`, which is about the URL, it covers the settings' fingerprint and what of the client reaches the
source. A request whose cookies may go to its source has no key, unless the settings say which cookies matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from renderer.cache.freshness import is_http
from renderer.settings.load import Settings

_COOKIE_SCOPE: Final = ("host", "x-forwarded-host", "x-forwarded-proto")
"""They say to which sources cookies go, where no setting does (spec 03 section 4.4)."""


class ResultKeys:
    """Keys under one configuration.

    Args:
        settings: what of the client matters.
        fingerprint: of the settings, see `settings_fingerprint`.
    """

    def __init__(self, settings: Settings, fingerprint: str) -> None:
        self._prefix = hashlib.sha256(fingerprint.encode("ascii"))
        results, sources = settings.results, settings.sources
        self._names = _lower(results.key_headers)
        self._http_names = _lower(settings.headers.request_passthrough) - self._names
        self._cookies = results.key_cookies
        self._passes_cookies = sources.cookie_passthrough
        if self._passes_cookies and not sources.cookie_passthrough_all and not sources.cookie_base_url:
            self._http_names |= frozenset(_COOKIE_SCOPE) - self._names

    def key(self, url_key: str, source_url: str, headers: Mapping[str, str]) -> str | None:
        """64 hexadecimal digits; None if the result is for this client alone.

        Args:
            url_key: `cache_key` of the request.
            source_url: of its picture.
            headers: the client's, in whatever case.
        """
        digest = self._prefix.copy()
        digest.update(url_key.encode("ascii"))
        if self._names or self._http_names or self._cookies or self._passes_cookies:
            reaches_source = is_http(source_url)
            told = _joined(headers.items(), self._names | self._http_names | {"cookie"})
            if reaches_source and self._passes_cookies and not self._cookies and "cookie" in told:
                return None
            for text in self._texts(told, reaches_source=reaches_source):
                encoded = text.encode("utf-8", "surrogateescape")
                digest.update(b"%d:" % len(encoded) + encoded)
        return digest.hexdigest()

    def _texts(self, told: Mapping[str, str], *, reaches_source: bool) -> Iterator[str]:
        for name in sorted(self._names | self._http_names if reaches_source else self._names):
            if name in told:
                yield name
                yield told[name]
        cookies = told.get("cookie", "")
        for wanted in self._cookies:
            for pair in cookies.split(";"):
                name, _, value = pair.strip().partition("=")
                if name.strip() == wanted:
                    yield f"cookie {wanted}"
                    yield value.strip()


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def _joined(items: Iterable[tuple[str, str]], wanted: frozenset[str]) -> dict[str, str]:
    """The wanted headers, one text for each name."""
    found: dict[str, str] = {}
    for name, value in items:
        lower = name.lower()
        if lower in wanted:
            separator = "; " if lower == "cookie" else ", "
            found[lower] = f"{found[lower]}{separator}{value}" if lower in found else value
    return found
