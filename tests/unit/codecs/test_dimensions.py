"""Headers read at a glance: every format, what is cut short or lies, and that nothing takes long."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from renderer.codecs.dimensions import dimensions
from renderer.formats import ImageFormat
from renderer.pipeline.cost import Dimensions


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _frame_header(marker: int = 0xC0) -> bytes:
    return _segment(marker, struct.pack(">BHHB", 8, 300, 400, 3) + bytes(9))


_JFIF = _segment(0xE0, b"JFIF\0" + bytes(9))
_JPEG = b"\xff\xd8" + _JFIF
_PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 400, 300) + bytes(9)
_GIF = b"GIF89a" + struct.pack("<HHBBB", 400, 300, 0, 0, 0)
_GIF_FRAME = b"!\xf9\x04\x00\x05\x00\x00\x00" + b"," + struct.pack("<HHHHB", 0, 0, 400, 300, 0) + b"\x02\x01\x00\x00"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _extended(flags: int) -> bytes:
    return _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + (399).to_bytes(3, "little") + (299).to_bytes(3, "little"))


_WEBP_LOSSY = _riff(_chunk(b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", 400 | 1 << 14, 300) + bytes(8)))
_WEBP_LOSSLESS = _riff(_chunk(b"VP8L", b"\x2f" + struct.pack("<I", 399 | 299 << 14 | 1 << 28) + bytes(5)))
_ANIMATED, _ALPHA = 0x02, 0x10


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _extents(width: int, height: int) -> bytes:
    return _box(b"ispe", struct.pack(">III", 0, width, height))


def _avif(*properties: bytes) -> bytes:
    inner = _box(b"hdlr", bytes(20)) + _box(b"iprp", _box(b"ipco", b"".join(properties)) + _box(b"ipma", bytes(8)))
    return _box(b"ftyp", b"avif" + bytes(8)) + _box(b"meta", bytes(4) + inner) + _box(b"mdat", bytes(50))


def _tiff(order: str, *entries: tuple[int, int, int]) -> bytes:
    """Tags with kind 3 (short, left-aligned in four bytes) or 4 (long)."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    directory = b"".join(
        struct.pack(order + "HHI", tag, kind, 1)
        + (struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value))
        for tag, kind, value in entries
    )
    return start + struct.pack(order + "IIH", 12, 0, len(entries)) + directory


def _bmp(header_bytes: int, width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<Iii", header_bytes, width, height) + bytes(28)


def _ico(*sides: tuple[int, int]) -> bytes:
    return struct.pack("<HHH", 0, 1, len(sides)) + b"".join(bytes([*side]) + bytes(14) for side in sides)


def _jxl(bits: str) -> bytes:
    """A codestream with these bits, lowest first, after its signature."""
    padded = bits.replace(" ", "").ljust(96, "0")
    return b"\xff\x0a" + int(padded[::-1], 2).to_bytes(12, "little")


@pytest.mark.parametrize(
    ("format", "data"),
    [
        (ImageFormat.JPEG, _JPEG + _frame_header()),
        (ImageFormat.JPEG, _JPEG + _segment(0xC4, bytes(20)) + _segment(0xE1, bytes(60_000)) + _frame_header(0xC1)),
        (ImageFormat.JPEG, _JPEG + b"garbage\xff\x00\xff\xff\xff" + _frame_header()[1:]),
        (ImageFormat.JPEG, b"\xff\xd8\xff\x01\xff\xd0" + _frame_header()),
        (ImageFormat.PNG, _PNG),
        (ImageFormat.GIF, _GIF),
        (ImageFormat.WEBP, _WEBP_LOSSY),
        (ImageFormat.WEBP, _WEBP_LOSSLESS),
        (ImageFormat.WEBP, _riff(_extended(_ALPHA), _chunk(b"ALPH", bytes(9)))),
        (ImageFormat.AVIF, _avif(_extents(400, 300))),
        (ImageFormat.HEIC, _avif(_extents(64, 64), _box(b"hvcC", bytes(30)), _extents(400, 300), _extents(160, 120))),
        (ImageFormat.TIFF, _tiff("<", (254, 4, 0), (256, 3, 400), (257, 3, 300))),
        (ImageFormat.TIFF, _tiff(">", (256, 3, 400), (257, 4, 300))),
        (ImageFormat.TIFF, _tiff("<", (257, 4, 300), (258, 3, 8), (256, 3, 400))),
        (ImageFormat.BMP, _bmp(40, 400, 300)),
        (ImageFormat.BMP, _bmp(124, 400, -300)),
    ],
)
def test_sides_are_found(format: ImageFormat, data: bytes) -> None:
    assert dimensions(data, format) == Dimensions(width=400, height=300)


@pytest.mark.parametrize(("marker", "is_progressive"), [(0xC0, False), (0xC1, False), (0xC2, True), (0xCA, True)])
def test_a_progressive_jpeg_is_told_apart(marker: int, is_progressive: bool) -> None:
    seen = dimensions(_JPEG + _frame_header(marker), ImageFormat.JPEG)

    assert seen == Dimensions(width=400, height=300, is_progressive=is_progressive)


@pytest.mark.parametrize(
    ("sides", "largest"), [([(16, 16)], (16, 16)), ([(16, 16), (48, 32), (32, 32)], (48, 32)), ([(0, 0)], (256, 256))]
)
def test_an_icon_is_as_large_as_its_largest_picture(sides: list[tuple[int, int]], largest: tuple[int, int]) -> None:
    seen = dimensions(_ico(*sides), ImageFormat.ICO)

    assert seen == Dimensions(width=largest[0], height=largest[1])


_HEIGHT_300 = "10" + f"{299:013b}"[::-1]
_WIDTH_400 = "10" + f"{399:013b}"[::-1]


@pytest.mark.parametrize(
    ("bits", "size"),
    [
        ("0" + _HEIGHT_300 + "000" + _WIDTH_400, (400, 300)),
        ("0" + _HEIGHT_300 + "110", (400, 300)),
        ("1" + "11000" + "100", (32, 32)),
        ("1" + "11000" + "000" + "10000", (16, 32)),
        ("0" + "11" + f"{99_999:030b}"[::-1] + "111", (200_000, 100_000)),
    ],
)
def test_sides_of_a_jxl_are_found(bits: str, size: tuple[int, int]) -> None:
    """Spelled out, by a ratio, and in steps of eight; in a container as in the codestream alone."""
    codestream = _jxl(bits)
    container = _box(b"JXL ", b"\r\n\x87\n") + _box(b"ftyp", b"jxl " + bytes(8))
    expected = Dimensions(width=size[0], height=size[1])

    assert dimensions(codestream, ImageFormat.JXL) == expected
    assert dimensions(container + _box(b"jxlc", codestream), ImageFormat.JXL) == expected
    assert dimensions(container + _box(b"jxlp", bytes(4) + codestream), ImageFormat.JXL) == expected


def _animated_webp(frames: int) -> bytes:
    return _riff(_extended(_ANIMATED), _chunk(b"ANIM", bytes(6)), *[_chunk(b"ANMF", bytes(25))] * frames)


@pytest.mark.parametrize(
    ("format", "data", "max_frames", "frames"),
    [
        (ImageFormat.GIF, _GIF + _GIF_FRAME * 7, 100, 7),
        (ImageFormat.GIF, _GIF + _GIF_FRAME * 7, 5, 5),
        (ImageFormat.GIF, _GIF + _GIF_FRAME * 7, 1, 1),
        (ImageFormat.GIF, _GIF, 100, 1),
        (ImageFormat.WEBP, _animated_webp(7), 100, 7),
        (ImageFormat.WEBP, _animated_webp(7), 5, 5),
        (ImageFormat.WEBP, _animated_webp(7), 1, 1),
        (ImageFormat.WEBP, _animated_webp(0), 100, 1),
        (ImageFormat.WEBP, _riff(_extended(_ALPHA), _chunk(b"ANMF", b"")), 100, 1),
    ],
)
def test_frames_are_counted_as_far_as_they_matter(
    format: ImageFormat, data: bytes, max_frames: int, frames: int
) -> None:
    seen = dimensions(data, format, max_frames=max_frames)

    assert seen == Dimensions(width=400, height=300, frames=frames)


@pytest.mark.parametrize(
    ("format", "data"), [(ImageFormat.GIF, _GIF + _GIF_FRAME * 20_000), (ImageFormat.WEBP, _animated_webp(20_000))]
)
def test_frames_of_a_large_animation_are_estimated_from_its_beginning(format: ImageFormat, data: bytes) -> None:
    seen = dimensions(data, format, max_frames=1_000_000)

    assert seen is not None
    assert seen.frames == pytest.approx(20_000, rel=0.02)


@pytest.mark.parametrize(
    ("format", "data"),
    [
        (ImageFormat.SVG, b'<svg width="400" height="300"/>'),
        (ImageFormat.JPEG, _JPEG + _segment(0xDA, bytes(8)) + _frame_header()),
        (ImageFormat.JPEG, _JPEG + b"\xff\xd9" + _frame_header()),
        (ImageFormat.JPEG, _JPEG + bytes(70_000) + _frame_header()),
        (ImageFormat.JPEG, _JPEG + _segment(0xFE, b"") * 1000 + _frame_header()),
        (ImageFormat.PNG, _PNG.replace(b"IHDR", b"CgBI")),
        (ImageFormat.PNG, _PNG.replace(struct.pack(">I", 300), bytes(4))),
        (ImageFormat.WEBP, _riff(_chunk(b"ICCP", bytes(40)))),
        (ImageFormat.WEBP, _WEBP_LOSSY.replace(b"\x9d\x01\x2a", bytes(3))),
        (ImageFormat.AVIF, _avif()),
        (ImageFormat.AVIF, _box(b"ftyp", b"avif") + _box(b"meta", b"")),
        (ImageFormat.AVIF, _box(b"free", b"") * 1000 + _avif(_extents(400, 300))),
        (ImageFormat.AVIF, _box(b"ftyp", b"avif") + struct.pack(">I4s", 4, b"free") + _avif(_extents(400, 300))),
        (ImageFormat.TIFF, _tiff("<", (256, 3, 400))),
        (ImageFormat.TIFF, _tiff("<", *[(1, 3, 1)] * 1000, (256, 3, 400), (257, 3, 300))),
        (ImageFormat.BMP, _bmp(12, 400, 300)),
        (ImageFormat.BMP, _bmp(40, -400, 300)),
        (ImageFormat.ICO, _ico()),
        (ImageFormat.JXL, _box(b"JXL ", b"\r\n\x87\n") + _box(b"ftyp", b"jxl ")),
    ],
)
def test_what_cannot_be_told_is_none(format: ImageFormat, data: bytes) -> None:
    assert dimensions(data, format, max_frames=100) is None


def test_boxes_of_large_and_of_open_length_are_walked() -> None:
    extents = _extents(400, 300)
    container = struct.pack(">I4sQ", 1, b"ipco", len(extents) + 16) + extents
    data = _box(b"ftyp", b"avif") + struct.pack(">I4sI", 0, b"meta", 0) + _box(b"iprp", container)

    assert dimensions(data, ImageFormat.AVIF) == Dimensions(width=400, height=300)


_WHOLE = {
    ImageFormat.JPEG: _JPEG + _frame_header(),
    ImageFormat.PNG: _PNG,
    ImageFormat.GIF: _GIF + _GIF_FRAME * 3,
    ImageFormat.WEBP: _animated_webp(3),
    ImageFormat.AVIF: _avif(_extents(400, 300)),
    ImageFormat.TIFF: _tiff("<", (256, 3, 400), (257, 3, 300)),
    ImageFormat.BMP: _bmp(40, 400, 300),
    ImageFormat.ICO: _ico((16, 16)),
    ImageFormat.JXL: _jxl("0" + _HEIGHT_300 + "110"),
}


@pytest.mark.parametrize("format", _WHOLE)
def test_a_file_cut_short_anywhere_is_read_or_not_and_never_fails(format: ImageFormat) -> None:
    whole = _WHOLE[format]
    for length in range(len(whole)):
        dimensions(whole[:length], format, max_frames=100)


@settings(max_examples=300, deadline=200)
@given(format=st.sampled_from(list(ImageFormat)), head=st.integers(0, 40), tail=st.binary(max_size=300))
@example(format=ImageFormat.GIF, head=40, tail=b"!\xf9\x04" * 200)
def test_anything_is_read_or_not_and_never_fails(format: ImageFormat, head: int, tail: bytes) -> None:
    seen = dimensions(_WHOLE.get(format, b"")[:head] + tail, format, max_frames=50)

    assert seen is None or (seen.width > 0 and seen.height > 0 and 1 <= seen.frames <= 50)
