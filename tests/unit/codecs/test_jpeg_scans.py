"""The structure of progressive JPEGs: what is read, what is left alone, and that nothing takes long."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.codecs.jpeg_eighth import without_unseen_scans
from renderer.codecs.jpeg_scans import Component, Scan, read_progressive
from tests.images.progressive import ScanHeader, frame_header, scan_header, segment, tables

_START, _END = b"\xff\xd8", b"\xff\xd9"
_GREY, _COLOR = ((1, 1),), ((2, 2), (1, 1), (1, 1))
_SIZE = (100, 50)
_JFIF = segment(0xE0, b"JFIF\0" + bytes(9))
_QUANTIZATION = segment(0xDB, bytes([0]) + bytes([1] * 64))
_BITS = b"\x12\xff\x00\x34"
_HEAD = _START + _JFIF + _QUANTIZATION + frame_header(_SIZE, _GREY) + tables(0)
_MEANS = ScanHeader(components=(0,))
_DETAIL = ScanHeader(components=(0,), first=1, last=63)


def _scans(*headers: ScanHeader) -> bytes:
    return b"".join(scan_header(header) + _BITS for header in headers)


_SOUND = _HEAD + _scans(_MEANS, _DETAIL) + _END


def test_a_file_is_taken_apart() -> None:
    head = _START + frame_header(_SIZE, _COLOR) + tables(0)
    means = _scans(ScanHeader(components=(0, 1, 2)))
    details = [_scans(dataclasses.replace(_DETAIL, components=(index,))) for index in range(3)]
    starts = [len(head), *(len(head + means) + index * len(details[0]) for index in range(4))]

    picture = read_progressive(head + means + b"".join(details) + _END + b"a second picture")

    assert picture is not None
    assert (picture.width, picture.height, picture.end) == (*_SIZE, starts[4])
    assert picture.components == tuple(
        Component(identifier=index + 1, horizontal=h, vertical=v) for index, (h, v) in enumerate(_COLOR)
    )
    assert picture.scans == (
        Scan(start=starts[0], end=starts[1], components=(0, 1, 2), first=0),
        *(Scan(start=starts[1 + i], end=starts[2 + i], components=(i,), first=1) for i in range(3)),
    )


@pytest.mark.parametrize(
    "data",
    [
        _HEAD + scan_header(_MEANS) + b"\x01\xff\xd0\x02\xff\xd7\xff\xff\x00\x03" + _scans(_DETAIL) + _END,
        _HEAD + _scans(_MEANS) + b"\xff\xff\xff" + _scans(_DETAIL) + b"\xff\xff" + _END,
        _HEAD + _scans(_MEANS) + segment(0xDD, b"\0\7") + tables(1) + _scans(_DETAIL) + segment(0xFE, b"hm") + _END,
        _HEAD + _scans(_MEANS, dataclasses.replace(_DETAIL, last=9), dataclasses.replace(_DETAIL, first=10)) + _END,
        _HEAD
        + _scans(ScanHeader(components=(0,), after=1), _DETAIL, ScanHeader(components=(0,), before=1, after=0))
        + _END,
        _HEAD + segment(0xE1, b"\xff\xd9\xff\xda") + _scans(_MEANS, _DETAIL) + _END,
    ],
    ids=["restarts", "fill bytes", "tables between", "bands", "refined means behind detail", "markers in metadata"],
)
def test_usual_files_are_read(data: bytes) -> None:
    assert read_progressive(data) is not None


_UNUSUAL = {
    "nothing": b"",
    "no jpeg": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "no end": _SOUND[:-2],
    "no scans": _HEAD + _END,
    "no frame": _START + tables(0) + _scans(_MEANS, _DETAIL) + _END,
    "only means": _HEAD + _scans(_MEANS) + _END,
    "only detail": _HEAD + _scans(_DETAIL) + _END,
    "detail before means": _HEAD + _scans(_DETAIL, _MEANS) + _END,
    "a coefficient is missing": _HEAD + _scans(_MEANS, dataclasses.replace(_DETAIL, last=62)) + _END,
    "a bit is missing": _HEAD + _scans(_MEANS, dataclasses.replace(_DETAIL, after=1)) + _END,
    "a bit of the mean is missing": _HEAD + _scans(dataclasses.replace(_MEANS, after=1), _DETAIL) + _END,
    "a band twice": _HEAD + _scans(_MEANS, _DETAIL, _DETAIL) + _END,
    "bands that overlap": _HEAD + _scans(_MEANS, dataclasses.replace(_DETAIL, last=9), _DETAIL) + _END,
    "refined before it is there": _HEAD + _scans(_MEANS, dataclasses.replace(_DETAIL, before=1)) + _END,
    "two bits at once": _HEAD
    + _scans(_MEANS, dataclasses.replace(_DETAIL, after=2), dataclasses.replace(_DETAIL, before=2))
    + _END,
    "means and detail in one scan": _HEAD + _scans(ScanHeader(components=(0,), last=63)) + _END,
    "more than 64 coefficients": _HEAD + _scans(_MEANS, dataclasses.replace(_DETAIL, last=64)) + _END,
    "a band that ends before it starts": _HEAD + _scans(_MEANS, ScanHeader(components=(0,), first=9, last=3)) + _END,
    "more bits than there are": _HEAD + _scans(_MEANS, dataclasses.replace(_DETAIL, after=14)) + _END,
    "no component": _HEAD + segment(0xDA, bytes([0, 0, 0, 0])) + _END,
    "an unknown component": _HEAD + _scans(_MEANS, _DETAIL, ScanHeader(components=(3,))) + _END,
    "a component twice": _HEAD + _scans(ScanHeader(components=(0, 0)), _DETAIL) + _END,
    "detail of two components": _START
    + frame_header(_SIZE, _COLOR)
    + tables(0)
    + _scans(ScanHeader(components=(0, 1, 2)), ScanHeader(components=(0, 1, 2), first=1, last=63))
    + _END,
    "a table that is not there": _HEAD + scan_header(_MEANS) + scan_header(_DETAIL, table=2) + _BITS + _END,
    "a scan header too long": _HEAD + segment(0xDA, bytes([1, 1, 0, 0, 0, 0, 0])) + _scans(_DETAIL) + _END,
    "an empty scan header": _HEAD + segment(0xDA, b"") + _END,
    "two frames": _HEAD + frame_header(_SIZE, _GREY) + _scans(_MEANS, _DETAIL) + _END,
    "garbage between segments": _HEAD + b"\0" + _scans(_MEANS, _DETAIL) + _END,
    "a reserved marker in a scan": _HEAD + scan_header(_MEANS) + b"\xff\x02" + _scans(_DETAIL) + _END,
    "a stray restart": _HEAD + b"\xff\xd0" + _scans(_MEANS, _DETAIL) + _END,
    "a height that follows": _HEAD + _scans(_MEANS) + segment(0xDC, b"\0\1") + _scans(_DETAIL) + _END,
    "a hierarchy": _START + segment(0xDE, frame_header(_SIZE, _GREY)[4:]) + _SOUND[2:],
    "conditioning of arithmetic codes": _HEAD + segment(0xCC, bytes([0, 0x10])) + _scans(_MEANS, _DETAIL) + _END,
    "a segment beyond the end": _START + b"\xff\xfe\xff\xff" + _SOUND[2:],
    "a segment of no length": _START + b"\xff\xfe\x00\x01" + _SOUND[2:],
    "a length cut in half": _START + b"\xff\xfe\x00",
    "a marker cut in half": _HEAD + _scans(_MEANS, _DETAIL) + b"\xff",
}


@pytest.mark.parametrize("data", _UNUSUAL.values(), ids=_UNUSUAL)
def test_unusual_files_are_left_alone(data: bytes) -> None:
    assert read_progressive(data) is None
    assert without_unseen_scans(data, max_bytes=10_000) is None


@pytest.mark.parametrize("marker", sorted({*range(0xC0, 0xD0)} - {0xC2, 0xC4, 0xC8, 0xCC}))
def test_only_progressive_huffman_coding_is_read(marker: int) -> None:
    head = _START + _QUANTIZATION + frame_header(_SIZE, _GREY, marker=marker) + tables(0)

    assert read_progressive(head + _scans(_MEANS, _DETAIL) + _END) is None


@pytest.mark.parametrize(
    "frame",
    [
        frame_header(_SIZE, _GREY, precision=12),
        frame_header((0, 50), _GREY),
        frame_header((100, 0), _GREY),
        frame_header(_SIZE, ()),
        frame_header(_SIZE, ((1, 1),) * 5),
        frame_header(_SIZE, ((0, 1),)),
        frame_header(_SIZE, ((5, 1),)),
        frame_header(_SIZE, ((1, 5),)),
        segment(0xC2, frame_header(_SIZE, _GREY)[4:] + b"\0"),
        segment(0xC2, b"\x08\0\1"),
        segment(0xC2, b"\x08\0\x32\0\x64\2" + b"\1\x11\0" * 2),
    ],
    ids=[
        "12 bits",
        "no width",
        "no height",
        "no component",
        "five components",
        "factor 0",
        "factor 5",
        "vertical factor 5",
        "too long",
        "too short",
        "one identifier for two",
    ],
)
def test_unusual_frames_are_left_alone(frame: bytes) -> None:
    assert read_progressive(_START + frame + tables(0) + _scans(_MEANS, _DETAIL) + _END) is None


@pytest.mark.parametrize(
    ("body", "is_usual"),
    [
        (b"", True),
        (b"\x10" + bytes([1, *[0] * 15]) + b"\0", True),
        (b"\x10" + bytes([1, 1, 1, *[0] * 13]) + bytes(3), True),
        (b"\x10" + bytes([2, *[0] * 15]) + bytes(2), False),
        (b"\x10" + bytes([1, 2, *[0] * 14]) + bytes(3), False),
        (b"\x10" + bytes([*[0] * 15, 255]) + bytes(255), True),
        (b"\x10" + bytes([*[0] * 7, 255, 1, *[0] * 7]) + bytes(256), True),
        (b"\x10" + bytes([*[0] * 7, 255, 2, *[0] * 7]) + bytes(257), False),
        (b"\x14" + bytes([1, *[0] * 15]) + b"\0", False),
        (b"\x20" + bytes([1, *[0] * 15]) + b"\0", False),
        (b"\x10" + bytes([1, *[0] * 15]), False),
        (b"\x10" + bytes(15), False),
        (b"\x10", False),
    ],
    ids=[
        "none",
        "one code",
        "three codes",
        "all ones",
        "all ones at two bits",
        "long codes",
        "256 codes",
        "too many codes",
        "slot 4",
        "class 2",
        "too few symbols",
        "too few counts",
        "no counts",
    ],
)
def test_code_tables_have_to_be_legal(body: bytes, *, is_usual: bool) -> None:
    data = _HEAD + segment(0xC4, body) + _scans(_MEANS, _DETAIL) + _END

    assert (read_progressive(data) is not None) is is_usual


def test_all_but_the_scans_of_detail_is_kept_in_its_order() -> None:
    means, refined = ScanHeader(components=(0,), after=1), ScanHeader(components=(0,), before=1)
    comment, interval = segment(0xFE, b"hm"), segment(0xDD, b"\0\2")
    data = _HEAD + _scans(means) + comment + _scans(_DETAIL) + interval + _scans(refined) + _END + b"behind the end"

    shortened = without_unseen_scans(data, max_bytes=10_000)

    assert shortened is not None
    assert shortened.startswith(_HEAD + _scans(means) + comment + interval + _scans(refined) + b"\xff\xdd\x00\x04\0\0")
    assert shortened.endswith(_END)
    assert b"behind" not in shortened
    assert read_progressive(shortened) is not None


def test_nothing_is_made_where_too_much_would_stay() -> None:
    data = _SOUND.replace(_JFIF, _JFIF + segment(0xE1, bytes(5_000)))

    assert without_unseen_scans(data, max_bytes=5_000) is None
    assert without_unseen_scans(data, max_bytes=6_000) is not None


def test_of_three_sizes_only_the_largest_loses_its_detail() -> None:
    """Each is half of the one before, both ways."""
    factors = ((4, 4), (2, 2), (1, 1))
    details = [_scans(dataclasses.replace(_DETAIL, components=(index,))) for index in range(3)]
    means = _scans(*(ScanHeader(components=(index,)) for index in range(3)))
    data = _START + frame_header(_SIZE, factors) + tables(0) + means + b"".join(details) + _END

    shortened = without_unseen_scans(data, max_bytes=10_000)

    assert shortened is not None
    assert details[0] not in shortened
    assert details[1] + details[2] in shortened


_SECONDS = 0.25


@pytest.mark.parametrize(
    "data",
    [
        _HEAD + scan_header(_MEANS) + b"\xff" * 5_000_000,
        _HEAD + scan_header(_MEANS) + b"\xff\xd0" * 2_500_000,
        _HEAD + scan_header(_MEANS) + b"\xff\x00" * 2_500_000,
        _HEAD + b"\xff" * 5_000_000,
        _HEAD + _scans(_MEANS) + _scans(_DETAIL) * 400_000 + _END,
        _HEAD + _scans(*[dataclasses.replace(_MEANS, after=0)] * 300_000) + _END,
        _HEAD + segment(0xFE, b"") * 1_200_000 + _END,
        _HEAD + tables(0) * 20_000 + _END,
    ],
    ids=["fill bytes", "restarts", "stuffed zeros", "fill before a marker", "scans", "means", "comments", "tables"],
)
def test_hostile_files_are_given_up_soon(data: bytes) -> None:
    begin = time.process_time()

    assert read_progressive(data) is None
    assert time.process_time() - begin < _SECONDS


@settings(max_examples=300)
@given(st.data())
def test_whatever_the_bytes_are_there_is_no_exception(data: st.DataObject) -> None:
    changed = bytearray(_SOUND)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3)) or b"\0"

    shortened = without_unseen_scans(bytes(changed), max_bytes=10_000)

    assert shortened is None or read_progressive(shortened) is not None
