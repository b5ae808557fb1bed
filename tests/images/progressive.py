"""Writes progressive JPEGs of any sampling factors, scan order, restart interval and number of components.

No library writes all of them. The coefficients are random; the code tables have codes of one length.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from itertools import pairwise

_DC_SYMBOLS = list(range(12))
_AC_SYMBOLS = [run << 4 | size for run in range(16) for size in range(1, 11)] + [0x00, 0xF0]
_ZIGZAG_LENGTH = 64

Factors = tuple[tuple[int, int], ...]
"""Horizontal and vertical sampling factors of each component."""

FACTORS: dict[str, Factors] = {
    "grey": ((1, 1),),
    "grey with odd factors": ((2, 2),),
    "two components": ((1, 1), (1, 1)),
    "4:4:4": ((1, 1), (1, 1), (1, 1)),
    "4:4:4 with odd factors": ((2, 1), (2, 1), (2, 1)),
    "4:2:2": ((2, 1), (1, 1), (1, 1)),
    "4:4:0": ((1, 2), (1, 1), (1, 1)),
    "4:2:0": ((2, 2), (1, 1), (1, 1)),
    "4:1:1": ((4, 1), (1, 1), (1, 1)),
    "4:1:0": ((4, 2), (1, 1), (1, 1)),
    "thirds": ((3, 1), (1, 1), (1, 1)),
    "a third and a half": ((3, 2), (1, 1), (1, 1)),
    "each component otherwise": ((2, 2), (2, 1), (1, 2)),
    "the first is the smallest": ((1, 1), (2, 2), (2, 2)),
    "cmyk": ((1, 1), (1, 1), (1, 1), (1, 1)),
    "cmyk with halves": ((2, 2), (1, 1), (1, 1), (2, 2)),
}


@dataclass(frozen=True, kw_only=True)
class ScanHeader:
    """What a scan carries: coefficients `first` to `last` of components, from bit `before` down to bit `after`."""

    components: tuple[int, ...]
    first: int = 0
    last: int = 0
    before: int = 0
    after: int = 0
    restart_interval: int = 0


def segment(marker: int, body: bytes) -> bytes:
    """A marker, a length and a body."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def scan_header(scan: ScanHeader, *, table: int = 0) -> bytes:
    """The header of a scan; identifiers of components begin with 1."""
    members = b"".join(bytes([index + 1, table << 4 | table]) for index in scan.components)
    tail = bytes([scan.first, scan.last, scan.before << 4 | scan.after])
    return segment(0xDA, bytes([len(scan.components)]) + members + tail)


def frame_header(size: tuple[int, int], factors: Factors, *, marker: int = 0xC2, precision: int = 8) -> bytes:
    """The header of a frame."""
    width, height = size
    planes = b"".join(bytes([index + 1, h << 4 | v, 0]) for index, (h, v) in enumerate(factors))
    return segment(marker, struct.pack(">BHHB", precision, height, width, len(factors)) + planes)


def tables(slot: int, *, turn: int = 0) -> bytes:
    """Code tables for means and for other coefficients; `turn` gives the symbols other codes."""
    return segment(0xC4, _table(slot, _DC_SYMBOLS, 4, turn) + _table(0x10 | slot, _AC_SYMBOLS, 8, turn))


def _table(kind: int, symbols: list[int], bits: int, turn: int) -> bytes:
    counts = bytes(len(symbols) if length == bits else 0 for length in range(1, 17))
    return bytes([kind]) + counts + bytes(_turned(symbols, turn))


def _turned(symbols: list[int], turn: int) -> list[int]:
    turn %= len(symbols)
    return symbols[turn:] + symbols[:turn]


class Encoder:
    """The coefficients of a picture, and how scans of them are written."""

    def __init__(self, size: tuple[int, int], factors: Factors, randomness: random.Random) -> None:
        self._size = size
        self._factors = factors
        self._random = randomness
        self._most = (max(h for h, _ in factors), max(v for _, v in factors))
        self._planes = [self._plane(index) for index in range(len(factors))]

    def _blocks(self, index: int) -> tuple[int, int]:
        """Columns and rows of blocks that the component's pixels fill."""
        (h, v), (most_h, most_v) = self._factors[index], self._most
        return -(-self._size[0] * h // (8 * most_h)), -(-self._size[1] * v // (8 * most_v))

    def _units(self) -> tuple[int, int]:
        """Columns and rows of the units that interleaved scans are made of."""
        return -(-self._size[0] // (8 * self._most[0])), -(-self._size[1] // (8 * self._most[1]))

    def _plane(self, index: int) -> dict[tuple[int, int], list[int]]:
        (h, v), (across, down) = self._factors[index], self._units()
        return {(x, y): self._block() for x in range(across * h) for y in range(down * v)}

    def _block(self) -> list[int]:
        block = [0] * _ZIGZAG_LENGTH
        block[0] = self._random.randint(-500, 500)
        for _ in range(self._random.choice([0, 0, 1, 3, 20])):
            block[self._random.randrange(1, _ZIGZAG_LENGTH)] = self._random.randint(-60, 60)
        return block

    def picture(self, scans: list[ScanHeader], *, before_frame: bytes = b"") -> bytes:
        """The file."""
        quantization = segment(0xDB, bytes([0]) + bytes(self._random.randint(1, 9) for _ in range(_ZIGZAG_LENGTH)))
        parts = [b"\xff\xd8", before_frame, quantization, frame_header(self._size, self._factors)]
        for scan in scans:
            slot, turn = self._random.randrange(4), self._random.randrange(12)
            parts += [
                tables(slot, turn=turn),
                segment(0xDD, struct.pack(">H", scan.restart_interval)),
                scan_header(scan, table=slot),
                self._data(scan, turn),
            ]
        return b"".join([*parts, b"\xff\xd9"])

    def _data(self, scan: ScanHeader, turn: int) -> bytes:
        units = self._units_of(scan)
        step = scan.restart_interval or len(units)
        pieces = []
        for number, start in enumerate(range(0, len(units), step)):
            bits = _Bits(turn)
            self._write(scan, units[start : start + step], bits)
            pieces.append((bytes([0xFF, 0xD0 | (number - 1) % 8]) if number else b"") + bits.stuffed())
        return b"".join(pieces)

    def _units_of(self, scan: ScanHeader) -> list[list[tuple[int, list[int]]]]:
        """The blocks of each unit of a scan, with their components."""
        if len(scan.components) == 1:
            (index,) = scan.components
            across, down = self._blocks(index)
            return [[(index, self._planes[index][x, y])] for y in range(down) for x in range(across)]
        across, down = self._units()
        return [
            [
                (index, self._planes[index][column * h + x, row * v + y])
                for index in scan.components
                for h, v in [self._factors[index]]
                for y in range(v)
                for x in range(h)
            ]
            for row in range(down)
            for column in range(across)
        ]

    def _write(self, scan: ScanHeader, units: list[list[tuple[int, list[int]]]], bits: _Bits) -> None:
        means = dict.fromkeys(scan.components, 0)
        for unit in units:
            for index, block in unit:
                mean = block[0] >> scan.after
                if scan.first:
                    (_refined if scan.before else _first)(block, scan, bits)
                elif scan.before:
                    bits.raw(mean & 1, 1)
                else:
                    bits.mean(mean - means[index])
                    means[index] = mean


class _Bits:
    def __init__(self, turn: int) -> None:
        self._text: list[str] = []
        self._dc = {symbol: f"{code:04b}" for code, symbol in enumerate(_turned(_DC_SYMBOLS, turn))}
        self._ac = {symbol: f"{code:08b}" for code, symbol in enumerate(_turned(_AC_SYMBOLS, turn))}

    def raw(self, value: int, count: int) -> None:
        self._text.append(f"{value:0{count}b}" if count else "")

    def mean(self, difference: int) -> None:
        self._text.append(self._dc[abs(difference).bit_length()])
        self.magnitude(difference)

    def coefficient(self, symbol: int) -> None:
        self._text.append(self._ac[symbol])

    def magnitude(self, value: int) -> None:
        size = abs(value).bit_length()
        self.raw(value if value > 0 else value + (1 << size) - 1, size)

    def stuffed(self) -> bytes:
        text = "".join(self._text)
        text += "1" * (-len(text) % 8)
        return int(text or "0", 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")


def _first(block: list[int], scan: ScanHeader, bits: _Bits) -> None:
    run = 0
    for value in block[scan.first : scan.last + 1]:
        shown = (abs(value) >> scan.after) * (1 if value > 0 else -1)
        if not shown:
            run += 1
            continue
        for _ in range(run // 16):
            bits.coefficient(0xF0)
        bits.coefficient(run % 16 << 4 | abs(shown).bit_length())
        bits.magnitude(shown)
        run = 0
    if run:
        bits.coefficient(0x00)


def _refined(block: list[int], scan: ScanHeader, bits: _Bits) -> None:
    """One bit more of each coefficient: new ones as symbols, one bit for each that was there (T.81 G.1.2.3)."""
    shown = [abs(value) >> scan.after for value in block[scan.first : scan.last + 1]]
    last_new = max((place for place, value in enumerate(shown) if value == 1), default=-1)
    run = 0
    corrections: list[int] = []
    for place, value in enumerate(shown):
        if place > last_new:
            break
        if not value:
            run += 1
            if run == 16:
                run = 0
                _flush(0xF0, None, corrections, bits)
        elif value > 1:
            corrections.append(value & 1)
        else:
            _flush(run << 4 | 1, int(block[scan.first + place] > 0), corrections, bits)
            run = 0
    rest = shown[last_new + 1 :]
    if rest:
        _flush(0x00, None, [value & 1 for value in rest if value > 1], bits)


def _flush(symbol: int, sign: int | None, corrections: list[int], bits: _Bits) -> None:
    bits.coefficient(symbol)
    if sign is not None:
        bits.raw(sign, 1)
    for correction in corrections:
        bits.raw(correction, 1)
    corrections.clear()


def shuffled_scans(count: int, randomness: random.Random) -> list[ScanHeader]:
    """Scans that carry everything of so many components, in an order that no encoder would choose."""
    members = randomness.sample(range(count), count)
    cut = randomness.randint(0, count - 1)
    groups = [tuple(sorted(members[cut:])), *((member,) for member in members[:cut])]
    mean_bits = randomness.randint(0, 3)
    scans = [_scan(group, (0, 0), (0, mean_bits), randomness) for group in groups]
    queues = [[_scan(group, (0, 0), bits, randomness) for bits in _descent(mean_bits)] for group in groups]
    for member in range(count):
        bounds = sorted({1, 64, *(randomness.randint(2, 63) for _ in range(randomness.randint(0, 3)))})
        for first, end in pairwise(bounds):
            bits = randomness.choice([0, 0, 1, 2])
            steps = [(0, bits), *_descent(bits)]
            queues.append([_scan((member,), (first, end - 1), step, randomness) for step in steps])
    while queues := [queue for queue in queues if queue]:
        scans.append(randomness.choice(queues).pop(0))
    return scans


def _descent(bits: int) -> list[tuple[int, int]]:
    return [(bit, bit - 1) for bit in range(bits, 0, -1)]


def _scan(
    components: tuple[int, ...], band: tuple[int, int], bits: tuple[int, int], randomness: random.Random
) -> ScanHeader:
    return ScanHeader(
        components=components,
        first=band[0],
        last=band[1],
        before=bits[0],
        after=bits[1],
        restart_interval=randomness.choice([0, 0, 1, 3, 7]),
    )
