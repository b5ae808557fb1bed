"""Redirects: where they lead and what goes along."""

from __future__ import annotations

import pytest

from renderer.errors import SourceError
from renderer.sources.redirects import first_hop, next_hop


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/y", "http://host.test:81/y"),
        ("y", "http://host.test:81/a/y"),
        ("../y", "http://host.test:81/y"),
        ("?q=%20", "http://host.test:81/a/x?q=%20"),
        ("//other.test/y", "http://other.test/y"),
        ("https://other.test/y%2Fz?a=b#c", "https://other.test/y%2Fz?a=b"),
        ("HTTPS://Other.test/y%20z?a", "https://other.test/y%20z?a"),
        ("http://other.test", "http://other.test/"),
        ("/é b", "http://host.test:81/%C3%A9%20b"),
    ],
)
def test_a_location_is_resolved_against_the_url_that_answered(location: str, url: str) -> None:
    assert str(next_hop(first_hop("http://host.test:81/a/x?p"), location).url) == url


@pytest.mark.parametrize(
    "location",
    [
        "local:///a.jpg",
        "LOCAL:///a.jpg",
        "s3://bucket/key",
        "file:///etc/passwd",
        "ftp://host.test/x",
        "data:image/png;base64,AAAA",
        "http://",
        "http:///x",
        "http://127.1/",
        "//2130706433/",
        "http://[::1/",
        "http://a\\@b/",
        "http://host.test/%zz",
        "/a\x01b",
    ],
)
def test_a_redirect_that_leads_away_from_http_or_nowhere_is_a_source_error(location: str) -> None:
    with pytest.raises(SourceError):
        next_hop(first_hop("http://host.test/"), location)


@pytest.mark.parametrize(
    ("url", "location", "referer"),
    [
        ("http://host.test/a?b#c", "/y", "http://host.test/a?b"),
        ("http://user:pw@host.test/a", "/y", "http://host.test/a"),
        ("https://host.test/a", "https://other.test/", "https://host.test/a"),
        ("http://host.test/a", "https://other.test/", "http://host.test/a"),
        ("https://host.test/a", "http://host.test/", None),
    ],
)
def test_the_referer_is_the_previous_url_unless_that_was_more_secret(
    url: str, location: str, referer: str | None
) -> None:
    assert next_hop(first_hop(url), location).headers.get("Referer") == referer


BASIC = "Basic dXNlcjpwdw=="


@pytest.mark.parametrize(
    ("locations", "authorization"),
    [
        ([], BASIC),
        (["/y"], BASIC),
        (["http://host.test/y"], BASIC),
        (["https://host.test/y"], BASIC),
        (["http://cdn.host.test/y"], BASIC),
        (["http://cdn.host.test/y", "http://host.test/z"], BASIC),
        (["http://other.test/y"], None),
        (["http://evilhost.test/y"], None),
        (["http://test/y"], None),
        (["http://other.test/y", "http://host.test/z"], None),
        (["https://host.test/y", "http://host.test/z"], None),
        (["http://a:b@other.test/y"], "Basic YTpi"),
        (["http://a:b@host.test/y"], "Basic YTpi"),
    ],
)
def test_credentials_stay_with_their_host(locations: list[str], authorization: str | None) -> None:
    hop = first_hop("http://user:pw@host.test/x")
    for location in locations:
        hop = next_hop(hop, location)

    assert hop.headers.get("Authorization") == authorization
