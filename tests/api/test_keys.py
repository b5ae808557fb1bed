"""Keys: one thing in S3, in a URL, in a folder, in a tag and on a screen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.keys import checked_key, content_key, is_content_key, key_from_path
from api.problems import InvalidKey
from renderer.formats import ImageFormat


@pytest.mark.parametrize(
    "key", ["a", "a/b/c.jpg", "x" * 1024, "ü/é.png", "a b+c&d@e%f#g'h\"i.jpg", "👟.png", "...", "incoming.jpg"]
)
def test_what_may_be_a_key_is_left_as_it_is(key: str) -> None:
    assert checked_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.", "./a"),
        *("x" * 1025, "é" * 513),
        *("a\0b", "a\nb", "a\x7fb", "a\x85b", "a?b", "a\u2028b", "\ufeffa", "a\uffff"),
        *("a\u202egpj.exe", "a\u200fb", "a\u2066b", "a\u061cb"),
        "e\u0301",
        "\udcff",
        *("incoming", "incoming/a"),
    ],
)
def test_what_may_be_no_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidKey):
        checked_key(key)


@pytest.mark.parametrize(
    ("encoded", "key"),
    [("a/b.jpg", "a/b.jpg"), ("a%2Fb", "a/b"), ("a%2520b", "a%20b"), ("a+b", "a+b"), ("%C3%A9.png", "é.png")],
)
def test_a_path_is_decoded_once(encoded: str, key: str) -> None:
    assert key_from_path(encoded) == key


@pytest.mark.parametrize(
    "encoded", ["%", "a%2", "a%zz", "%ff", "a%00", "%2e%2e/a", "a%2f%2fb", "%E2%80%AEa", "e%CC%81"]
)
def test_a_path_that_decodes_to_no_key_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidKey):
        key_from_path(encoded)


@given(st.text(max_size=40))
def test_whatever_passes_is_safe_as_a_path_and_the_rest_is_a_problem(text: str) -> None:
    """Nothing but InvalidKey is raised."""
    try:
        key = checked_key(text)
    except InvalidKey as problem:
        assert problem.detail
    else:
        assert not {"", ".", ".."} & set(key.split("/"))
        assert not any(unicodedata.category(letter) == "Cc" for letter in key)


def test_a_key_made_of_content_is_known_as_one() -> None:
    key = content_key(b"abc", ImageFormat.JPEG)

    assert key == "ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.jpg"
    assert is_content_key(key)
    assert not is_content_key(f"x/{key}")
    assert not is_content_key(key.replace("ba/", "bb/"))
