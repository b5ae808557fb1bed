"""The tag of an original: one for each source object, whatever its URL looks like."""

from __future__ import annotations

import hashlib

import pytest

from renderer.cache.tags import original_tag


def tag(bucket: str, key: str) -> str:
    """The tag of an object, computed as the rule says it."""
    return "o-" + hashlib.sha256(bucket.encode() + b"\0" + key.encode()).hexdigest()[:32]


def test_a_tag_has_a_form_that_any_cdn_takes() -> None:
    """A tag is `o-` and 32 hexadecimal digits; this one is fixed, because tags are stored outside."""
    assert original_tag("local:///a.jpg") == "o-f5728ffd78f3884b4943f5564daa1888"


@pytest.mark.parametrize(
    ("url", "bucket", "key"),
    [
        ("local:///a.jpg", "", "a.jpg"),
        ("local:///dir/a.jpg", "", "dir/a.jpg"),
        ("local:/dir/a.jpg", "", "dir/a.jpg"),
        ("LOCAL:///dir/a.jpg", "", "dir/a.jpg"),
        ("local://host/dir/a.jpg", "", "dir/a.jpg"),
        ("local:////dir//a.jpg", "", "dir/a.jpg"),
        ("local:///other/../dir/./a.jpg", "", "dir/a.jpg"),
        ("local:///../a.jpg", "", "a.jpg"),
        ("local:///a.jpg?version", "", "a.jpg"),
        ("local:///a%20b.jpg", "", "a%20b.jpg"),
        ("local:///ä.jpg", "", "ä.jpg"),
        ("s3://bucket/dir/a.jpg", "bucket", "dir/a.jpg"),
        ("s3://bucket/dir/a.jpg?versionId", "bucket", "dir/a.jpg"),
        ("s3://Bucket/a/../b", "Bucket", "a/../b"),
        ("gs://bucket/a", "bucket", "a"),
        ("http://example.com/a.jpg", "example.com", "a.jpg"),
        ("http://EXAMPLE.com/a.jpg", "example.com", "a.jpg"),
        ("HTTP://example.com/a.jpg", "example.com", "a.jpg"),
        ("https://example.com/a.jpg", "example.com", "a.jpg"),
        ("http://example.com:80/a.jpg", "example.com", "a.jpg"),
        ("https://example.com:443/a.jpg", "example.com", "a.jpg"),
        ("http://example.com:443/a.jpg", "example.com:443", "a.jpg"),
        ("http://example.com:8080/a.jpg", "example.com:8080", "a.jpg"),
        ("http://user:password@example.com/a.jpg", "example.com", "a.jpg"),
        ("http://example.com/a.jpg?v=1", "example.com", "a.jpg?v=1"),
        ("http://example.com/a.jpg#part", "example.com", "a.jpg"),
        ("http://example.com", "example.com", ""),
        ("http://example.com/", "example.com", ""),
        ("http://[::1]:8080/a", "::1:8080", "a"),
        ("a.jpg", "", "a.jpg"),
        ("", "", ""),
    ],
)
def test_a_tag_is_made_of_bucket_and_key(url: str, bucket: str, key: str) -> None:
    """A tag is made of bucket and key; for http the host is the bucket, local files have none."""
    assert original_tag(url) == tag(bucket, key)


@pytest.mark.parametrize(
    ("url", "separator", "key"),
    [
        ("local:///a?b~c", "~", "a?b"),
        ("local:///a?b~c", "", "a?b~c"),
        ("local:///a?b", "?", "a"),
    ],
)
def test_the_version_is_what_follows_the_configured_separator(url: str, separator: str, key: str) -> None:
    """The version of an object, which follows the configured separator, is no part of its key."""
    assert original_tag(url, separator) == tag("", key)


@pytest.mark.parametrize(
    "url", ["http://[", "http://h:99999/a", "http://h:x/a", "http:", "x:", ":", "\udce4", "http://\udce4/\udce4", "?"]
)
def test_a_url_that_nothing_can_be_fetched_from_has_a_tag_too(url: str) -> None:
    """A URL that nothing can be fetched from has a tag too, because its error is an answer that caches keep."""
    assert len(original_tag(url)) == 34


def test_objects_with_other_names_have_other_tags() -> None:
    """Objects with other names have other tags, also where bucket and key only seem to join to the same text."""
    urls = [
        "local:///a/b",
        "local:///b",
        "s3://a/b",
        "s3://ab/",
        "http://a/b",
        "http://a:81/b",
        "http://a/b?c",
        "http://b/a",
    ]
    # A bucket and a host of the same name are one to the rule; all other pairs differ.
    assert len({original_tag(url) for url in urls}) == len(urls) - 1
