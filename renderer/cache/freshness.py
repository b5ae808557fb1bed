"""For how long a result may be sent without asking its source (DESIGN section 5); pure.

Sources that are not http(s) are the operator's own: fresh until purged, at most for `own_seconds`. For http(s) the
answer of the origin decides as for any shared cache (RFC 9111 sections 3, 4.2 and 5.2.2); `own_seconds` bounds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from renderer.response.validators import parse_http_date

_DIRECTIVE: Final = re.compile(
    r"""\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*(?:,|$)"""
)
_MOST_SECONDS: Final = 2**31
"""What a larger number counts as (RFC 9111 section 1.2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessRules:
    """What the settings say.

    Attributes:
        own_seconds: `BILDWERK_RESULTS_TTL`; what cannot be purged, because there is no store, has less.
        http_seconds: `BILDWERK_RESULTS_HTTP_TTL`, of http(s) answers that say nothing.
    """

    own_seconds: int
    http_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginCaching:
    """What the source's answer said; the first value of each header."""

    cache_control: str | None = None
    expires: str | None = None
    date: str | None = None
    age: str | None = None


def fresh_until(source_url: str, said: OriginCaching, asked_at: float, rules: FreshnessRules) -> float | None:
    """Unix time until which a result may be sent unasked; `asked_at` if never; None if it may not be kept at all.

    Args:
        source_url: of the picture.
        said: by the answer that the result was made from, or by the 304 that confirmed it.
        asked_at: Unix time when the request for that answer was sent.
        rules: the settings'.
    """
    if not is_http(source_url):
        return asked_at + rules.own_seconds
    text = (said.cache_control or "").lower()
    # Looked for in the text itself: however wrongly the rest is written, a word against keeping counts.
    if "no-store" in text or "private" in text:
        return None
    if "no-cache" in text:
        return asked_at
    seconds = _lifetime(_directives(text), said, asked_at, rules) - _seconds(said.age or "")
    return asked_at + max(0, min(seconds, rules.own_seconds))


def may_be_shared(status: int, passed_names: Iterable[str]) -> bool:
    """Whether what belongs to an answer may be sent to other clients: a picture, and no cookie of somebody's.

    Args:
        status: of the answer that the result is for.
        passed_names: headers of the source that are passed on.
    """
    return status == 200 and not any(name.lower() in ("set-cookie", "set-cookie2") for name in passed_names)


def is_http(source_url: str) -> bool:
    """Whether the source is an http(s) one."""
    return source_url[:8].lower().startswith(("http://", "https://"))


def _lifetime(directives: Mapping[str, str], said: OriginCaching, asked_at: float, rules: FreshnessRules) -> int:
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return _seconds(directives[name])
    if said.expires is None:
        return rules.http_seconds
    expires = parse_http_date(said.expires)
    if expires is None:
        return 0  # RFC 9111 section 5.3: an invalid date, `0` above all, is in the past
    date = parse_http_date(said.date or "")
    return int(expires.timestamp() - (date.timestamp() if date else asked_at))


def _directives(text: str) -> dict[str, str]:
    """The directives of a Cache-Control in lower case with their arguments; of two with one name the first."""
    found: dict[str, str] = {}
    for match in _DIRECTIVE.finditer(text):
        name, quoted, token = match.groups()
        found.setdefault(name, quoted or token or "")
    return found


def _seconds(text: str) -> int:
    """A number of seconds; 0, so that the source is asked, for what is none."""
    if not (text.isascii() and text.isdigit()):
        return 0
    return _MOST_SECONDS if len(text) > 10 else min(int(text), _MOST_SECONDS)
