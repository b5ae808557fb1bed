"""JPEG XL files: a bare codestream, or boxes around it that also hold metadata (ISO 18181-2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from renderer.codecs import heif_boxes
from renderer.codecs.heif_boxes import Box
from renderer.errors import BrokenImage

SIGNATURE: Final = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_FILE_TYPE: Final = b"\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl "
_CODESTREAM: Final = b"\xff\x0a"
_OFFSET: Final = struct.Struct(">I")
_EXIF_PREFIX: Final = b"Exif\x00\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class JxlFile:
    """What a file holds.

    `exif` begins with `Exif` and two zero bytes, as in JPEG. `level` says what a decoder must be able to do, where it
    is more than usual.
    """

    codestream: bytes
    level: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None


def unwrapped(data: bytes) -> JxlFile:
    """The codestream and the metadata of a file. Metadata compressed with Brotli is not read.

    A file that is cut short has the codestream that is there.

    Raises:
        BrokenImage: neither codestream nor boxes, or boxes without a codestream.
    """
    if data.startswith(_CODESTREAM):
        return JxlFile(codestream=data)
    if not data.startswith(SIGNATURE):
        raise BrokenImage("JXL: no signature")
    parts: dict[int, Box] = {}
    found: dict[bytes, Box] = {}
    for box in _boxes(data):
        if box.type == b"jxlp" and box.end - box.start >= 4:
            # The highest bit marks the last part; the others number them.
            parts[heif_boxes.number(data, box.start, 4) & 0x7FFF_FFFF] = Box(box.type, box.start + 4, box.end)
        else:
            found.setdefault(box.type, box)
    if b"jxlc" in found:
        codestream = _content(data, found[b"jxlc"])
    else:
        codestream = b"".join(_content(data, parts[index]) for index in sorted(parts))
    if not codestream.startswith(_CODESTREAM):
        raise BrokenImage("JXL: boxes without a codestream")
    return JxlFile(
        codestream=codestream,
        level=_content(data, found[b"jxll"]) if b"jxll" in found else None,
        exif=_exif(_content(data, found[b"Exif"])) if b"Exif" in found else None,
        xmp=_content(data, found[b"xml "]) if b"xml " in found else None,
    )


def wrapped(file: JxlFile) -> bytes:
    """A file of boxes; the bare codestream where there is nothing else."""
    if file.exif is None and file.xmp is None and file.level is None:
        return file.codestream
    boxes = [SIGNATURE, _FILE_TYPE]
    if file.level is not None:
        boxes.append(_box(b"jxll", file.level))
    if file.exif is not None:
        boxes.append(_box(b"Exif", _OFFSET.pack(0) + file.exif.removeprefix(_EXIF_PREFIX)))
    if file.xmp is not None:
        boxes.append(_box(b"xml ", file.xmp))
    boxes.append(_box(b"jxlc", file.codestream))
    return b"".join(boxes)


def _boxes(data: bytes) -> list[Box]:
    """The boxes; one that goes beyond the file's end, as in a file that is cut short, ends there."""
    found = []
    start = len(SIGNATURE)
    try:
        for box in heif_boxes.boxes(data, start, len(data)):
            found.append(box)
            start = box.end
    except BrokenImage:
        if start + 8 > len(data):
            raise
        found.append(Box(data[start + 4 : start + 8], start + 8, len(data)))
    return found


def _content(data: bytes, box: Box) -> bytes:
    return data[box.start : box.end]


def _exif(content: bytes) -> bytes | None:
    """EXIF as JPEG has it, out of a box that says where the TIFF header begins."""
    if content.startswith(_EXIF_PREFIX):
        return content
    if len(content) < _OFFSET.size:
        return None
    start = _OFFSET.size + _OFFSET.unpack_from(content)[0]
    return _EXIF_PREFIX + content[start:] if start < len(content) else None


def _box(type: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), type) + content
