"""Range headers for files."""

from __future__ import annotations

import pytest

from renderer.sources.byte_range import ByteRange, byte_range


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-1", 0, 1),
        ("bytes=2-5", 2, 5),
        ("bytes=5-5", 5, 5),
        ("bytes=0-", 0, 9),
        ("bytes=9-", 9, 9),
        ("bytes=0-9", 0, 9),
        ("bytes=5-100", 5, 9),
        ("bytes=5-9223372036854775807", 5, 9),
        ("bytes= 2 - 5 ", 2, 5),
        ("bytes=2-5,7-8", 2, 5),
        ("bytes=,2-5", 2, 5),
    ],
)
def test_the_first_range_counts_and_ends_with_the_file(header: str, first: int, last: int) -> None:
    wanted = byte_range(header, size=10)

    assert wanted == ByteRange(first=first, last=last)
    assert wanted.length == last - first + 1


@pytest.mark.parametrize("header", [None, "", "bytes=0-0"])
def test_no_range_and_the_first_byte_alone_mean_the_whole_file(header: str | None) -> None:
    assert byte_range(header, size=10) is None


@pytest.mark.parametrize(
    "header",
    [
        "bytes=-5",
        "bytes=",
        "bytes=,",
        "bytes=5",
        "bytes=x-5",
        "bytes=5-x",
        "bytes=5-4",
        "bytes=10-",
        "bytes=10-20",
        "bytes=--5",
        "bytes=5--3",
        "bytes=99999999999999999999-",
        "Bytes=0-1",
        "items=0-1",
        "0-1",
    ],
)
def test_a_range_that_is_malformed_or_outside_is_an_error(header: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        byte_range(header, size=10)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-5"])
def test_an_empty_file_has_no_part(header: str) -> None:
    with pytest.raises(ValueError, match="outside"):
        byte_range(header, size=0)
