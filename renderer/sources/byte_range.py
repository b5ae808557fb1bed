"""The Range header of raw requests for files that this server reads itself (spec 03 section 4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from renderer.scalars import parse_int

_UNIT: Final = "bytes="


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """A part of a file; `last` is inside it."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.last - self.first + 1


def byte_range(header: str | None, *, size: int) -> ByteRange | None:
    """The part that a Range header asks for, within the file's size; None is the whole file.

    The first range counts, it needs a start, and `bytes=0-0` asks for everything: so it was recorded.

    Raises:
        ValueError: the range is malformed or begins behind the file's end.
    """
    if not header:
        return None
    if not header.startswith(_UNIT):
        raise ValueError("not a range of bytes")
    wanted = next((part.strip() for part in header.removeprefix(_UNIT).split(",") if part.strip()), "")
    start, dash, end = (part.strip() for part in wanted.partition("-"))
    if not dash:
        raise ValueError("no dash")
    first = parse_int(start)
    last = parse_int(end) if end else size - 1
    if first == last == 0 and end:
        return None
    if first < 0 or first >= size or first > last:
        raise ValueError("outside the file")
    return ByteRange(first=first, last=min(last, size - 1))
