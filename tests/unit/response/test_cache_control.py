"""How long caches may keep an answer follows one list of rules."""

from __future__ import annotations

import pytest

from renderer.response.cache_control import SourceCaching, cache_control

NOW = 1_750_000_000.25
FIXDATE = "Sun, 15 Jun 2025 15:08:20 GMT"  # NOW + 99.75
PAST = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("status", "ttl_seconds", "expected"),
    [
        (200, 31_536_000, "max-age=31536000, public"),
        (200, 1, "max-age=1, public"),
        (200, 0, "no-cache"),
        (304, 60, "max-age=60, public"),
        (399, 60, "max-age=60, public"),
        (400, 60, None),
        (404, 0, None),
        (502, 60, None),
    ],
)
def test_answers_live_as_long_as_configured_and_errors_not_at_all(
    status: int, ttl_seconds: int, expected: str | None
) -> None:
    """Without `expires`, fallback or passthrough."""
    assert cache_control(status=status, ttl_seconds=ttl_seconds, now=NOW) == expected


@pytest.mark.parametrize(
    ("seconds_ahead", "ttl_seconds", "expected"),
    [
        (100, 3600, "max-age=99, public"),
        (2, 3600, "max-age=1, public"),
        (1, 3600, "max-age=3600, public"),
        (0, 3600, "max-age=3600, public"),
        (-100, 3600, "max-age=3600, public"),
        (-1_750_000_000, 3600, "max-age=3600, public"),
        (-(2**62), 3600, "max-age=3600, public"),
        (2**62, 3600, "max-age=3600, public"),
        (3601, 3600, "max-age=3600, public"),
        (3600, 3600, "max-age=3599, public"),
        (100, 0, "no-cache"),
        (0, 0, "no-cache"),
    ],
)
def test_expires_shortens_the_age_and_never_lengthens_it(seconds_ahead: int, ttl_seconds: int, expected: str) -> None:
    """Less than a whole second ahead, zero and negative times count as not given."""
    expires = 1_750_000_000 + seconds_ahead
    assert cache_control(status=200, ttl_seconds=ttl_seconds, expires=expires, now=NOW) == expected


@pytest.mark.parametrize(
    ("status", "fallback_ttl_seconds", "expires", "expected"),
    [
        (200, 77, None, "max-age=77, public"),
        (404, 77, None, "max-age=77, public"),
        (404, 0, None, None),
        (404, None, None, None),
        (200, 0, None, "max-age=3600, public"),
        (404, 77, 1_750_000_050, "max-age=49, public"),
        (404, 77, 1_750_000_077, "max-age=76, public"),
        (404, 77, 1_750_000_078, "max-age=77, public"),
        (404, 9_999, 1_750_005_000, "max-age=3600, public"),
        (200, 77, 0, "max-age=3600, public"),
        (404, 77, 0, None),
        (404, None, 1_750_000_050, "max-age=49, public"),
    ],
)
def test_a_fallback_picture_has_its_own_age(
    status: int, fallback_ttl_seconds: int | None, expires: int | None, expected: str | None
) -> None:
    """Also with an error status; an earlier `expires` wins, and a past one takes the age away."""
    value = cache_control(
        status=status, ttl_seconds=3600, now=NOW, expires=expires, fallback_ttl_seconds=fallback_ttl_seconds
    )
    assert value == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (SourceCaching(cache_control="max-age=1234, public"), "max-age=1234, public"),
        (SourceCaching(cache_control="private, no-store"), "private, no-store"),
        (SourceCaching(cache_control="no-cache", expires=FIXDATE), "no-cache"),
        (SourceCaching(expires=FIXDATE), "max-age=99, public"),
        (SourceCaching(cache_control="", expires=FIXDATE), "max-age=99, public"),
        (SourceCaching(expires="Fri, 31 Dec 9999 23:59:59 GMT"), "max-age=251652300798, public"),
        (SourceCaching(expires="Sun, 15 Jun 2025 15:06:41 GMT"), "max-age=60, public"),
        (SourceCaching(expires=PAST), "max-age=60, public"),
        (SourceCaching(expires="0"), "max-age=60, public"),
        (SourceCaching(expires="Sunday, 15-Jun-25 15:08:20 GMT"), "max-age=60, public"),
        (SourceCaching(), "max-age=60, public"),
        (None, "max-age=60, public"),
    ],
)
def test_the_sources_own_header_is_passed_on_when_it_may_be(source: SourceCaching | None, expected: str) -> None:
    """Verbatim, or made from a date in the future; that is not capped by the configured age."""
    assert cache_control(status=200, ttl_seconds=60, now=NOW, passthrough=source) == expected


@pytest.mark.parametrize(
    ("status", "expires", "fallback_ttl_seconds", "expected"),
    [
        (200, 1_750_000_050, None, "max-age=49, public"),
        (200, 1_750_000_000, None, "private"),
        (200, None, 77, "max-age=77, public"),
        (404, None, None, None),
        (304, None, None, "private"),
    ],
)
def test_an_explicit_age_comes_before_the_sources_header(
    status: int, expires: int | None, fallback_ttl_seconds: int | None, expected: str | None
) -> None:
    """The source is asked only when neither `expires` nor the fallback sets an age, and never for errors."""
    value = cache_control(
        status=status,
        ttl_seconds=3600,
        now=NOW,
        expires=expires,
        passthrough=SourceCaching(cache_control="private"),
        fallback_ttl_seconds=fallback_ttl_seconds,
    )
    assert value == expected


def test_nothing_to_pass_on_and_no_age_is_no_cache() -> None:
    """The last rule."""
    assert cache_control(status=200, ttl_seconds=0, now=NOW, passthrough=SourceCaching(expires=PAST)) == "no-cache"


@pytest.mark.parametrize(
    ("ttl_seconds", "browser_seconds", "expires", "expected"),
    [
        (3600, 60, None, "max-age=60, s-maxage=3600, public"),
        (3600, 0, None, "max-age=0, s-maxage=3600, public"),
        (30, 60, None, "max-age=30, s-maxage=30, public"),
        (3600, 60, 1_750_000_100, "max-age=60, s-maxage=99, public"),
        (0, 60, None, "no-cache"),
    ],
)
def test_browsers_may_keep_less_than_a_cdn(
    ttl_seconds: int, browser_seconds: int, expires: int | None, expected: str
) -> None:
    """A purge reaches the CDN only; never is a browser told to keep longer than the CDN."""
    value = cache_control(
        status=200, ttl_seconds=ttl_seconds, now=NOW, expires=expires, browser_ttl_seconds=browser_seconds
    )
    assert value == expected


def test_what_a_source_says_is_passed_on_to_browsers_as_it_is() -> None:
    """The source knows what it wants to be kept where."""
    passed = SourceCaching(cache_control="max-age=1234, public")
    assert cache_control(status=200, ttl_seconds=60, now=NOW, passthrough=passed, browser_ttl_seconds=5) == (
        "max-age=1234, public"
    )
