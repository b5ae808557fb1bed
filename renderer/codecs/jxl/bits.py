"""Numbers as a JPEG XL codestream packs them: least significant bit first (ISO 18181-1 section 6.2, annex B)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from renderer.errors import BrokenImage

_NAME_LENGTHS: Final = ((0, 0), (4, 0), (5, 16), (10, 48))
_ENUM: Final = ((0, 0), (0, 1), (4, 2), (6, 18))

Choices = tuple[tuple[int, int], ...]
"""Four ways to write a number: how many bits follow, and what is added to them. Two bits say which way it is."""


@dataclass(slots=True)
class BitReader:
    """Reads numbers one after the other; reading beyond the end is BrokenImage."""

    data: bytes
    position: int = 0
    """In bits."""

    def bits(self, count: int) -> int:
        """A number of so many bits."""
        end = self.position + count
        if end > len(self.data) * 8:
            raise BrokenImage("JXL: the header is cut short")
        chunk = self.data[self.position >> 3 : (end + 7) >> 3]
        value = int.from_bytes(chunk, "little") >> (self.position & 7)
        self.position = end
        return value & ((1 << count) - 1)

    def flag(self) -> bool:
        """One bit."""
        return self.bits(1) == 1

    def u32(self, choices: Choices) -> int:
        """A number in one of four ways."""
        count, offset = choices[self.bits(2)]
        return self.bits(count) + offset

    def enum(self) -> int:
        """A value of an enumeration."""
        return self.u32(_ENUM)

    def u64(self) -> int:
        """A number of up to 64 bits, short when it is small."""
        selector = self.bits(2)
        if selector < 3:
            return (0, 1, 17)[selector] + self.bits((0, 4, 8)[selector])
        value, shift = self.bits(12), 12
        while self.flag():
            if shift == 60:
                return value | self.bits(4) << shift
            value |= self.bits(8) << shift
            shift += 8
        return value

    def half(self) -> float:
        """A 16-bit floating-point number."""
        value: float = struct.unpack("<e", self.bits(16).to_bytes(2, "little"))[0]
        return value

    def skip_name(self) -> None:
        """Passes over a name."""
        self.skip(8 * self.u32(_NAME_LENGTHS))

    def skip_extensions(self) -> None:
        """Passes over what later versions of the format may add."""
        present = self.u64()
        self.skip(sum(self.u64() for _ in range(present.bit_count())))

    def skip(self, count: int) -> None:
        """Passes over so many bits."""
        self.position += count
        if self.position > len(self.data) * 8:
            raise BrokenImage("JXL: the header is cut short")

    def to_byte(self) -> None:
        """Goes on to the next whole byte."""
        self.position = (self.position + 7) & ~7
