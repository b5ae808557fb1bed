"""WebP's container: a bitstream and metadata in one file, in the order in which libwebp's muxer writes them.

Source of the rules: the WebP container specification, "Extended file format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HAS_ALPHA: Final = 0x10
_HAS_EXIF: Final = 0x08
_HAS_XMP: Final = 0x04
_FILE_HEADER: Final = 12
_CHUNK_HEADER: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file holds beside its picture."""

    exif: bytes | None = None
    xmp: bytes | None = None


def with_metadata(file: bytes, size: tuple[int, int], metadata: Metadata) -> bytes:
    """A still picture's file with metadata; the same file if there is none.

    Args:
        file: without metadata, as libwebp's encoder writes it.
        size: width and height.
        metadata: each a whole chunk's content.
    """
    exif, xmp = (
        b"" if content is None else _chunk(name, content)
        for name, content in ((b"EXIF", metadata.exif), (b"XMP ", metadata.xmp))
    )
    if not (exif or xmp):
        return file
    parts = [(name, content) for name, content in _chunks(file) if name != b"VP8X"]
    has_alpha = any(name == b"ALPH" or (name == b"VP8L" and _is_lossless_with_alpha(part)) for name, part in parts)
    flags = (_HAS_ALPHA if has_alpha else 0) | (_HAS_EXIF if exif else 0) | (_HAS_XMP if xmp else 0)
    width, height = size
    head = bytes((flags, 0, 0, 0)) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    picture = b"".join(_chunk(name, content) for name, content in parts)
    body = b"WEBP" + _chunk(b"VP8X", head) + picture + exif + xmp
    return _chunk(b"RIFF", body)


def _is_lossless_with_alpha(bitstream: bytes) -> bool:
    """The bit after signature, width and height in a lossless bitstream."""
    return bool(bitstream[4] & 0x10)


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = _FILE_HEADER
    while position + _CHUNK_HEADER <= len(file):
        length = int.from_bytes(file[position + 4 : position + 8], "little")
        start = position + _CHUNK_HEADER
        yield file[position : position + 4], file[start : start + length]
        position = start + length + length % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
