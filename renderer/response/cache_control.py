"""Decides how long caches may keep an answer (spec 03 section 2.7).

The first rule that applies: an explicit age (from `expires` or the fallback picture's own), nothing on errors, the
source's own header when that is passed on, the configured age, `no-cache`. `Expires` is never sent. An age that is ours
may be a shorter one for browsers, which no purge reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

from renderer.response.validators import parse_imf_fixdate


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCaching:
    """What the source said about caching: the first value of each header."""

    cache_control: str | None = None
    expires: str | None = None


def cache_control(
    *,
    status: int,
    ttl_seconds: int,
    now: float,
    expires: int | None = None,
    passthrough: SourceCaching | None = None,
    fallback_ttl_seconds: int | None = None,
    browser_ttl_seconds: int | None = None,
) -> str | None:
    """The value of `Cache-Control`, or None when the answer carries none.

    Args:
        status: of the answer; 400 and more come with fallback pictures and raw answers, plain errors have no header.
        ttl_seconds: `IMGPROXY_TTL`.
        now: seconds since 1970.
        expires: the `expires` option in seconds since 1970, None when the URL has none.
        passthrough: the source's headers when they are passed on, None when they are not.
        fallback_ttl_seconds: the fallback picture's own age when that picture is the answer; 0 and None are none.
        browser_ttl_seconds: the most that a browser may keep what a CDN keeps for longer; None is no difference.
    """
    age = _explicit_age(ttl_seconds, now, expires, fallback_ttl_seconds or None)
    if age > 0:
        return _max_age(age, browser_ttl_seconds)
    if status >= 400:
        return None
    passed = None if passthrough is None else _passed_on(passthrough, now)
    if passed is not None:
        return passed
    return _max_age(ttl_seconds, browser_ttl_seconds) if ttl_seconds > 0 else "no-cache"


def _explicit_age(ttl_seconds: int, now: float, expires: int | None, fallback_ttl_seconds: int | None) -> int:
    """The age that this one answer has, 0 for none: `expires` shortens, it never lengthens."""
    if expires is not None and (fallback_ttl_seconds is None or expires < now + fallback_ttl_seconds):
        return min(ttl_seconds, max(0, int(expires - now)))
    return fallback_ttl_seconds or 0


def _passed_on(source: SourceCaching, now: float) -> str | None:
    if source.cache_control:
        return source.cache_control
    moment = parse_imf_fixdate(source.expires) if source.expires else None
    seconds = int(moment.timestamp() - now) if moment else 0
    return _max_age(seconds, None) if seconds > 0 else None


def _max_age(seconds: int, browser_seconds: int | None) -> str:
    """For all caches alike, or for shared ones apart (`s-maxage`): those can be purged (DESIGN section 5)."""
    if browser_seconds is None:
        return f"max-age={seconds}, public"
    return f"max-age={min(seconds, browser_seconds)}, s-maxage={seconds}, public"
