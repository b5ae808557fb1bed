"""IPTC data is cut down to its copyright: record 2 keeps three datasets, every other Photoshop resource goes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.codecs.iptc import only_copyright

HEADER = b"Photoshop 3.0\0"
RESOLUTION = 0x03ED
IPTC = 0x0404
THUMBNAIL = 0x040C


def dataset(record: int, number: int, value: bytes) -> bytes:
    """A dataset of the common form, with two bytes of length."""
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


def extended(record: int, number: int, value: bytes, *, length_bytes: int) -> bytes:
    """A dataset whose length takes as many bytes as are given."""
    length = len(value).to_bytes(length_bytes, "big")
    return struct.pack(">BBBH", 0x1C, record, number, 0x8000 | length_bytes) + length + value


def resource(identifier: int, value: bytes, *, name: bytes = b"", signature: bytes = b"8BIM") -> bytes:
    """A Photoshop image resource."""
    pascal_name = bytes([len(name)]) + name
    pascal_name += bytes(len(pascal_name) % 2)
    return (
        signature
        + struct.pack(">H", identifier)
        + pascal_name
        + struct.pack(">I", len(value))
        + value
        + bytes(len(value) % 2)
    )


CHARACTER_SET = dataset(1, 90, b"\x1b%G")
BY_LINE = dataset(2, 80, b"Jo")
CREDIT = dataset(2, 110, b"Agency")
NOTICE = dataset(2, 116, "© Jo".encode())
CITY = dataset(2, 90, b"Wien")
VERSION = dataset(2, 0, b"\0\4")
KEYWORD = dataset(2, 25, b"dog")


@pytest.mark.parametrize(
    ("datasets", "kept"),
    [
        (BY_LINE, BY_LINE),
        (CREDIT, CREDIT),
        (NOTICE, NOTICE),
        (BY_LINE + BY_LINE, BY_LINE + BY_LINE),
        (VERSION + KEYWORD + NOTICE + CITY + BY_LINE, NOTICE + BY_LINE),
        (CHARACTER_SET + NOTICE, CHARACTER_SET + NOTICE),
        (CHARACTER_SET + CITY, CHARACTER_SET),
        (dataset(3, 90, b"x") + dataset(7, 20, b"y") + CITY, dataset(3, 90, b"x") + dataset(7, 20, b"y")),
        (dataset(2, 116, b""), dataset(2, 116, b"")),
        (KEYWORD + extended(2, 116, b"c" * 40_000, length_bytes=4), extended(2, 116, b"c" * 40_000, length_bytes=4)),
        (extended(2, 25, b"k", length_bytes=1) + NOTICE, NOTICE),
    ],
)
class TestWhichDatasetsSurvive:
    """By-line, credit and copyright notice of record 2 survive, and every other record."""

    def test_a_bare_row_stays_a_bare_row(self, datasets: bytes, kept: bytes) -> None:
        """A bare row of datasets, as in a TIFF, stays one."""
        assert only_copyright(datasets) == kept

    def test_a_photoshop_payload_stays_one(self, datasets: bytes, kept: bytes) -> None:
        """The payload of a JPEG segment stays one."""
        assert only_copyright(HEADER + resource(IPTC, datasets)) == HEADER + resource(IPTC, kept)

    def test_resources_without_the_photoshop_header_stay_without_it(self, datasets: bytes, kept: bytes) -> None:
        """Resources that come without the header of the JPEG segment get none."""
        assert only_copyright(resource(IPTC, datasets)) == resource(IPTC, kept)


@pytest.mark.parametrize("value", [b"even", b"odd"])
def test_the_written_resource_has_the_bytes_that_the_format_lays_down(value: bytes) -> None:
    """The resource has no name, its length counts no padding, and an odd value is padded."""
    length = 5 + len(value)
    row = b"\x1c\x02\x74\x00" + bytes([len(value)]) + value

    kept = only_copyright(HEADER + resource(IPTC, KEYWORD + row))

    expected = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00" + bytes([length]) + row + bytes(length % 2)
    assert kept == expected


@pytest.mark.parametrize(
    "before",
    [
        resource(RESOLUTION, bytes(16)),
        resource(RESOLUTION, b"odd"),
        resource(THUMBNAIL, b"", name=b"even"),
        resource(THUMBNAIL, b"x", name=b"odd"),
        resource(IPTC, CITY, signature=b"MeSa"),
        resource(THUMBNAIL, b"8BIM\x04\x04\0\0\0\0\0\0"),
    ],
)
def test_every_other_resource_is_dropped(before: bytes) -> None:
    """Resources before and after the IPTC resource are dropped, and so is its name."""
    data = HEADER + before + resource(IPTC, NOTICE, name=b"name") + resource(THUMBNAIL, b"pixels")

    assert only_copyright(data) == HEADER + resource(IPTC, NOTICE)


def test_the_first_of_several_iptc_resources_counts() -> None:
    """Of several IPTC resources the first counts."""
    data = HEADER + resource(IPTC, NOTICE) + resource(IPTC, CREDIT)

    assert only_copyright(data) == HEADER + resource(IPTC, NOTICE)


@pytest.mark.parametrize("rest", [b"8BIM\x04\x0c\0\0\x7f\xff\xff\xffcut off", b"8BI", b"else"])
def test_what_follows_the_iptc_resource_may_be_cut_off(rest: bytes) -> None:
    """A list of resources longer than one JPEG segment reaches us without its end."""
    assert only_copyright(HEADER + resource(IPTC, NOTICE) + rest) == HEADER + resource(IPTC, NOTICE)


def test_a_last_value_of_odd_size_needs_no_padding() -> None:
    """A last value of odd size is read without padding and written with it."""
    unpadded = (HEADER + resource(IPTC, BY_LINE))[:-1]

    assert only_copyright(unpadded) == HEADER + resource(IPTC, BY_LINE)


def test_zeros_that_fill_up_a_row_are_dropped() -> None:
    """Zeros after the last dataset are no damage and do not survive."""
    assert only_copyright(CITY + NOTICE + bytes(3)) == NOTICE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER,
        CITY,
        VERSION + KEYWORD,
        resource(RESOLUTION, bytes(16)),
        HEADER + resource(RESOLUTION, bytes(16)),
        HEADER + resource(IPTC, b""),
        HEADER + resource(IPTC, CITY),
    ],
)
def test_nothing_is_left_where_there_is_no_copyright(data: bytes) -> None:
    """Data without any dataset that survives gives nothing, not an empty container."""
    assert only_copyright(data) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes(8), id="zeros"),
        pytest.param(b"Photoshop 2.5" + resource(IPTC, NOTICE), id="another header"),
        pytest.param(HEADER + NOTICE, id="a row where resources belong"),
        pytest.param(HEADER + b"9BIM" + resource(IPTC, NOTICE)[4:], id="unknown signature"),
        pytest.param(HEADER + resource(RESOLUTION, b"odd")[:-1] + resource(IPTC, NOTICE), id="padding left out"),
        pytest.param(HEADER + resource(IPTC, NOTICE)[:-2], id="resource cut off"),
        pytest.param(HEADER + resource(IPTC, NOTICE)[:9], id="resource header cut off"),
        pytest.param(HEADER + b"8BIM\x04\x04\xff", id="name cut off"),
        pytest.param(HEADER + resource(IPTC, NOTICE + b"\x1d"), id="no dataset after a dataset"),
        pytest.param(NOTICE + b"\0\0\1", id="padding that is not zero"),
        pytest.param(NOTICE[:-1], id="value cut off"),
        pytest.param(NOTICE + b"\x1c", id="dataset without record"),
        pytest.param(NOTICE + b"\x1c\x02\x74\x00", id="length cut off"),
        pytest.param(NOTICE + b"\x1c\x02\x74\x80\x00", id="extended length of no bytes"),
        pytest.param(NOTICE + extended(2, 116, b"x", length_bytes=5), id="extended length of five bytes"),
        pytest.param(NOTICE + b"\x1c\x02\x74\x80\x04\0\0", id="extended length cut off"),
        pytest.param(NOTICE + b"\x1c\x02\x74\x80\x04\xff\xff\xff\xffx", id="extended value cut off"),
    ],
)
def test_malformed_data_is_dropped_whole(data: bytes) -> None:
    """Damage anywhere in what must be read drops the copyright before it too."""
    assert only_copyright(data) is None


def test_data_beyond_one_mebibyte_is_refused() -> None:
    """One mebibyte is read, one byte more is not."""
    largest = NOTICE + bytes((1 << 20) - len(NOTICE))

    assert only_copyright(largest) == NOTICE
    assert only_copyright(largest + b"\0") is None


@given(st.binary(max_size=64), st.sampled_from([b"", b"\x1c\x02\x74", b"8BIM\x04\x04\0\0\0\0\0", HEADER]))
def test_any_bytes_give_a_fixed_point_or_nothing(tail: bytes, start: bytes) -> None:
    """No bytes raise an error, and a result filtered again stays as it is."""
    kept = only_copyright(start + tail)

    assert kept is None or only_copyright(kept) == kept
