"""Pictures of every format for the tests of inspection, and bombs of a few kilobytes."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import PIL.Image
import pyvips

_SAMPLES = Path(__file__).parents[1]


def drawn(width: int = 200, height: int = 160) -> pyvips.Image:
    """Waves in three colors: something to compress."""
    wave = pyvips.Image.sines(width, height).linear(100, 128).cast("uchar")
    return wave.bandjoin([wave.rot180(), wave.invert()]).copy(interpretation="srgb")


def film(frames: int = 2) -> pyvips.Image:
    """The waves and their negative in turns, one frame below the other."""
    image = drawn()
    stacked = pyvips.Image.arrayjoin([image if index % 2 else image.invert() for index in range(frames)], across=1)
    stacked = stacked.copy()
    stacked.set_type(pyvips.GValue.gint_type, "page-height", image.height)
    return stacked


@cache
def every_format() -> dict[str, bytes]:
    """200 x 160 in each format (an icon of 64 x 51); HEIC and JPEG XL as the tests of the renderer have them."""
    image = drawn()
    heic, jxl = (json.loads((_SAMPLES / name).read_text()) for name in ("heic.json", "jxl.json"))
    return {
        "jpeg": image.jpegsave_buffer(),
        "png": image.pngsave_buffer(),
        "gif": image.gifsave_buffer(),
        "webp": image.webpsave_buffer(),
        "avif": image.heifsave_buffer(compression="av1"),
        "tiff": image.tiffsave_buffer(compression="deflate"),
        "bmp": _by_pillow(image, "BMP"),
        "ico": _by_pillow(image, "ICO", sizes=[(64, 64), (32, 32)]),
        "heic": base64.b64decode(heic["quarters"]),
        "jxl": base64.b64decode(jxl["named"]),
        "svg": svg('<rect width="9" height="9"/>'),
    }


def further_kinds() -> dict[str, bytes]:
    """Ways in which the same formats are written."""
    image = drawn()
    return {
        "progressive jpeg": image.jpegsave_buffer(interlace=True),
        "interlaced png": image.pngsave_buffer(interlace=True),
        "animated gif": film().gifsave_buffer(),
        "animated webp": film().webpsave_buffer(),
        "lossless webp": image.webpsave_buffer(lossless=True),
        "tiff in tiles": image.tiffsave_buffer(tile=True, compression="jpeg"),
        "icon of a bmp": _by_pillow(image, "ICO", sizes=[(64, 64)], bitmap_format="bmp"),
    }


def _by_pillow(image: pyvips.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(image.numpy()).save(file, format, **options)
    return file.getvalue()


def svg(content: str, *, size: str = 'width="40" height="30"', prolog: str = "") -> bytes:
    """A drawing."""
    return f'{prolog}<svg xmlns="http://www.w3.org/2000/svg" {size}>{content}</svg>'.encode()


@cache
def png_bomb(side: int) -> bytes:
    """A PNG of black; 30,000 a side are 109 kB."""
    return b"".join(_png_of_zeros(side))


def _png_of_zeros(side: int) -> Iterator[bytes]:
    pack = zlib.compressobj(9)
    rows = b"".join([*(pack.compress(bytes(side // 8 + 1)) for _ in range(side)), pack.flush()])
    yield b"\x89PNG\r\n\x1a\n"
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
        (b"IDAT", rows),
        (b"IEND", b""),
    ):
        yield struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def gif_bomb(frames: int, side: int) -> bytes:
    """A GIF whose frames are so large and hold one pixel each, in 23 bytes."""
    frame = b"!\xf9\x04\0\5\0\0\0," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02D\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * frames + b";"


def claiming(data: bytes, marker: bytes, offset: int, size: bytes) -> bytes:
    """A file whose header says another size; `offset` counts from the marker."""
    changed = bytearray(data)
    at = changed.find(marker)
    assert at >= 0
    changed[at + offset : at + offset + len(size)] = size
    return bytes(changed)
