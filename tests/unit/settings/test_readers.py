"""Each kind of setting takes exactly the texts that imgproxy takes."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.formats import ImageFormat
from renderer.settings.declare import Reader
from renderer.settings.readers import (
    AES_KEY,
    BOOLEAN,
    FORMATS,
    HEX_LIST,
    MOMENT,
    PATTERNS,
    QUALITIES,
    REPLACEMENTS,
    TEXT,
    integer,
    megapixels,
    non_empty,
    number,
    one_of,
    path,
    prefix_pattern,
    wildcard_pattern,
    words,
)

COLORS = one_of("red", "green")
OPACITY = number(high=1, above=0)

ACCEPTED = [
    (BOOLEAN, "T", True),
    (BOOLEAN, "False", False),
    (TEXT, "  as written ", "  as written "),
    (integer(), "-5", -5),
    (integer(0), "0", 0),
    (integer(1, 32), "+32", 32),
    (number(), "1e1", 10.0),
    (OPACITY, "1", 1.0),
    (OPACITY, "0x1p-2", 0.25),
    (megapixels(above=0), "50", 50_000_000),
    (megapixels(above=0), "0.0000019", 1),
    (megapixels(), "0", 0),
    (megapixels(), "-1.5", -1_500_000),
    (COLORS, "RED", "red"),
    (words(), "a", ("a",)),
    (words(), " a ,,b c,", ("a", "", "b c", "")),
    (words(empty_items=False), "a, b", ("a", "b")),
    (HEX_LIST, "aA, 00ff", (b"\xaa", b"\x00\xff")),
    (AES_KEY, "00" * 16, bytes(16)),
    (AES_KEY, "Ff" * 24, b"\xff" * 24),
    (AES_KEY, "00" * 32, bytes(32)),
    (FORMATS, "jpeg", (ImageFormat.JPEG,)),
    (FORMATS, " jpg, webp ", (ImageFormat.JPEG, ImageFormat.WEBP)),
    (QUALITIES, "webp=79", ((ImageFormat.WEBP, 79),)),
    (QUALITIES, " jpg = 1 , avif=100 ", ((ImageFormat.JPEG, 1), (ImageFormat.AVIF, 100))),
    (QUALITIES, "jpg=1,jpeg=2", ((ImageFormat.JPEG, 2),)),
    (MOMENT, "2024-02-29T12:30:00Z", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
    (MOMENT, "2024-02-29T12:30:00.5+02:00", datetime(2024, 2, 29, 10, 30, 0, 500_000, tzinfo=UTC)),
    (path("a path"), " /a b ", PurePath(" /a b ")),
    (non_empty(), " ; ", " ; "),
]


@pytest.mark.parametrize(("reader", "text", "value"), ACCEPTED)
def test_a_kind_takes_its_texts(reader: Reader, text: str, value: object) -> None:
    """A kind takes its texts and makes typed values of them."""
    assert reader.read(text) == value


REFUSED = [
    *((BOOLEAN, text) for text in ("", "yes", " true", "true ", "on", "2")),
    *((integer(), text) for text in ("", " 1", "1 ", "1.0", "1_0", "9223372036854775808")),
    *((integer(0), text) for text in ("-1",)),
    *((integer(1, 32), text) for text in ("0", "33")),
    *((number(), text) for text in (" 1", "1 ", "a", "1e999")),
    *((OPACITY, text) for text in ("0", "-0.1", "1.0001", "nan", "inf", "-inf")),
    *((number(0), text) for text in ("nan", "-1")),
    *((megapixels(above=0), text) for text in ("0", "-1", "nan", "inf", "1e305", " 1")),
    *((megapixels(), text) for text in ("nan", "-inf", "1e305")),
    *((COLORS, text) for text in ("blue", " red", "red ", "")),
    *((words(empty_items=False), text) for text in (",", "a,", ",a", "a, ,b")),
    *((HEX_LIST, text) for text in ("aa,", ",", "a", "0x00", "zz", "aa bb", "aa;bb", "\u0660\u0660")),
    *((AES_KEY, text) for text in ("00" * 15, "00" * 33, "zz" * 16, " " + "00" * 16)),
    *((FORMATS, text) for text in ("jpeg,", "JPEG", "tif", "heif", "best", "jpeg;png")),
    *((QUALITIES, text) for text in ("webp", "webp=", "webp=0", "webp=101", "webp=a", "webp=1.5", "tif=1", "webp=1,")),
    *((PATTERNS, text) for text in ("http://x/,", ",", "a,,b", " , a")),
    *((REPLACEMENTS, text) for text in ("a", "a=b;", ";a=b", "a=b;;c=d")),
    *((MOMENT, text) for text in ("2024-02-29", "2024-02-29T12:30:00", "2024-02-30T12:30:00Z", "20240229T123000Z")),
    *((MOMENT, text) for text in ("2024-02-29 12:30:00Z", " 2024-02-29T12:30:00Z", "0001-01-01T00:00:00+01:00")),
    (non_empty(), ""),
]


@pytest.mark.parametrize(("reader", "text"), REFUSED)
def test_a_kind_refuses_every_other_text(reader: Reader, text: str) -> None:
    """A kind refuses every other text with the one exception that the loader catches."""
    with pytest.raises(ValueError, match=r".+"):
        reader.read(text)


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (integer(), "a whole number"),
        (integer(1), "a whole number of at least 1"),
        (integer(1, 32), "a whole number from 1 to 32"),
        (OPACITY, "a number above 0 of at most 1"),
        (megapixels(above=0), "a number of megapixels above 0"),
        (COLORS, "one of red, green"),
        (words(empty_items=False), "a comma-separated list without empty items"),
        (path("the path of a file"), "the path of a file"),
    ],
)
def test_a_kind_says_what_it_expects_with_its_bounds(reader: Reader, expected: str) -> None:
    """A kind says what it expects, with its bounds."""
    assert reader.expected == expected


@pytest.mark.parametrize("compile_pattern", [wildcard_pattern, prefix_pattern])
@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("http://a/", "http://a/b.jpg", True),
        ("http://a/", "http://a", False),
        ("http://a/", "HTTP://a/b", False),
        ("http://a/", " http://a/", False),
        ("http://a.b/", "http://axb/", False),
        ("a+(b)[c]", "a+(b)[c]d", True),
        ("http://*.a/", "http://x.a/", True),
        ("http://*.a/", "http://.a/", True),
        ("http://*.a/", "http://x.y.a/b", True),
        ("http://*.a/", "http://x/y.a/", False),
        ("http://*.a/", "http://x.a.evil/", False),
        ("http://*a*/b", "http://xaay/b", True),
        ("http://*/b*/c", "http://x/by/c", True),
        ("http://*/b*/c", "http://x/by/d/c", False),
        ("*", "", True),
        ("**", "a/b", True),
        ("a*", "a", True),
        ("http://*/", "http://x\ny/z", True),
    ],
)
def test_a_star_is_a_run_without_a_slash_and_the_rest_is_literal_from_the_start(
    compile_pattern: Any, pattern: str, text: str, is_match: bool
) -> None:
    """A star is a run without a slash; the rest is literal, from the start, and open at the end."""
    assert (compile_pattern(pattern).match(text) is not None) is is_match


@given(st.text("ab/*", max_size=8), st.text("ab/", max_size=12))
def test_both_kinds_of_pattern_match_the_same_texts(pattern: str, text: str) -> None:
    """The pattern without groups matches the same texts as the one with groups."""
    assert bool(prefix_pattern(pattern).match(text)) is bool(wildcard_pattern(pattern).match(text))


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("http://*/*.jpg", "http://a/b.jpg.jpg?", ("a", "b.jpg")),
        ("*-*", "a-b-c/d", ("a-b", "c")),
        ("**", "ab", ("ab", "")),
    ],
)
def test_each_star_is_a_group_that_takes_as_much_as_it_can(pattern: str, text: str, groups: tuple[str, ...]) -> None:
    """Each star of a replacement is a group that takes as much as it can."""
    match = wildcard_pattern(pattern).match(text)

    assert match is not None
    assert match.groups() == groups


@pytest.mark.parametrize(
    "pattern", ["https://*.*.example.com/", "https://*-*-*-*/x", "https://********/x", "*.*.*.*.x"]
)
def test_no_url_makes_an_allow_list_slow(pattern: str) -> None:
    """No URL makes an allow-list slow, however many stars one segment has."""
    (compiled,) = PATTERNS.read(pattern)
    url = "https://" + "a.-" * 300_000

    started = time.process_time()
    assert compiled.match(url) is None

    # Measured 0.02 s. With groups the first pattern needs 9 s for a URL of 60 KB, and the time grows with its square.
    assert time.process_time() - started < 1


def test_allow_list_items_are_trimmed() -> None:
    """Allow-list items are trimmed and keep their order."""
    patterns = PATTERNS.read(" http://a/ , local:// ")

    assert [bool(pattern.match("local:///x")) for pattern in patterns] == [False, True]


def test_replacements_are_not_trimmed_and_divide_at_their_first_equals_sign() -> None:
    """Replacements are not trimmed and divide at their first equals sign."""
    pairs = REPLACEMENTS.read(" a = b ;c==d;x=")

    assert [(pattern.pattern, replacement) for pattern, replacement in pairs] == [
        (re.escape(" a "), " b "),
        ("c", "=d"),
        ("x", ""),
    ]
