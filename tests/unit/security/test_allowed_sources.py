"""Source URLs are rewritten as configured, and the allow-list holds for what will be fetched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import SourceNotAllowed
from renderer.security.allowed_sources import check_source, preprocess
from renderer.settings.readers import PATTERNS, REPLACEMENTS


def is_allowed(url: str, allowed: str, query_separator: str = "?") -> bool:
    """Whether a URL passes the value of `IMGPROXY_ALLOWED_SOURCES`."""
    try:
        check_source(url, PATTERNS.read(allowed), query_separator=query_separator)
    except SourceNotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    ("replacements", "url", "expected"),
    [
        ("mys3://=local:///formats/", "mys3://jpg.jpg", "local:///formats/jpg.jpg"),
        ("cdn://*/=local:///", "cdn://anything/photo.jpg", "local:///photo.jpg"),
        ("cdn://*/=local:///", "cdn://a/b/c", "local:///b/c"),
        ("cdn://*/=local:///", "CDN://a/b", "CDN://a/b"),
        ("b=x", "a b", "a b"),
        ("a=b;b=c", "a/1", "c/1"),
        ("b=c;a=b", "a/1", "b/1"),
        ("a.c=x", "abc", "abc"),
        ("a=b=c", "a1", "b=c1"),
        ("x://*/*/=http://${2}.${1}.test/", "x://one/two/pic.png", "http://two.one.test/pic.png"),
        ("x://*=y://$1/z", "x://abc/d", "y://abc/z/d"),
        ("x://*=$1x", "x://abc/d", "/d"),
        ("x://*=${1}x", "x://abc/d", "abcx/d"),
        ("x://*=$0!", "x://abc/d", "x://abc!/d"),
        ("x://*=$$1$$", "x://abc/d", "$1$/d"),
        ("x://*=<$2|$name|${name}|${99999999999}|$01>", "x://abc/d", "<||||>/d"),
        ("x://*=$|${|${}|$-|${1-}|$", "x://abc/d", "$|${|${}|$-|${1-}|$/d"),
        ("x://*=${1", "x://abc/d", "${1/d"),
        ("x://*=\\1\\g<1>", "x://abc/d", "\\1\\g<1>/d"),
    ],
)
def test_replacements_rewrite_the_start_of_a_url(replacements: str, url: str, expected: str) -> None:
    """References follow Go's template rules; one replacement works on the result of the one before."""
    assert preprocess(url, REPLACEMENTS.read(replacements), "") == expected


@pytest.mark.parametrize(
    ("base_url", "url", "expected"),
    [
        ("", "photo.jpg", "photo.jpg"),
        ("local:///", "photo.jpg", "local:///photo.jpg"),
        ("local:///", "/photo.jpg", "local:////photo.jpg"),
        ("local:///", "local:///photo.jpg", "local:///photo.jpg"),
        ("http://a.test", "photo.jpg", "http://a.testphoto.jpg"),
        ("http://a.test/", "http://b.test/photo.jpg", "http://a.test/http://b.test/photo.jpg"),
    ],
)
def test_the_base_url_goes_in_front_of_what_does_not_start_with_it(base_url: str, url: str, expected: str) -> None:
    """Plain concatenation, also of a URL with another scheme."""
    assert preprocess(url, (), base_url) == expected


def test_replacements_come_before_the_base_url() -> None:
    """The base is put before what the replacements made."""
    assert preprocess("s:x.jpg", REPLACEMENTS.read("s:=sub/"), "local:///") == "local:///sub/x.jpg"


def test_no_list_allows_everything() -> None:
    """The default is open, also for URLs that look bad."""
    check_source("anything\x00/../..", ())


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("local:///formats/", "local:///formats/jpg.jpg"),
        ("http://a.test/,local:///x/", "local:///x/1"),
        ("http://*.example.test/", "http://img.example.test/a/b.jpg?x=1#y"),
        ("http://*.example.test/", "http://user:password@img.example.test/a.jpg"),
        ("http://a.test/*", "http://a.test/b.jpg?c=d/e"),
        ("http://a.test/*.jpg", "http://a.test/b.jpg?c.jpg"),
        ("http://a.test/*/public/", "http://a.test/x/public/b.jpg"),
        ("http://a.test/img?id=", "http://a.test/img?id=3"),
        ("http://a.test/img?id=*&size=*&", "http://a.test/img?id=3&size=4&x"),
        ("http://a.test", "http://a.test?x"),
        ("http://a.test/a%20b/", "http://a.test/a%20b/c.jpg"),
        ("local:///a/,local:///b/", "local:///a/../b/x.jpg"),
        ("local:///formats/", "local:///formats/x/../jpg.jpg"),
        ("local:///formats/", "local:///formats/./jpg.jpg"),
        ("local:///formats/", "local:///formats/a..b/...jpg"),
        ("local:///formats/", "local:///formats/.."[:-1] + "hidden"),
        ("local:///formats/", "local:///formats/%2e%2e/jpg.jpg"),
        ("local:///formats/", "local:///formats/..\\..\\jpg.jpg"),
        ("local:///formats/", "local:///formats/..;/jpg.jpg"),
        ("local:///formats/", "local:///formats/a\tb.jpg"),
        ("s3://bucket/", "s3://bucket/a/../b.jpg"),
        ("http://a.test/b/", "http://a.test/b/c/.."),
        ("http://a.test/b/", "http://a.test/b/c/%2E%2e/d.jpg"),
        ("http://a.test/b/", "http://a.test/b/c.jpg?x=/../../.."),
        ("http://a.test/b/", "http://a.test/b/c.jpg#/../../.."),
        ("http://a.test/b/", "http://a.test/b/c\\d.jpg"),
        ("http://a.test/b/", "http://a.test/b/a%2fb.jpg"),
    ],
)
def test_a_url_under_a_listed_prefix_passes(allowed: str, url: str) -> None:
    """Dots, queries and odd characters are no obstacle as long as they do not leave the prefix."""
    assert is_allowed(url, allowed)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("local:///formats/", "local:///photo.jpg"),
        ("local:///formats/", "local:///format"),
        ("http://a.test/", "http://A.test/x"),
        ("http://a.test/", "HTTP://a.test/x"),
        ("http://a.test/", "https://a.test/x"),
        ("http://a.test/", "http://evil.test/http://a.test/x"),
        ("http://a.test/", " http://a.test/x"),
        ("http://a.test/", "http://a.test.evil.test/x"),
        ("http://a.test/", "http://a.test@evil.test/x"),
        ("http://a.test/", "http://a%2Etest/x"),
        ("http://*.example.test/", "http://a.example.test.evil.test/x.jpg"),
        ("http://*.example.test/", "http://evil.test/.example.test/"),
    ],
)
def test_a_url_under_no_listed_prefix_is_refused(allowed: str, url: str) -> None:
    """The text is compared as it is."""
    assert not is_allowed(url, allowed)


@pytest.mark.parametrize(
    "url",
    [
        "local:///formats/../photo.jpg",
        "local:///formats/..",
        "local:///formats/a/../../photo.jpg",
        "local:///formats/./../photo.jpg",
        "local:///formats//../photo.jpg",
        "local:///formats/a//..//../photo.jpg",
        "local:///formats/../formats/../photo.jpg",
        "local:///formats/../photo.jpg?/../formats/x",
        "local:///../formats/x.jpg/../../photo.jpg",
    ],
)
def test_local_paths_cannot_climb_out_of_the_prefix(url: str) -> None:
    """Doubled slashes do not shield a folder, and what storage takes for a query does not lead back in."""
    assert not is_allowed(url, "local:///formats/")


@pytest.mark.parametrize(
    "path",
    [
        "../private/x.jpg",
        "%2e%2e/private/x.jpg",
        ".%2E/private/x.jpg",
        "%2e./private/x.jpg",
        "..%2fprivate/x.jpg",
        "%2e%2e%2Fprivate/x.jpg",
        "..\\private\\x.jpg",
        "a\\..\\..\\private\\x.jpg",
        "..%5cprivate/x.jpg",
        "..;/private/x.jpg",
        "..;jsessionid=1/private/x.jpg",
        "a/..//../private/x.jpg",
        "a//../../private/x.jpg",
        "/../private/x.jpg",
        ".\t./private/x.jpg",
        ".\n./private/x.jpg",
        "\r../private/x.jpg",
        "x.jpg\x00",
        "..",
        "..?x=1",
        "..#x",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS"])
def test_http_paths_cannot_climb_out_of_the_prefix(scheme: str, path: str) -> None:
    """Whatever some client or server on the way reads as `..` counts as that."""
    assert not is_allowed(f"{scheme}://a.test/public/{path}", f"{scheme}://a.test/public/")


def test_a_list_is_judged_by_both_readings_of_doubled_slashes() -> None:
    """Merged slashes lead to `/public/x/z`, kept ones to `/public/public/x/z`, which is not listed."""
    assert not is_allowed("http://a.test/public/x//../../public/x/z", "http://a.test/public/x/")
    assert is_allowed("http://a.test/public/x//../../public/x/z", "http://a.test/public/")


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("http://*.good.test/", "http://evil.test?.good.test/"),
        ("http://*.good.test/", "http://evil.test#.good.test/"),
        ("http://*.good.test/", "http://evil.test\\.good.test/"),
        ("http://*.good.test/", "http://user@evil.test:80?@.good.test/"),
        ("http://a.test/*/public/", "http://a.test/private.jpg?/public/"),
        ("http://a.test/*/public/", "http://a.test/private.jpg#/public/"),
        ("http://a.test/*-thumb.jpg", "http://a.test/original.jpg?-thumb.jpg"),
        ("local:///*/public/", "local:///private.jpg?/public/x"),
        ("local:///*-thumb.jpg", "local:///original.jpg?-thumb.jpg"),
    ],
)
def test_a_wildcard_does_not_reach_into_the_query(allowed: str, url: str) -> None:
    """What ends the host or the path for the fetch ends it for the list."""
    assert not is_allowed(url, allowed)


@pytest.mark.parametrize(("separator", "is_listed"), [("|", False), ("?", True), ("", True), ("?version=", True)])
def test_the_configured_separator_ends_keys(separator: str, is_listed: bool) -> None:
    """The same URL names another object where `|` begins the version."""
    assert is_allowed("local:///private.jpg|/public/x", "local:///*/public/", separator) == is_listed


def test_without_a_separator_a_question_mark_is_part_of_the_key() -> None:
    """Then dots after it count."""
    assert not is_allowed("s3://bucket/a/b?c/../../x", "s3://bucket/a/", "")
    assert is_allowed("s3://bucket/a/b?c/../../x", "s3://bucket/a/", "?")


def test_the_refusal_names_the_url() -> None:
    """Operators find it in the log; clients get the public sentence."""
    with pytest.raises(SourceNotAllowed, match=r"Source URL is not allowed: http://b\.test/") as refusal:
        check_source("http://b.test/", PATTERNS.read("http://a.test/"))
    assert (refusal.value.status, refusal.value.public) == (404, "Invalid source URL")


@given(
    st.sampled_from(("http://a.test/public/", "local:///public/", "s3://b/public/")),
    st.lists(st.sampled_from(("..", ".", "", "a", "public", "%2e%2e")), max_size=8),
)
def test_a_url_that_passes_resolves_below_the_prefix(prefix: str, segments: list[str]) -> None:
    """However segments are mixed, following them on a file system ends below the prefix."""
    url = prefix + "/".join(segments)
    if not is_allowed(url, prefix):
        return
    depth = 1
    for segment in segments:
        climbs = segment == ".." or (segment == "%2e%2e" and prefix.startswith("http"))
        depth = max(0, depth - 1) if climbs else depth + (segment not in ("", "."))
    assert depth >= 1
