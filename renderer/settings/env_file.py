"""The grammar of env files: text -> variables (spec 03 section 1.13).

Line by line: `KEY=VALUE` or `KEY: VALUE`, with or without `export`. Single quotes keep everything, double quotes know
escapes, and `$KEY` stands for a variable everywhere but in single quotes. Nothing is ever executed.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from typing import Final

MAX_CHARACTERS: Final = 1_048_576
"""What all values of one file may have together, so that `B=$A$A`, `C=$B$B` and so on end soon."""

_BLANKS: Final = " \t"
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""Wider than any shell's. Anything else is no env file: a secret in JSON must not become a server without keys."""
_EXPORT: Final = re.compile(r"\Aexport[ \t]+")
_SEPARATOR: Final = re.compile(r"[=:]")
# What a value is made of. In double quotes every backslash takes its neighbour with it; outside it only guards `$`.
_QUOTED_PIECE: Final = re.compile(r"\\(?P<escaped>.)|\$(?:\{(?P<braced>[A-Z0-9_]+)\}|(?P<bare>[A-Z0-9_]+))", re.DOTALL)
_BARE_PIECE: Final = re.compile(r"\\(?P<escaped>\$)|\$(?:\{(?P<braced>[A-Z0-9_]+)\}|(?P<bare>[A-Z0-9_]+))")
_ESCAPES: Final = {"n": "\n", "r": "\r"}


def parse_env_file(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an env file; the last of several lines with one key wins.

    Args:
        text: the file.
        environment: what `$KEY` means where no line above says so; a variable that is nowhere is empty.

    Raises:
        ValueError: a line is neither, or says too much; its number is told, its text is not: it may hold a secret.
    """
    variables: dict[str, str] = {}
    room = MAX_CHARACTERS
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        written = _without_comment(line.removesuffix("\r")).strip(_BLANKS)
        if not written or written.startswith("#"):
            continue
        separator = _SEPARATOR.search(written)
        key = _EXPORT.sub("", written[: separator.start()], count=1).strip(_BLANKS) if separator else ""
        if separator is None or not _KEY.fullmatch(key) or "\0" in written:
            raise ValueError(f"line {number} is not KEY=VALUE")
        known = ChainMap(variables, environment)  # type: ignore[arg-type]  # it is only read
        try:
            variables[key] = _value(written[separator.end() :].strip(_BLANKS), known, room)
        except OverflowError as error:
            raise ValueError(f"line {number} makes the values longer than {MAX_CHARACTERS:,} characters") from error
        room -= len(variables[key])
    return variables


def _value(written: str, known: Mapping[str, str], room: int) -> str:
    """What a value means; raises OverflowError when that is more than there is room for."""
    is_enclosed = len(written) > 1 and written[0] == written[-1]
    if is_enclosed and written[0] == "'":
        return written[1:-1]
    is_quoted = is_enclosed and written[0] == '"'

    def meant(piece: re.Match[str]) -> str:
        nonlocal room
        escaped = piece["escaped"]
        if escaped is not None:
            return _ESCAPES.get(escaped, escaped)
        value = known.get(piece["braced"] or piece["bare"], "")
        room -= len(value)
        if room < 0:
            raise OverflowError
        return value

    return _QUOTED_PIECE.sub(meant, written[1:-1]) if is_quoted else _BARE_PIECE.sub(meant, written)


_DOUBLE_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+"')


def _without_comment(text: str) -> str:
    """The text up to the first `#` that follows a blank and is in no quotes; a quote that never ends is none."""
    if "#" not in text:
        return text
    place = 0
    never_closed: set[str] = set()
    while place < len(text):
        character = text[place]
        if character == "#" and place and text[place - 1] in _BLANKS:
            return text[:place]
        if character in "'\"" and character not in never_closed:
            end = _closing_quote(text, place)
            if end < 0:
                never_closed.add(character)
            place = max(end, place)
        place += 1
    return text


def _closing_quote(text: str, start: int) -> int:
    """Where the quotes that begin at `start` end, or -1."""
    if text[start] == "'":
        return text.find("'", start + 1)
    found = _DOUBLE_QUOTED.match(text, start)
    return found.end() - 1 if found else -1
