"""URLs that are not http(s): opaque keys."""

from __future__ import annotations

import pytest

from renderer.sources.object_url import ObjectAddress, object_address, scheme_of


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("local:///x", "local"),
        ("LOCAL:///x", "local"),
        ("http://x", "http"),
        ("data:image/png;base64,AA", "data"),
        ("a+b.c-d:x", "a+b.c-d"),
        ("photo.jpg", ""),
        ("1x:y", ""),
        (":x", ""),
        ("", ""),
        ("é:x", ""),
        (" local:///x", ""),
    ],
)
def test_the_scheme_is_read_in_lower_case(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme


@pytest.mark.parametrize(
    ("url", "container", "key", "query"),
    [
        ("local:///photo.jpg", "", "photo.jpg", ""),
        ("local://anything/photo.jpg", "anything", "photo.jpg", ""),
        ("local:////a//b.jpg", "", "a//b.jpg", ""),
        ("local:/photo.jpg", "", "photo.jpg", ""),
        ("local:photo.jpg", "", "", ""),
        ("local://photo.jpg", "photo.jpg", "", ""),
        ("local:///", "", "", ""),
        ("local:///a%20b.jpg", "", "a%20b.jpg", ""),
        ("local:///a#b.jpg", "", "a#b.jpg", ""),
        ("local:///a.jpg?v=1?2", "", "a.jpg", "v=1?2"),
        ("local:///?v=1", "", "", "v=1"),
        ("s3://bu%cket/a/b@c.jpg", "bu%cket", "a/b@c.jpg", ""),
        ("s3://bucket?x/a.jpg", "bucket?x", "a.jpg", ""),
        ("local:///é\n.jpg", "", "é\n.jpg", ""),
    ],
)
def test_container_key_and_query_are_literal(url: str, container: str, key: str, query: str) -> None:
    assert object_address(url, query_separator="?") == ObjectAddress(container=container, key=key, query=query)


@pytest.mark.parametrize(
    ("separator", "key", "query"),
    [("", "a?version=1", ""), ("?version=", "a", "1"), ("=", "a?version", "1"), ("#", "a?version=1", "")],
)
def test_the_separator_is_configurable(separator: str, key: str, query: str) -> None:
    address = object_address("local:///a?version=1", query_separator=separator)

    assert (address.key, address.query) == (key, query)
