"""Entropy-coded numbers of a JPEG XL codestream (ISO 18181-1 annex C): prefix codes or ANS, with repetitions.

Profiles and permutations are coded this way. Pixels are too, but those are the decoder's business, so this is written
to be short and safe, and takes some microseconds a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from renderer.codecs.jxl.bits import BitReader, Choices
from renderer.codecs.jxl.distributions import AnsTable, PrefixCode, read_ans_table, read_prefix_codes
from renderer.errors import BrokenImage

_MIN_SYMBOLS: Final[Choices] = ((0, 224), (0, 512), (0, 4096), (15, 8))
_MIN_LENGTHS: Final[Choices] = ((0, 3), (0, 4), (2, 5), (8, 9))
_PREFIX_BITS: Final = 15
_WINDOW: Final = 1 << 20
_FINAL_STATE: Final = 0x13_0000
_PERMUTATION_CONTEXTS: Final = 8


class _Symbols(Protocol):
    def symbol(self, reader: BitReader, cluster: int) -> int: ...


@dataclass(frozen=True, slots=True)
class _Hybrid:
    """How a symbol and the bits behind it make a number: small numbers are symbols, large ones have a symbol for their
    size, their highest and their lowest bits.
    """

    split_exponent: int
    high_bits: int
    low_bits: int

    def number(self, symbol: int, reader: BitReader) -> int:
        split = 1 << self.split_exponent
        if symbol < split:
            return symbol
        in_symbol = self.high_bits + self.low_bits
        count = self.split_exponent - in_symbol + (symbol - split >> in_symbol)
        if count > 31:
            raise BrokenImage(f"JXL: a number of {count} more bits")
        low = symbol & ((1 << self.low_bits) - 1)
        high = (symbol >> self.low_bits) & ((1 << self.high_bits) - 1)
        number = (1 << self.high_bits | high) << count | reader.bits(count)
        return number << self.low_bits | low


@dataclass(slots=True)
class _PrefixSymbols:
    codes: list[PrefixCode]

    def symbol(self, reader: BitReader, cluster: int) -> int:
        return self.codes[cluster].symbol(reader)


@dataclass(slots=True)
class _AnsSymbols:
    tables: list[AnsTable]
    state: int

    def symbol(self, reader: BitReader, cluster: int) -> int:
        symbol, offset, frequency = self.tables[cluster].entry(self.state & 0xFFF)
        self.state = frequency * (self.state >> 12) + offset
        if self.state < 1 << 16:
            self.state = self.state << 16 | reader.bits(16)
        return symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repetition:
    """Symbols from `min_symbol` on repeat what came before: how long is in the symbol, from how far in the next."""

    min_symbol: int
    min_length: int
    lengths: _Hybrid


class EntropyDecoder:
    """Reads numbers whose probabilities depend on a context, from a place where their code is described."""

    def __init__(self, reader: BitReader, contexts: int, *, may_repeat: bool = True) -> None:
        self._reader = reader
        self._repetition = _read_repetition(reader)
        if self._repetition is not None:
            if not may_repeat:
                raise BrokenImage("JXL: a map of contexts that repeats itself")
            contexts += 1
        self._clusters = _read_clusters(reader, contexts) if contexts > 1 else [0]
        count = max(self._clusters) + 1
        has_prefixes = reader.flag()
        alphabet_bits = _PREFIX_BITS if has_prefixes else reader.bits(2) + 5
        self._hybrids = [_read_hybrid(reader, alphabet_bits) for _ in range(count)]
        self._symbols: _Symbols
        self._ans: _AnsSymbols | None = None
        if has_prefixes:
            self._symbols = _PrefixSymbols(read_prefix_codes(reader, count, 1 << alphabet_bits))
        else:
            tables = [read_ans_table(reader, alphabet_bits) for _ in range(count)]
            self._symbols = self._ans = _AnsSymbols(tables, reader.bits(32))
        self._history: list[int] = []
        self._left_to_copy = 0
        self._distance = 0

    def number(self, context: int) -> int:
        """The next number."""
        if self._left_to_copy:
            return self._copied()
        cluster = self._clusters[context]
        symbol = self._symbols.symbol(self._reader, cluster)
        repetition = self._repetition
        if repetition is None:
            return self._hybrids[cluster].number(symbol, self._reader)
        if symbol < repetition.min_symbol:
            number = self._hybrids[cluster].number(symbol, self._reader)
            self._history.append(number)
            return number
        length = repetition.lengths.number(symbol - repetition.min_symbol, self._reader)
        self._left_to_copy = length + repetition.min_length
        cluster = self._clusters[-1]
        distance = self._hybrids[cluster].number(self._symbols.symbol(self._reader, cluster), self._reader) + 1
        self._distance = min(distance, len(self._history), _WINDOW)
        return self._copied()

    def check_end(self) -> None:
        """Raises BrokenImage when the numbers do not end as they should."""
        if self._ans is not None and self._ans.state != _FINAL_STATE:
            raise BrokenImage("JXL: entropy-coded numbers end in a wrong state")

    def _copied(self) -> int:
        self._left_to_copy -= 1
        number = self._history[-self._distance] if self._distance else 0
        self._history.append(number)
        return number


def skip_permutation(reader: BitReader, size: int) -> None:
    """Passes over the order in which so many sections are stored.

    Raises:
        BrokenImage: it is no order of so many.
    """
    decoder = EntropyDecoder(reader, _PERMUTATION_CONTEXTS)
    count = decoder.number(_permutation_context(size))
    if count > size:
        raise BrokenImage(f"JXL: an order of {count} of {size} sections")
    last = 0
    for _ in range(count):
        last = decoder.number(_permutation_context(last))
    decoder.check_end()


def _permutation_context(number: int) -> int:
    return min(number.bit_length(), _PERMUTATION_CONTEXTS - 1)


def _read_repetition(reader: BitReader) -> _Repetition | None:
    if not reader.flag():
        return None
    min_symbol, min_length = reader.u32(_MIN_SYMBOLS), reader.u32(_MIN_LENGTHS)
    return _Repetition(min_symbol=min_symbol, min_length=min_length, lengths=_read_hybrid(reader, 8))


def _read_hybrid(reader: BitReader, alphabet_bits: int) -> _Hybrid:
    split_exponent = reader.bits(alphabet_bits.bit_length())
    if split_exponent == alphabet_bits:
        return _Hybrid(split_exponent, 0, 0)
    high_bits = reader.bits(split_exponent.bit_length())
    if high_bits > split_exponent:
        raise BrokenImage("JXL: a number with more high bits than bits")
    low_bits = reader.bits((split_exponent - high_bits).bit_length())
    if high_bits + low_bits > split_exponent:
        raise BrokenImage("JXL: a number with more low bits than bits")
    return _Hybrid(split_exponent, high_bits, low_bits)


def _read_clusters(reader: BitReader, contexts: int) -> list[int]:
    """Which distribution each context has."""
    if reader.flag():
        width = reader.bits(2)
        clusters = [reader.bits(width) for _ in range(contexts)]
    else:
        is_moved_to_front = reader.flag()
        decoder = EntropyDecoder(reader, 1, may_repeat=contexts > 2)
        clusters = [decoder.number(0) for _ in range(contexts)]
        decoder.check_end()
        if max(clusters) > 255:
            raise BrokenImage("JXL: more than 256 distributions")
        if is_moved_to_front:
            clusters = _from_front(clusters)
    if len(set(clusters)) != max(clusters) + 1:
        raise BrokenImage("JXL: distributions that no context has")
    return clusters


def _from_front(indices: list[int]) -> list[int]:
    """Undoes numbering by how long ago a value was used last."""
    order = list(range(256))
    values = []
    for index in indices:
        value = order.pop(index)
        order.insert(0, value)
        values.append(value)
    return values
