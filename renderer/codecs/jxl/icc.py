"""ICC profiles inside a JPEG XL codestream (ISO 18181-1 annex E.4): bytes, predicted from what most profiles hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from renderer.codecs.jxl.bits import BitReader
from renderer.codecs.jxl.entropy import EntropyDecoder
from renderer.codecs.jxl.header import JxlHeader
from renderer.errors import BrokenImage

_CONTEXTS: Final = 41
_HEADER_BYTES: Final = 128
_MAX_BYTES: Final = 1 << 18
"""Of the coded and of the decoded profile; profiles of displays have some hundred bytes, of printers some hundred
thousand. A number takes microseconds, so this bounds the time too."""

_HEADER: Final = (
    bytes(8)
    + bytes([4, 0, 0, 0])
    + b"mntrRGB XYZ "
    + bytes(12)
    + b"acsp"
    + bytes(28)
    + bytes.fromhex("0000f6d6 00010000 0000d32d")
    + bytes(48)
)
_TAGS: Final = (
    *(b"cprt", b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"chad"),
    *(b"desc", b"chrm", b"dmnd", b"dmdd", b"lumi"),
)
_TYPES: Final = (b"XYZ ", b"desc", b"text", b"mluc", b"para", b"curv", b"sf32", b"gbd ")
_XYZ_TAGS: Final = frozenset({b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"wtpt", b"bkpt", b"lumi"})
_XYZ_BYTES: Final = 20
_HAS_OFFSET, _HAS_SIZE, _HAS_STRIDE = 64, 128, 16


def read_profile(codestream: bytes, header: JxlHeader) -> tuple[bytes | None, int]:
    """The profile that follows the header, if one does, and where the first frame begins, in bits.

    Raises:
        BrokenImage: the profile makes no sense, or is too large.
    """
    reader = BitReader(codestream, header.end)
    if not header.color.has_icc:
        return None, reader.position
    size = reader.u64()
    if size > _MAX_BYTES:
        raise BrokenImage(f"JXL: a profile of {size} bytes")
    decoder = EntropyDecoder(reader, _CONTEXTS)
    coded = bytearray()
    last = before = 0
    for index in range(size):
        value = decoder.number(_context(index, last, before)) & 0xFF
        coded.append(value)
        last, before = value, last
    decoder.check_end()
    return unpredicted(bytes(coded)), reader.position


def _context(index: int, last: int, before: int) -> int:
    if index <= _HEADER_BYTES:
        return 0
    return 1 + _KIND_OF_LAST[last] + 8 * _KIND_BEFORE[before]


def _kind_of_last(byte: int) -> int:
    """Letters, digits, 0, 1, small, large, the largest, others."""
    if chr(byte).isascii() and chr(byte).isalpha():
        return 0
    if chr(byte) in "0123456789.,":
        return 1
    if byte < 16:
        return min(2 + byte, 4)
    return 6 if byte == 255 else 5 if byte > 240 else 7


def _kind_before(byte: int) -> int:
    kind = _kind_of_last(byte)
    return kind if kind < 2 else 2 if byte < 16 else 3 if byte > 240 else 4


_KIND_OF_LAST: Final = tuple(map(_kind_of_last, range(256)))
_KIND_BEFORE: Final = tuple(map(_kind_before, range(256)))


@dataclass(slots=True)
class _Stream:
    """Bytes that are read one after the other."""

    data: bytes
    position: int = 0

    @property
    def is_at_end(self) -> bool:
        return self.position >= len(self.data)

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise BrokenImage("JXL: the profile is cut short")
        taken = self.data[self.position : self.position + count]
        self.position += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """A number in groups of seven bits, the lowest first."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise BrokenImage("JXL: a number of the profile is too long")


@dataclass(slots=True)
class _Profile:
    """A profile that is being put together: commands say what to do, data holds what cannot be foreseen."""

    commands: _Stream
    data: _Stream
    result: bytearray = field(default_factory=bytearray)

    def append(self, content: bytes) -> None:
        self.result += content
        if len(self.result) > _MAX_BYTES:
            raise BrokenImage("JXL: the profile grows too large")


def unpredicted(coded: bytes) -> bytes:
    """The profile out of its coded form.

    Raises:
        BrokenImage: it makes no sense.
    """
    whole = _Stream(coded)
    size = whole.number()
    commands = _Stream(whole.take(whole.number()))
    profile = _Profile(commands, _Stream(coded[whole.position :]))
    _restore_header(profile, size)
    if size > _HEADER_BYTES:
        _restore_tags(profile)
        while not commands.is_at_end:
            _restore_content(profile)
    if len(profile.result) != size:
        raise BrokenImage(f"JXL: a profile of {len(profile.result)} bytes instead of {size}")
    return bytes(profile.result)


def _restore_header(profile: _Profile, size: int) -> None:
    predicted = bytearray(_HEADER)
    predicted[:4] = (size & 0xFFFF_FFFF).to_bytes(4, "big")
    for index in range(min(size, _HEADER_BYTES)):
        result = profile.result
        if index == 8:
            predicted[80:84] = result[4:8]
        elif index == 41:
            predicted[41:44] = {b"A": b"PPL", b"M": b"SFT"}.get(bytes(result[40:41]), bytes(3))
        elif index == 42:
            predicted[42:44] = {b"SG": b"I ", b"SU": b"NW"}.get(bytes(result[40:42]), bytes(predicted[42:44]))
        result.append((predicted[index] + profile.data.byte()) & 0xFF)


def _restore_tags(profile: _Profile) -> None:
    """The table of tags: name, place and size of each, as usual or as written."""
    count = profile.commands.number() - 1
    if count < 0:
        return
    profile.append(_uint32(count))
    start, size = _HEADER_BYTES + count * 12, 0
    while not profile.commands.is_at_end:
        command = profile.commands.byte()
        code = command & 63
        if not code:
            return
        tag = _tag(profile, code)
        start = profile.commands.number() if command & _HAS_OFFSET else start + size
        if tag in _XYZ_TAGS:
            size = _XYZ_BYTES
        if command & _HAS_SIZE:
            size = profile.commands.number()
        # One command stands for the curves of three colors, which share a place, and one for the three primaries.
        names = {2: (b"rTRC", b"gTRC", b"bTRC"), 3: (b"rXYZ", b"gXYZ", b"bXYZ")}.get(code, (tag,))
        step = size if code == 3 else 0
        for index, name in enumerate(names):
            profile.append(name + _uint32(start + index * step) + _uint32(size))


def _tag(profile: _Profile, code: int) -> bytes:
    if code == 1:
        return profile.data.take(4)
    if code in (2, 3):
        return b"rTRC" if code == 2 else b"rXYZ"
    if code - 4 >= len(_TAGS):
        raise BrokenImage(f"JXL: no tag of a profile is {code}")
    return _TAGS[code - 4]


def _restore_content(profile: _Profile) -> None:
    command = profile.commands.byte()
    if command == 1:
        profile.append(profile.data.take(profile.commands.number()))
    elif command in (2, 3):
        profile.append(_unshuffled(profile.data.take(profile.commands.number()), 2 if command == 2 else 4))
    elif command == 4:
        _restore_sequence(profile)
    elif command == 10:
        profile.append(b"XYZ \0\0\0\0" + profile.data.take(12))
    elif 16 <= command < 16 + len(_TYPES):
        profile.append(_TYPES[command - 16] + bytes(4))
    else:
        raise BrokenImage(f"JXL: no command of a profile is {command}")


def _restore_sequence(profile: _Profile) -> None:
    """Numbers that continue the ones before: constant, in a line or in a curve."""
    flags = profile.commands.byte()
    width, order = (flags & 3) + 1, flags >> 2 & 3
    stride = profile.commands.number() if flags & _HAS_STRIDE else width
    result = profile.result
    if width == 3 or order == 3 or stride < width or stride * 4 >= len(result):
        raise BrokenImage("JXL: a sequence in a profile makes no sense")
    rest = _unshuffled(profile.data.take(profile.commands.number()), width)
    mask = (1 << 8 * width) - 1
    for start in range(0, len(rest), width):
        place = len(result)
        a, b, c = (int.from_bytes(result[place - n * stride :][:width], "big") for n in (1, 2, 3))
        predicted = ((a, 2 * a - b, 3 * a - 3 * b + c)[order] & mask).to_bytes(width, "big")
        part = rest[start : start + width]
        profile.append(bytes((p + r) & 0xFF for p, r in zip(predicted, part, strict=False)))


def _unshuffled(data: bytes, width: int) -> bytes:
    """Numbers whose bytes are stored by significance: all first bytes, then all second ones."""
    if width == 1:
        return data
    columns = -(-len(data) // width)
    return bytes(
        data[row * columns + column]
        for column in range(columns)
        for row in range(width)
        if row * columns + column < len(data)
    )


def _uint32(value: int) -> bytes:
    if value >= 1 << 32:
        raise BrokenImage("JXL: a number of the profile is too large")
    return value.to_bytes(4, "big")
