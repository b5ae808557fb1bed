"""Results are shared only where they are equal: settings, and what of a client reaches the source, are in the key."""

from __future__ import annotations

import pytest

from renderer.cache.fingerprint import settings_fingerprint
from renderer.cache.result_key import ResultKeys
from renderer.settings.load import load_settings

HTTP = ("1" * 64, "https://example.com/a.jpg")
LOCAL = ("2" * 64, "local:///a.jpg")
"""The URL's own key, and its source."""


def fingerprint(watermark: bytes | None = None, version: str = "libvips 8.18", **variables: str) -> str:
    """The fingerprint of some settings."""
    return settings_fingerprint(load_settings(variables), versions=[version], watermark=watermark)


def keys(**variables: str) -> ResultKeys:
    """Keys under some settings."""
    return ResultKeys(load_settings(variables), fingerprint(**variables))


def test_a_key_is_the_same_in_every_process() -> None:
    """And has 64 hexadecimal digits."""
    assert keys().key(*HTTP, {"Cookie": "a=b", "X": "y"}) == keys().key(*HTTP, {})
    assert len(keys().key(*HTTP, {}) or "") == 64
    assert keys().key(*HTTP, {}) != keys().key(*LOCAL, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMGPROXY_QUALITY", "81"),
        ("IMGPROXY_FORMAT_QUALITY", "webp=10"),
        ("IMGPROXY_PREFERRED_FORMATS", "png"),
        ("IMGPROXY_AVIF_SPEED", "9"),
        ("IMGPROXY_PNG_QUANTIZE", "true"),
        ("IMGPROXY_STRIP_METADATA", "false"),
        ("IMGPROXY_USE_LINEAR_COLORSPACE", "true"),
        ("IMGPROXY_WATERMARK_OPACITY", "0.5"),
        ("IMGPROXY_WATERMARK_URL", "local:///mark.png"),
        ("IMGPROXY_MAX_RESULT_DIMENSION", "100"),
        ("IMGPROXY_MAX_SRC_RESOLUTION", "1"),
        ("IMGPROXY_MAX_SRC_FILE_SIZE", "1000"),
        ("IMGPROXY_MAX_ANIMATION_FRAMES", "2"),
        ("IMGPROXY_SANITIZE_SVG", "false"),
        ("IMGPROXY_ALLOW_PRIVATE_SOURCE_ADDRESSES", "false"),
        ("IMGPROXY_LOCAL_FILESYSTEM_ROOT", "/srv"),
        ("IMGPROXY_USE_S3", "true"),
        ("IMGPROXY_S3_ENDPOINT", "http://127.0.0.1:1"),
        ("IMGPROXY_S3_DENIED_BUCKETS", "secret"),
        ("IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", "X-Rights"),
        ("BILDWERK_STRICT_SOURCES", "true"),
        ("BILDWERK_SHARED_DECODE", "larger"),
    ],
)
def test_settings_that_change_or_refuse_results_have_results_of_their_own(name: str, value: str) -> None:
    """What a stricter setting refuses must not come from the time of a laxer one."""
    assert fingerprint(**{name: value}) != fingerprint()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMGPROXY_KEY", ""),
        ("IMGPROXY_DOWNLOAD_TIMEOUT", "9"),
        ("IMGPROXY_TTL", "9"),
        ("IMGPROXY_WORKERS", "9"),
        ("IMGPROXY_ALLOWED_SOURCES", "local://"),
        ("IMGPROXY_CUSTOM_REQUEST_HEADERS", "Authorization=secret"),
        ("BILDWERK_SHARED_DECODE", "off"),
        ("BILDWERK_RESULTS_MEMORY_BYTES", "9"),
    ],
)
def test_other_settings_leave_results_where_they_are(name: str, value: str) -> None:
    """Secrets among them: rotating one must not empty the store."""
    assert fingerprint(**{name: value}) == fingerprint()


def test_versions_and_the_watermark_itself_count() -> None:
    """Where the watermark's file lies does not."""
    found = [
        fingerprint(),
        fingerprint(version="libvips 8.19"),
        fingerprint(b"one"),
        fingerprint(b"two"),
        fingerprint(b""),
    ]

    assert len(set(found)) == len(found)
    assert fingerprint(b"one", IMGPROXY_WATERMARK_PATH="/mark.png") == fingerprint(b"one")


def test_headers_that_the_settings_name_tell_results_apart() -> None:
    """In whatever case they come, and several of one name together."""
    named = keys(IMGPROXY_CACHE_KEY_HEADERS="X-Tenant")
    values = [named.key(*LOCAL, headers) for headers in ({}, {"x-tenant": "a"}, {"X-Tenant": "b"}, {"X-Tenant": ""})]

    assert len(set(values)) == 4
    assert named.key(*LOCAL, {"X-TENANT": "a"}) == named.key(*LOCAL, {"x-tenant": "a", "X-Other": "b"})


def test_headers_that_go_to_http_sources_tell_their_results_apart() -> None:
    """Sources that do not get them give everybody the same."""
    passing = keys(IMGPROXY_REQUEST_HEADERS_PASSTHROUGH="Authorization")

    assert passing.key(*HTTP, {"Authorization": "a"}) != passing.key(*HTTP, {"Authorization": "b"})
    assert passing.key(*LOCAL, {"Authorization": "a"}) == passing.key(*LOCAL, {"Authorization": "b"})


def test_a_client_with_cookies_that_go_to_the_source_has_no_key() -> None:
    """What it gets may be for it alone; without cookies, or from elsewhere, it is for all."""
    passing = keys(IMGPROXY_COOKIE_PASSTHROUGH="true")

    assert passing.key(*HTTP, {"cookie": "session=1"}) is None
    assert passing.key(*HTTP, {}) is not None
    assert passing.key(*LOCAL, {"Cookie": "session=1"}) is not None


def test_cookies_that_the_settings_name_tell_results_apart() -> None:
    """Then the others do not matter, because the settings say so."""
    named = keys(IMGPROXY_COOKIE_PASSTHROUGH="true", IMGPROXY_CACHE_KEY_COOKIES="plan, group")
    one = named.key(*HTTP, {"Cookie": "plan=1; session=abc"})

    assert one is not None
    assert named.key(*HTTP, {"Cookie": "session=def;plan=1"}) == one
    assert named.key(*HTTP, {"Cookie": "plan=2"}) != one
    assert named.key(*HTTP, {"Cookie": "group=1"}) != one
    assert named.key(*HTTP, {"Cookie": "plan=1", "Host": "other.example.com"}) != named.key(*HTTP, {"Cookie": "plan=1"})
