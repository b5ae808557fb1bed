"""Broken, cut, inflated and mutated pictures: an answer in the range of 400, soon, whatever the bytes are."""

from __future__ import annotations

import random
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import pyvips

from renderer.errors import BildwerkError, SourceResolutionTooLarge, UnknownSourceType

Render = Callable[..., Any]

_OPTIONS = ("rs:fill:24:24/f:png", "rot:90/bl:1/f:jpg", "t:5/w:9/f:webp", "sm:0/scp:0/f:tiff")
_SECONDS = 1.0
"""Each picture below is tiny: a second is a hundred times what it may take."""


@pytest.fixture(scope="module")
def victims(draw: Any, every_format: dict[str, bytes]) -> dict[str, bytes]:
    """Pictures of every format, with the parts that decoders trip over: palettes, profiles, metadata, frames."""
    image = draw.scene(40, 30)
    rich = image.icc_transform("p3", input_profile="srgb").copy()
    rich.set_type(pyvips.GValue.gint_type, "orientation", 6)
    rich.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Copyright", "somebody")
    rich.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    rich.set_type(
        pyvips.GValue.blob_type, "iptc-data", b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\7\x1c\x02\x50\0\2me\0"
    )
    film = image.join(image.invert(), "vertical").copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", 30)
    return every_format | {
        "jpeg with everything": rich.jpegsave_buffer(interlace=True),
        "jpeg in cmyk": image.icc_transform("cmyk", input_profile="srgb").jpegsave_buffer(),
        "png with everything": rich.pngsave_buffer(interlace=True),
        "png with palette": image.pngsave_buffer(palette=True, bitdepth=4),
        "deep png": image.colourspace("rgb16").pngsave_buffer(),
        "animated gif": film.gifsave_buffer(),
        "animated webp": film.webpsave_buffer(lossless=True),
        "webp with everything": rich.webpsave_buffer(),
        "tiff in lzw": rich.tiffsave_buffer(compression="lzw", predictor="horizontal"),
        "tiff in jpeg tiles": image.tiffsave_buffer(compression="jpeg", tile=True, tile_width=16, tile_height=16),
        "tiff of pages": film.tiffsave_buffer(page_height=30, compression="deflate"),
        "tiff of floats": image.cast("float").tiffsave_buffer(),
        "avif with everything": rich.heifsave_buffer(compression="av1", effort=0),
        "icon of png": _icon(image.pngsave_buffer()),
        "bmp in rle": _rle(),
    }


def _icon(png: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 40, 30, 0, 0, 1, 32, len(png), 22) + png


def _rle() -> bytes:
    """8 x 4 pixels in run-length operations: runs, literal pixels, a jump, ends of lines."""
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    pixels = b"\x08\x05\0\0" + b"\0\x04\1\2\3\4" + b"\x02\x09\0\0" + b"\0\2\1\0\x03\x07\0\0" + b"\x08\x01\0\1"
    info = struct.pack("<IiiHHIIiiII", 40, 8, 4, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", 1078 + len(pixels), 0, 0, 1078) + info + palette + pixels


def _mutated(data: bytes, choose: random.Random) -> bytes:
    """The file with a few faults; most of them near its beginning, where the structure is."""
    mutant = bytearray(data)
    for _ in range(choose.randint(1, 4)):
        end = len(mutant) if choose.random() < 0.5 else min(len(mutant), 160)
        at, length = choose.randrange(end), choose.randint(1, 12)
        fault = choose.randrange(6)
        if fault == 0:
            mutant[at] ^= 1 << choose.randrange(8)
        elif fault == 1:
            mutant[at : at + length] = choose.randbytes(length)
        elif fault == 2:
            mutant[at : at + length] = choose.choice([b"\0", b"\xff", b"\x7f"]) * length
        elif fault == 3:
            del mutant[at : at + length]
        elif fault == 4:
            mutant[at:at] = mutant[at : at + length * 8]
        else:
            del mutant[max(12, at) :]
    return bytes(mutant)


def _outcome(rendered: Render, options: str, data: bytes, **settings: str) -> int:
    """The status that a client would get; anything but an error of ours goes up."""
    before = time.perf_counter()
    try:
        rendered(options, data, **settings)
        status = 200
    except BildwerkError as error:
        status = error.status
    assert time.perf_counter() - before < _SECONDS
    return status


@pytest.mark.parametrize("seed", range(13))
def test_mutants_are_rendered_or_refused(seed: int, rendered: Render, victims: dict[str, bytes]) -> None:
    choose = random.Random(seed)
    limits = {"IMGPROXY_MAX_ANIMATION_FRAMES": "5", "IMGPROXY_MAX_SRC_RESOLUTION": "1"}
    statuses = {
        kind: _outcome(rendered, choose.choice(_OPTIONS), _mutated(data, choose), **limits)
        for kind, data in victims.items()
    }

    assert {kind: status for kind, status in statuses.items() if status not in (200, 422)} == {}


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.6, 0.9, 0.999])
def test_files_that_are_cut_are_shown_as_far_as_they_go_or_refused(
    share: float, rendered: Render, victims: dict[str, bytes]
) -> None:
    statuses = {
        kind: _outcome(rendered, "f:png", data[: int(len(data) * share)])
        for kind, data in victims.items()
        if data[: int(len(data) * share)]
    }

    assert {kind: status for kind, status in statuses.items() if status not in (200, 422)} == {}


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "tiff"])
def test_a_picture_of_which_the_end_is_missing_is_shown_unless_sources_have_to_be_whole(
    kind: str, rendered: Render, draw: Any
) -> None:
    image = draw.scene(64, 64)
    whole = {
        "jpeg": image.jpegsave_buffer,
        "png": image.pngsave_buffer,
        "gif": image.gifsave_buffer,
        "tiff": image.tiffsave_buffer,
    }[kind]()
    cut = whole[: len(whole) * 2 // 3]

    if kind in ("jpeg", "png"):
        assert rendered("f:tiff", cut).size == (64, 64)
    with pytest.raises(BildwerkError) as raised:
        rendered("f:tiff", cut, BILDWERK_STRICT_SOURCES="1")
    assert raised.value.status == 422


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"x", b"\xff", b"no picture", b"\0" * 70_000, b"<" * 70_000, b"%PDF-1.7", b"RIFF\0\0\0\0WAVE"]
)
def test_what_shows_no_signature_is_no_picture(data: bytes, rendered: Render) -> None:
    with pytest.raises(UnknownSourceType):
        rendered("f:png", data)


_SIGNATURES = {
    "jpeg": b"\xff\xd8\xff\xe0",
    "png": b"\x89PNG\r\n\x1a\n",
    "webp": b"RIFF\0\1\0\0WEBPVP8 ",
    "gif": b"GIF89a",
    "ico": b"\0\0\1\0\1\0",
    "bmp": b"BM",
    "tiff little": b"II*\0\x08\0\0\0",
    "tiff big": b"MM\0*\0\0\0\x08",
    "avif": b"\0\0\0\x18ftypavif\0\0\0\0avifmif1",
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    "jxl": b"\xff\x0a",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>",
}


@pytest.mark.parametrize("tail", [b"", b"\0" * 300, b"\xff" * 300, bytes(range(256)) * 2])
@pytest.mark.parametrize("kind", _SIGNATURES)
def test_a_signature_is_not_enough(kind: str, tail: bytes, rendered: Render) -> None:
    assert _outcome(rendered, "f:png", _SIGNATURES[kind] + tail) == 422


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, pixels: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _jpeg_header(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0"


def _bmp_header(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54) + info + bytes(64)


_GIANTS = {
    "png": _png(60_000, 60_000),
    "jpeg": _jpeg_header(60_000, 60_000),
    "gif": b"GIF89a"
    + struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0)
    + bytes(6)
    + b",\0\0\0\0"
    + struct.pack("<HHB", 60_000, 60_000, 0)
    + b"\x02\x02\x44\x01\0;",
    "bmp": _bmp_header(26_000, 26_000),
}


@pytest.mark.parametrize("options", ["f:png", "skp:jpg:png:gif:bmp"])
@pytest.mark.parametrize("kind", _GIANTS)
def test_a_giant_header_is_refused_before_anything_is_decoded(kind: str, options: str, rendered: Render) -> None:
    rendered("f:png", _png(1, 1, zlib.compress(bytes(4))))  # so that what is measured is not the first render
    before = time.process_time()

    with pytest.raises(SourceResolutionTooLarge) as raised:
        rendered(options, _GIANTS[kind])

    assert time.process_time() - before < 0.05
    assert raised.value.status == 422


def test_a_bomb_of_compressed_zeros_costs_what_its_pixels_cost(rendered: Render) -> None:
    """A small picture with megabytes of pixel data behind it."""
    bomb = _png(8, 8, zlib.compress(bytes(30_000_000)))

    assert _outcome(rendered, "f:png", bomb) in (200, 422)


def test_a_comment_of_megabytes_is_no_problem(rendered: Render, draw: Any) -> None:
    whole = draw.flat(8, 8, (1, 2, 3)).pngsave_buffer()
    text = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20_000_000)))

    assert _outcome(rendered, "f:png", whole[:33] + text * 3 + whole[33:]) in (200, 422)


@pytest.mark.parametrize("kind", ["png", "gif"])
def test_thousands_of_frames_or_chunks_end_soon(kind: str, rendered: Render, draw: Any) -> None:
    if kind == "png":
        whole = draw.flat(8, 8, (1, 2, 3)).pngsave_buffer()
        data = whole[:33] + _chunk(b"tEXt", b"a\0b") * 20_000 + whole[33:]
    else:
        frame = b"!\xf9\4\0\1\0\0\0,\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
        data = b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + frame * 20_000 + b";"

    assert _outcome(rendered, "f:gif", data, IMGPROXY_MAX_ANIMATION_FRAMES="10") in (200, 422)
