"""The kinds of value that settings have, exact to the letter (spec 03 section 1.0)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final

from renderer.formats import NAMES, ImageFormat
from renderer.scalars import parse_bool, parse_float, parse_int
from renderer.settings.declare import Reader

BOOLEAN: Final = Reader(expected="a boolean (true, false, 1, 0, t, f)", read=parse_bool)
TEXT: Final = Reader(expected="text", read=str)


def _bounded(low: float | None, high: float | None, number: float) -> None:
    # NaN fails both comparisons, so the test is written to be true only for numbers inside.
    if not ((low is None or number >= low) and (high is None or number <= high)):
        raise ValueError("out of range")


def integer(low: int | None = None, high: int | None = None) -> Reader:
    """A whole number between two bounds."""

    def read(text: str) -> int:
        value = parse_int(text)
        _bounded(low, high, value)
        return value

    return Reader(expected="a whole number" + _range(low, high), read=read)


def number(low: float | None = None, high: float | None = None, *, above: float | None = None) -> Reader:
    """A number between two bounds; `above` excludes its bound."""

    def read(text: str) -> float:
        value = parse_float(text)
        _bounded(low, high, value)
        if above is not None and not value > above:
            raise ValueError("out of range")
        return value

    words = f" above {above:g}" if above is not None else ""
    return Reader(expected="a number" + words + _range(low, high), read=read)


def megapixels(*, above: float | None = None) -> Reader:
    """A number of millions, kept as whole pixels."""

    def read(text: str) -> int:
        pixels = parse_float(text) * 1_000_000
        if not math.isfinite(pixels) or (above is not None and not pixels > above * 1_000_000):
            raise ValueError("out of range")
        return int(pixels)

    words = "" if above is None else f" above {above:g}"
    return Reader(expected="a number of megapixels" + words, read=read)


def one_of(*names: str) -> Reader:
    """One of several lower-case words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in names:
            raise ValueError("unknown word")
        return text.lower()

    return Reader(expected="one of " + ", ".join(names), read=read)


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def words(*, empty_items: bool = True) -> Reader:
    """A comma-separated list, items trimmed; an empty item of a list that opens something is refused at start."""

    def read(text: str) -> tuple[str, ...]:
        items = _items(text)
        if not empty_items and "" in items:
            raise ValueError("an empty item would match everything")
        return tuple(items)

    return Reader(expected="a comma-separated list" + ("" if empty_items else " without empty items"), read=read)


def _read_hex_list(text: str) -> tuple[bytes, ...]:
    items = _items(text)
    if "" in items:
        raise ValueError("an empty item would let anyone sign")
    return tuple(_hexadecimal(item) for item in items)


def _hexadecimal(text: str) -> bytes:
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
        raise ValueError("not hexadecimal")
    return bytes.fromhex(text)


def _read_aes_key(text: str) -> bytes:
    key = _hexadecimal(text)
    if len(key) not in (16, 24, 32):
        raise ValueError("not 16, 24 or 32 bytes")
    return key


def _format(name: str) -> ImageFormat:
    if name not in NAMES:
        raise ValueError(f"unknown format {name!r}")
    return NAMES[name]


def _read_formats(text: str) -> tuple[ImageFormat, ...]:
    return tuple(_format(item) for item in _items(text))


def _read_qualities(text: str) -> tuple[tuple[ImageFormat, int], ...]:
    qualities = {}
    for item in _items(text):
        name, equals, value = item.partition("=")
        quality = parse_int(value.strip()) if equals else 0
        if not 1 <= quality <= 100:
            raise ValueError(f"{item!r} is not format=quality")
        qualities[_format(name.strip())] = quality
    return tuple(qualities.items())


def wildcard_pattern(pattern: str) -> re.Pattern[str]:
    """A prefix in which `*` stands for any run of characters without a slash (spec 01 section 1.8)."""
    return re.compile("([^/]*)".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def prefix_pattern(pattern: str) -> re.Pattern[str]:
    """Matches what `wildcard_pattern` matches, without groups and in one pass over the text.

    Each `*` stops at the first place where the text after it fits. No match is lost: a later place is in the same path
    segment, so whatever follows from there follows from the first one too. With groups, two `*` in one segment let a
    client choose a URL that takes minutes.
    """
    start, *others = (re.escape(part) for part in pattern.split("*"))
    return re.compile(start + "".join(f"(?>[^/]*?{other})" for other in others), re.DOTALL)


def _read_patterns(text: str) -> tuple[re.Pattern[str], ...]:
    items = _items(text)
    if "" in items:
        raise ValueError("an empty item would match every source")
    return tuple(prefix_pattern(item) for item in items)


def _read_replacements(text: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs = []
    for item in text.split(";"):
        pattern, equals, replacement = item.partition("=")
        if not equals:
            raise ValueError(f"{item!r} is not pattern=replacement")
        pairs.append((wildcard_pattern(pattern), replacement))
    return tuple(pairs)


def _read_map(text: str) -> tuple[tuple[str, str], ...]:
    pairs = {}
    for item in (part.strip() for part in text.split(";")):
        if not item:
            continue
        name, equals, value = item.partition("=")
        if not (name and equals and value):
            raise ValueError(f"{item!r} is not name=value")
        pairs[name] = value
    return tuple(pairs.items())


_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def _read_moment(text: str) -> datetime:
    if not _RFC3339.fullmatch(text):
        raise ValueError("not written as 2006-01-02T15:04:05Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def path(expected: str) -> Reader:
    """A path; whether it exists is asked when it is opened, not here: reading settings does no I/O."""
    return Reader(expected=expected, read=PurePath)


HEX_LIST: Final = Reader(expected="a comma-separated list of hexadecimal strings, none empty", read=_read_hex_list)
AES_KEY: Final = Reader(expected="16, 24 or 32 bytes in hexadecimal", read=_read_aes_key)
FORMATS: Final = Reader(expected="a comma-separated list of formats", read=_read_formats)
QUALITIES: Final = Reader(expected="a comma-separated list of format=quality, 1 to 100", read=_read_qualities)
PATTERNS: Final = Reader(expected="a comma-separated list of URL prefixes, none empty", read=_read_patterns)
REPLACEMENTS: Final = Reader(expected="pattern=replacement pairs between semicolons", read=_read_replacements)
MAP: Final = Reader(expected="name=value pairs between semicolons", read=_read_map)
MOMENT: Final = Reader(expected="an RFC 3339 time", read=_read_moment)


def _read_non_empty(text: str) -> str:
    if not text:
        raise ValueError("empty")
    return text


def _read_header_text(text: str) -> str:
    if not text.isprintable() or not text.isascii():
        raise ValueError("a character that no header may have")
    return text


def _read_status(text: str) -> int:
    status = parse_int(text)
    if status != 0 and not 200 <= status <= 599:
        raise ValueError("out of range")
    return status


def _read_tag_text(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text):
        raise ValueError("a character that no cache tag may have, or too long")
    return text


STATUS: Final = Reader(expected="0 or a final HTTP status, 200 to 599", read=_read_status)
HEADER_TEXT: Final = Reader(expected="text of printable ASCII characters", read=_read_header_text)
TAG_TEXT: Final = Reader(expected="1 to 100 letters, digits, dots, hyphens and underscores", read=_read_tag_text)


def non_empty() -> Reader:
    """Text that must not be empty."""
    return Reader(expected="text that is not empty", read=_read_non_empty)


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {_shown(low)} to {_shown(high)}"
    if low is not None:
        return f" of at least {_shown(low)}"
    return "" if high is None else f" of at most {_shown(high)}"


def _shown(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"
