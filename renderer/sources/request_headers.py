"""The headers of a request to an http(s) source: what we ask, what the operator adds, what the client has passed on.

Where several say the same header, the later of these wins: the client's, a tracer's, what this server asks (conditions,
ranges), the operator's. Authorization and Cookie are kept apart, because they do not follow to every host that a
redirect names, and Host, because it follows to none (spec 03 section 4.2).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from multidict import MultiMapping
from yarl import URL

from renderer.settings.headers import FRAMING_HEADERS, HeaderSettings
from renderer.settings.sources import SourceSettings
from renderer.sources.cookies import CookiePassthrough, Cookies, parse_cookies
from renderer.sources.source import ClientRequest, writable

_BODY_HEADERS: Final = frozenset({"content-encoding", "content-range"})
"""Headers of the source's body that would be wrong on the result's; raw answers carry them anyway."""

_COOKIE_HEADERS: Final = frozenset({"cookie", "host", "x-forwarded-host", "x-forwarded-proto"})
"""Cookies, and what says where they are from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeaders:
    """What the first request of a fetch carries."""

    repeated: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    authorization: str | None = None
    cookies: Cookies = ()


class HeaderRules:
    """What the settings say about headers."""

    def __init__(self, headers: HeaderSettings, sources: SourceSettings) -> None:
        self._custom = headers.custom_request
        self._request_names = headers.request_passthrough
        self._response_names = tuple(
            name for name in headers.response_passthrough if name.lower() not in FRAMING_HEADERS | _BODY_HEADERS
        )
        self._cookies = CookiePassthrough(sources)

    def audience(self, client: ClientRequest) -> Hashable:
        """What of the client's headers may matter to a source; None if nothing of them goes on.

        Headers that a tracer adds name the request that asked first; no answer depends on them. A cookie that the
        source sets is for one client: then nobody shares.
        """
        if any(name.lower() == "set-cookie" for name in self._response_names):
            return object()
        if not (self._request_names or self._cookies.is_on):
            return None
        told = _by_lower_name(client.headers.items())
        names = {name.lower() for name in self._request_names} | _COOKIE_HEADERS | {"connection"}
        return tuple(sorted((name, told[name]) for name in names if name in told))

    def request(
        self, source: URL, client: ClientRequest, own: Mapping[str, str | None], *, sends_extra: bool
    ) -> RequestHeaders:
        """The headers for a source.

        Args:
            source: its URL.
            client: the request that needs the source.
            own: what this server asks, None for what it does not.
            sends_extra: whether the client's extra headers go along.
        """
        told = _by_lower_name(client.headers.items()) if self._request_names or self._cookies.is_on else {}
        layers: tuple[Iterable[tuple[str, str | None]], ...] = (
            _passed(self._request_names, told),
            client.extra_headers.items() if sends_extra else (),
            own.items(),
            self._custom,
        )
        merged: dict[str, tuple[str, str]] = {}
        for layer in layers:
            for name, text in layer:
                value = writable(text)
                if value is not None and name.lower() not in FRAMING_HEADERS:
                    merged[name.lower()] = (name, value)
        host, authorization, cookie = (merged.pop(name, ("", None))[1] for name in ("host", "authorization", "cookie"))
        cookies = self._cookies.cookies(told, source)
        return RequestHeaders(
            repeated=dict(merged.values()),
            host=host,
            authorization=authorization,
            cookies=cookies + (parse_cookies(cookie) if cookie else ()),
        )

    def passed(self, headers: MultiMapping[str]) -> dict[str, str]:
        """The headers of a source's answer that the client gets; several of one name are joined with commas.

        Of several Set-Cookie headers, which cannot be joined, it is the first.
        """
        if not self._response_names:
            return {}
        own = _connection_names(headers)
        found = {}
        for name in self._response_names:
            values = headers.getall(name, [])
            text = writable(values[0] if name.lower() == "set-cookie" else ", ".join(values)) if values else None
            if text is not None and name.lower() not in own:
                found[name] = text
        return found


def _passed(names: Iterable[str], told: Mapping[str, str]) -> Iterable[tuple[str, str | None]]:
    own = _connection_names(told)
    return ((name, told.get(name.lower())) for name in names if name.lower() not in own)


def _connection_names(headers: Mapping[str, str]) -> frozenset[str]:
    """The headers that the sender's Connection header declares to be of its own connection (RFC 9110 7.6.1)."""
    return frozenset(name.strip().lower() for name in headers.get("connection", "").split(","))


def _by_lower_name(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """One text for each name, as RFC 9110 section 5.3 and, for cookies, RFC 6265 section 4.2 join several."""
    joined: dict[str, str] = {}
    for name, value in items:
        key = name.lower()
        separator = "; " if key == "cookie" else ", "
        joined[key] = f"{joined[key]}{separator}{value}" if key in joined else value
    return joined
