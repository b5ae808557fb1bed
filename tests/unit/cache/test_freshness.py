"""For how long results may be sent unasked, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.cache.freshness import FreshnessRules, OriginCaching, fresh_until, is_http, may_be_shared

NOW = 1_000_000.0
RULES = FreshnessRules(own_seconds=10_000, http_seconds=7)
HTTP = "https://example.com/a.jpg"
DATE = "Mon, 12 Jan 1970 13:46:40 GMT"
MINUTE_LATER = "Mon, 12 Jan 1970 13:47:40 GMT"

TABLE = [
    # the answer, seconds; None is not to be kept
    ({}, 7),
    ({"cache_control": "max-age=60"}, 60),
    ({"cache_control": "MAX-AGE=60"}, 60),
    ({"cache_control": 'max-age="60"'}, 60),
    ({"cache_control": "public, max-age=60, s-maxage=90"}, 90),
    ({"cache_control": "s-maxage=0, max-age=60"}, 0),
    ({"cache_control": "max-age=60, max-age=90"}, 60),
    ({"cache_control": "max-age=60", "age": "20"}, 40),
    ({"cache_control": "max-age=60", "age": "80"}, 0),
    ({"cache_control": "max-age=60", "age": "old"}, 60),
    ({"cache_control": "max-age=soon"}, 0),
    ({"cache_control": "max-age=-1"}, 0),
    ({"cache_control": "max-age"}, 0),
    ({"cache_control": "max-age=99999999999999999999999"}, 10_000),
    ({"cache_control": "max-age=60, must-revalidate"}, 60),
    ({"cache_control": "no-cache, max-age=60"}, 0),
    ({"cache_control": 'no-cache="set-cookie", max-age=60'}, 0),
    ({"cache_control": "no-store"}, None),
    ({"cache_control": "max-age=60,NO-STORE"}, None),
    ({"cache_control": "no-store; max-age=60"}, None),
    ({"cache_control": "private, max-age=60"}, None),
    ({"cache_control": 'private="x", max-age=60'}, None),
    ({"cache_control": "public"}, 7),
    ({"cache_control": "public", "age": "5"}, 2),
    ({"cache_control": ""}, 7),
    ({"expires": MINUTE_LATER}, 60),
    ({"expires": MINUTE_LATER, "date": DATE}, 60),
    ({"expires": MINUTE_LATER, "date": MINUTE_LATER}, 0),
    ({"expires": MINUTE_LATER, "cache_control": "max-age=5"}, 5),
    ({"expires": DATE}, 0),
    ({"expires": "0"}, 0),
    ({"expires": "-1", "cache_control": "public"}, 0),
]


@pytest.mark.parametrize(("said", "seconds"), TABLE)
def test_an_origin_says_how_long(said: dict[str, str], seconds: int | None) -> None:
    """As any shared cache reads it (RFC 9111)."""
    assert fresh_until(HTTP, OriginCaching(**said), NOW, RULES) == (None if seconds is None else NOW + seconds)


@pytest.mark.parametrize("url", ["s3://b/a.jpg", "local:///a.jpg", "gs://b/a", "abs://b/a", "swift://b/a"])
def test_own_buckets_are_fresh_until_purged(url: str) -> None:
    """Whatever their objects' headers say: those are for browsers."""
    assert fresh_until(url, OriginCaching(cache_control="no-store"), NOW, RULES) == NOW + 10_000


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_no_header_lengthens_it_beyond_the_setting(cache_control: str, expires: str, age: str) -> None:
    """And none fails."""
    said = OriginCaching(cache_control=cache_control, expires=expires, age=age)
    until = fresh_until(HTTP, said, NOW, RULES)

    assert until is None or NOW <= until <= NOW + RULES.own_seconds


@pytest.mark.parametrize(
    ("status", "names", "expected"),
    [
        (200, (), True),
        (200, ("X-A",), True),
        (200, ("Set-Cookie",), False),
        (200, ("SET-COOKIE",), False),
        (404, (), False),
    ],
)
def test_what_belongs_to_one_client_is_not_shared(status: int, names: tuple[str, ...], expected: bool) -> None:
    """A cookie that the source sets is for whom it is set; an error is no picture."""
    assert may_be_shared(status, names) is expected


def test_schemes_are_read_in_any_case() -> None:
    """As loaders read them."""
    assert [is_http(url) for url in ("HTTP://a/b", "https://a", "httpx://a", "s3://a", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
