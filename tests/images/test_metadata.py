"""What is left of a picture's metadata."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import pyvips

Render = Callable[..., Any]

_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Secret tool">'
    b'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Somebody</rdf:li></rdf:Alt></dc:rights>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def _dataset(number: int, text: bytes) -> bytes:
    return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text


def _photoshop(records: bytes) -> bytes:
    padding = b"\0" * (len(records) % 2)
    return b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + padding


_IPTC = _photoshop(_dataset(80, b"By Somebody") + _dataset(116, b"(c) Somebody") + _dataset(90, b"Secret city"))


@pytest.fixture(scope="module")
def tagged(draw: Any) -> bytes:
    """A JPEG with everything that a camera and an editor write."""
    image = draw.flat(32, 32, (200, 120, 60)).copy(xres=11.811, yres=11.811)
    for field, value in {
        "exif-ifd0-Copyright": "(c) Somebody",
        "exif-ifd0-Artist": "Somebody",
        "exif-ifd0-Make": "Secret camera",
        "exif-ifd3-GPSLatitude": "1/1 2/1 3/1",
    }.items():
        image.set_type(pyvips.GValue.gstr_type, field, value)
    image.set_type(pyvips.GValue.blob_type, "xmp-data", _XMP)
    image.set_type(pyvips.GValue.blob_type, "iptc-data", _IPTC)
    return image.jpegsave_buffer(Q=95)


def _has_secret(picture: Any) -> bool:
    return b"Secret" in picture.data or any("GPS" in field for field in picture.image.get_fields())


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff"])
def test_only_copyright_and_author_are_kept(format: str, rendered: Render, tagged: bytes) -> None:
    picture = rendered(f"f:{format}", tagged)

    assert not _has_secret(picture)
    if format != "tiff":
        assert str(picture.field("exif-ifd0-Copyright")).startswith("(c) Somebody")
        assert str(picture.field("exif-ifd0-Artist")).startswith("Somebody")


def test_of_xmp_and_iptc_the_rights_are_kept(rendered: Render, tagged: bytes) -> None:
    picture = rendered("", tagged)

    assert b"(c) Somebody" in picture.field("xmp-data")
    iptc = picture.field("iptc-data")
    assert b"By Somebody" in iptc
    assert b"(c) Somebody" in iptc
    assert b"city" not in iptc


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp", "ico"])
def test_without_copyright_nothing_is_kept(format: str, rendered: Render, tagged: bytes) -> None:
    by_option = rendered(f"keep_copyright:0/f:{format}", tagged)
    by_setting = rendered(f"f:{format}", tagged, IMGPROXY_KEEP_COPYRIGHT="0")

    assert by_setting.data == by_option.data
    assert not _has_secret(by_option)
    assert b"Somebody" not in by_option.data
    assert by_option.field("xmp-data") is None
    assert by_option.field("iptc-data") is None


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_everything_is_kept_when_nothing_is_stripped(format: str, rendered: Render, tagged: bytes) -> None:
    by_option = rendered(f"strip_metadata:0/f:{format}", tagged)
    by_setting = rendered(f"f:{format}", tagged, IMGPROXY_STRIP_METADATA="0")

    assert by_setting.data == by_option.data
    assert str(by_option.field("exif-ifd0-Make")).startswith("Secret camera")
    assert by_option.field("exif-ifd3-GPSLatitude") is not None
    assert b"Secret tool" in by_option.field("xmp-data")
    if format == "jpeg":
        assert abs(by_option.image.xres - 11.811) < 0.1


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff"])
def test_a_stripped_picture_has_72_dots_an_inch(format: str, rendered: Render, tagged: bytes) -> None:
    picture = rendered(f"f:{format}", tagged)

    assert abs(picture.image.xres * 25.4 - 72) < 0.5
    assert abs(picture.image.yres * 25.4 - 72) < 0.5


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_an_exif_block_is_always_written_and_says_upright(format: str, rendered: Render, draw: Any) -> None:
    picture = rendered(f"kcr:0/f:{format}", draw.flat(32, 32, (1, 2, 3)).gifsave_buffer())

    assert picture.field("exif-data") is not None
    # Of AVIF libvips tells no orientation: its decoder has turned the picture already.
    assert format == "avif" or str(picture.field("exif-ifd0-Orientation")).startswith("1")


@pytest.mark.parametrize("field", ["xmp-data", "iptc-data"])
@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"<x", b"8BIM", _IPTC[:-5], _XMP[:-20]])
def test_broken_metadata_is_dropped(field: str, data: bytes, rendered: Render, draw: Any) -> None:
    image = draw.flat(16, 16, (200, 120, 60)).copy()
    image.set_type(pyvips.GValue.blob_type, field, data)

    picture = rendered("f:jpeg", image.tiffsave_buffer())

    assert picture.size == (16, 16)
    assert picture.field(field) is None


@pytest.mark.parametrize("keyword", [b"Gr\xf6\xdfe", b"\xff\xfe", "\u540d".encode()])
@pytest.mark.parametrize("options", ["f:png", "sm:0/f:png", "kcr:0/f:jpg"])
def test_the_name_of_a_comment_may_be_in_any_encoding(
    options: str, keyword: bytes, rendered: Render, draw: Any
) -> None:
    """PNG's keywords are Latin-1: to libvips and its binding they are names of fields."""
    whole = draw.flat(8, 8, (200, 120, 60)).pngsave_buffer()
    chunk = b"tEXt" + keyword + b"\0Secret"
    text = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))

    picture = rendered(options, whole[:33] + text + whole[33:])

    assert picture.size == (8, 8)
    assert b"Secret" not in picture.data


def test_a_watermark_may_have_such_a_comment_too(rendered: Render, draw: Any) -> None:
    whole = draw.flat(8, 8, (200, 120, 60)).pngsave_buffer()
    chunk = b"tEXt\xff\0Secret"
    text = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))

    picture = rendered(
        "wm:1/f:png", draw.flat(8, 8, (1, 2, 3)).pngsave_buffer(), watermark=whole[:33] + text + whole[33:]
    )

    assert picture.pixel(1, 1) == (200, 120, 60)
