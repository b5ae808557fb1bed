"""Probabilities of symbols as a JPEG XL codestream describes them (ISO 18181-1 annex C.2): prefix codes and ANS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from renderer.codecs.jxl.bits import BitReader
from renderer.errors import BrokenImage

_ANS_BITS: Final = 12
_ANS_RANGE: Final = 1 << _ANS_BITS
_REPEAT: Final = 13
# The prefix code of the sizes of probabilities: for each size, 0 to 13, its bits as they are read, first bit first.
_SIZE_CODES: Final = (
    *("10001", "1101", "1111", "1100", "1001", "1110", "001", "010", "101", "011", "000", "100001"),
    *("1000000", "1000001"),
)
_LENGTHS_ORDER: Final = (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)
# The prefix code of the lengths of the code of lengths, 0 to 5, first bit first.
_LENGTH_CODES: Final = ("00", "1110", "110", "01", "10", "1111")
_MAX_LENGTH: Final = 15
_REPEAT_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class PrefixCode:
    """Symbols by their bits: keys are a 1 followed by the bits, first bit first. A single symbol takes no bits."""

    symbols: dict[int, int]
    only: int | None = None

    def symbol(self, reader: BitReader) -> int:
        """The next symbol."""
        if self.only is not None:
            return self.only
        key = 1
        for _ in range(_MAX_LENGTH):
            key = key << 1 | reader.bits(1)
            found = self.symbols.get(key)
            if found is not None:
                return found
        raise BrokenImage("JXL: bits that are no symbol")


@dataclass(frozen=True, slots=True)
class AnsTable:
    """Which symbol a state stands for, as the alias method lays them out.

    A bucket belongs to the symbol of its number up to its cutoff, and to another symbol from there on.
    """

    frequencies: list[int]
    bucket_bits: int
    cutoffs: list[int]
    others: list[int]
    offsets: list[int]

    def entry(self, state: int) -> tuple[int, int, int]:
        """Symbol, offset and frequency of the lower bits of a state."""
        bucket = state >> self.bucket_bits
        place = state & ((1 << self.bucket_bits) - 1)
        if place < self.cutoffs[bucket]:
            return bucket, place, self.frequencies[bucket]
        other = self.others[bucket]
        return other, self.offsets[bucket] + place, self.frequencies[other]


_SIZES: Final = PrefixCode({int("1" + code, 2): size for size, code in enumerate(_SIZE_CODES)})
_CODE_LENGTHS: Final = PrefixCode({int("1" + code, 2): length for length, code in enumerate(_LENGTH_CODES)})


def read_prefix_codes(reader: BitReader, count: int, max_size: int) -> list[PrefixCode]:
    """So many prefix codes.

    Raises:
        BrokenImage: one is none.
    """
    sizes = [_variable(reader, 4) + 1 for _ in range(count)]
    if max(sizes) > max_size:
        raise BrokenImage(f"JXL: an alphabet of {max(sizes)} symbols")
    return [_read_prefix_code(reader, size) if size > 1 else PrefixCode({}, 0) for size in sizes]


def _variable(reader: BitReader, width: int) -> int:
    """A small number: its length first, in so many bits."""
    if not reader.flag():
        return 0
    count = reader.bits(width)
    return reader.bits(count) + (1 << count)


def _read_prefix_code(reader: BitReader, size: int) -> PrefixCode:
    skipped = reader.bits(2)
    if skipped == 1:
        return _read_simple_code(reader, size)
    code_of_lengths = _read_code_of_lengths(reader, skipped)
    lengths = _Lengths()
    while len(lengths.found) < size and lengths.space > 0:
        symbol = code_of_lengths.symbol(reader)
        if symbol < _REPEAT_LENGTH:
            lengths.add(symbol)
        else:
            lengths.repeat(symbol, reader, size)
    if lengths.space:
        raise BrokenImage("JXL: a prefix code that is not whole")
    return _canonical(lengths.found)


@dataclass(slots=True)
class _Lengths:
    """Code lengths as they are read. `space` is what is left of all codes; a run of repetitions may go on."""

    found: list[int] = field(default_factory=list)
    space: int = 1 << _MAX_LENGTH
    previous: int = 8
    repeated: int = 0
    repeats: int = 0

    def add(self, length: int) -> None:
        self.found.append(length)
        self.repeats = 0
        if length:
            self.previous = length
            self.space -= 1 << _MAX_LENGTH - length

    def repeat(self, symbol: int, reader: BitReader, size: int) -> None:
        """Repeats the length before, or 0; a repetition right after one of the same continues its number."""
        value = self.previous if symbol == _REPEAT_LENGTH else 0
        if value != self.repeated:
            self.repeated, self.repeats = value, 0
        before = self.repeats
        width = symbol - 14
        self.repeats = (before - 2 << width if before else 0) + reader.bits(width) + 3
        added = self.repeats - before
        if len(self.found) + added > size:
            raise BrokenImage("JXL: more code lengths than symbols")
        self.found.extend([value] * added)
        if value:
            self.space -= added << _MAX_LENGTH - value


def _read_simple_code(reader: BitReader, size: int) -> PrefixCode:
    """A code of one to four symbols that are listed."""
    width = (size - 1).bit_length()
    count = reader.bits(2) + 1
    symbols = [reader.bits(width) for _ in range(count)]
    if len(set(symbols)) != count or max(symbols) >= size:
        raise BrokenImage("JXL: a prefix code of symbols that are none")
    if count == 1:
        return PrefixCode({}, symbols[0])
    lengths = {2: [1, 1], 3: [1, 2, 2], 4: [2, 2, 2, 2]}[count]
    if count == 4 and reader.flag():
        lengths = [1, 2, 3, 3]
    of_symbol = dict(zip(symbols, lengths, strict=True))
    return _canonical([of_symbol.get(symbol, 0) for symbol in range(max(symbols) + 1)])


def _read_code_of_lengths(reader: BitReader, skipped: int) -> PrefixCode:
    lengths = [0] * len(_LENGTHS_ORDER)
    space = 32
    for place in _LENGTHS_ORDER[skipped:]:
        if space <= 0:
            break
        lengths[place] = _CODE_LENGTHS.symbol(reader)
        if lengths[place]:
            space -= 32 >> lengths[place]
    if space and sum(map(bool, lengths)) != 1:
        raise BrokenImage("JXL: a code of lengths that is not whole")
    return _canonical(lengths)


def _canonical(lengths: list[int]) -> PrefixCode:
    """The code in which shorter codes and lower symbols come first."""
    used = [symbol for symbol, length in enumerate(lengths) if length]
    if len(used) == 1:
        return PrefixCode({}, used[0])
    symbols: dict[int, int] = {}
    code = previous = 0
    for length, symbol in sorted((lengths[symbol], symbol) for symbol in used):
        code <<= length - previous
        symbols[1 << length | code] = symbol
        code += 1
        previous = length
    return PrefixCode(symbols)


def read_ans_table(reader: BitReader, alphabet_bits: int) -> AnsTable:
    """The probabilities of symbols.

    Raises:
        BrokenImage: they do not add up, or there are too many symbols.
    """
    frequencies = _read_frequencies(reader)
    while frequencies and not frequencies[-1]:
        frequencies.pop()
    if len(frequencies) > 1 << alphabet_bits:
        raise BrokenImage(f"JXL: an alphabet of {len(frequencies)} symbols")
    return _alias_table(frequencies or [_ANS_RANGE], alphabet_bits)


def _read_frequencies(reader: BitReader) -> list[int]:
    if reader.flag():
        return _read_few_frequencies(reader)
    if reader.flag():
        size = _variable(reader, 3) + 1
        share, more = divmod(_ANS_RANGE, size)
        return [share + 1] * more + [share] * (size - more)
    return _read_many_frequencies(reader)


def _read_few_frequencies(reader: BitReader) -> list[int]:
    """One symbol, or two."""
    is_pair = reader.flag()
    symbols = [_variable(reader, 3) for _ in range(1 + is_pair)]
    frequencies = [0] * (max(symbols) + 1)
    first = _ANS_RANGE
    if is_pair:
        if symbols[0] == symbols[1]:
            raise BrokenImage("JXL: the same symbol twice")
        first = reader.bits(_ANS_BITS)
        frequencies[symbols[1]] = _ANS_RANGE - first
    frequencies[symbols[0]] = first
    return frequencies


def _read_many_frequencies(reader: BitReader) -> list[int]:
    shift = _read_shift(reader)
    sizes, runs = _read_sizes(reader, _variable(reader, 3) + 3)
    # The first of the largest is not written: it is what the others leave.
    omitted = max(range(len(sizes)), key=lambda place: (sizes[place], -place))
    if sizes[omitted] < 1 or omitted + 1 in runs:
        raise BrokenImage("JXL: probabilities without a largest one")
    frequencies: list[int] = []
    left, repeated = 0, 0
    for place, size in enumerate(sizes):
        if place in runs:
            left, repeated = runs[place], frequencies[-1] if frequencies else 0
        if left:
            left -= 1
            frequencies.append(repeated)
        else:
            frequencies.append(0 if place == omitted else _read_frequency(reader, size, shift))
    frequencies[omitted] = _ANS_RANGE - sum(frequencies)
    if frequencies[omitted] <= 0:
        raise BrokenImage("JXL: probabilities of more than 1")
    return frequencies


def _read_shift(reader: BitReader) -> int:
    """How many bits of the probabilities are written."""
    log = 0
    while log < 3 and reader.flag():
        log += 1
    shift = (reader.bits(log) | 1 << log) - 1
    if shift > _ANS_BITS + 1:
        raise BrokenImage("JXL: probabilities of too many bits")
    return shift


def _read_sizes(reader: BitReader, length: int) -> tuple[list[int], dict[int, int]]:
    """How large the probabilities are (0 is none, 1 is the smallest), and where one repeats how often."""
    sizes = [0] * length
    runs: dict[int, int] = {}
    place = 0
    while place < length:
        size = _SIZES.symbol(reader)
        if size == _REPEAT:
            run = _variable(reader, 3)
            runs[place] = run + 4
            place += run + 4
        else:
            sizes[place] = size
            place += 1
    return sizes, runs


def _read_frequency(reader: BitReader, size: int, shift: int) -> int:
    if size <= 1:
        return size
    code = size - 1
    if not shift:
        return 1 << code
    count = max(0, min(code, shift - (_ANS_BITS - code >> 1)))
    return (1 << code) + (reader.bits(count) << code - count)


def _alias_table(frequencies: list[int], alphabet_bits: int) -> AnsTable:
    buckets = 1 << alphabet_bits
    bucket_bits = _ANS_BITS - alphabet_bits
    size = 1 << bucket_bits
    frequencies = frequencies + [0] * (buckets - len(frequencies))
    if sum(frequencies) != _ANS_RANGE:
        raise BrokenImage("JXL: probabilities that do not add up to 1")
    if max(frequencies) == _ANS_RANGE:
        # A certain symbol: the state stays.
        only = frequencies.index(_ANS_RANGE)
        starts = [size * bucket for bucket in range(buckets)]
        return AnsTable(frequencies, bucket_bits, [0] * buckets, [only] * buckets, starts)
    cutoffs = list(frequencies)
    others, offsets = list(range(buckets)), [0] * buckets
    over = [symbol for symbol, frequency in enumerate(frequencies) if frequency > size]
    under = [symbol for symbol, frequency in enumerate(frequencies) if frequency < size]
    while over:
        giver, taker = over.pop(), under.pop()
        cutoffs[giver] -= size - cutoffs[taker]
        others[taker], offsets[taker] = giver, cutoffs[giver]
        if cutoffs[giver] < size:
            under.append(giver)
        elif cutoffs[giver] > size:
            over.append(giver)
    for bucket, cutoff in enumerate(cutoffs):
        if cutoff == size:
            others[bucket], offsets[bucket], cutoffs[bucket] = bucket, 0, 0
        else:
            offsets[bucket] -= cutoff
    return AnsTable(frequencies, bucket_bits, cutoffs, others, offsets)
