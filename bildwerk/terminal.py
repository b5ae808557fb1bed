"""How commands write: aligned columns, text that cannot drive the terminal, and errors that say what is wrong.

What was asked for goes to stdout, everything else to stderr. URLs come from logs and strangers: a control character in
one is shown as its escape, so that it neither moves the cursor nor colors the screen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

INTERRUPTED: Final = 130
"""The status that a shell gives a process ended by SIGINT."""

MAX_EXCERPT: Final = 100
"""Characters of a path that are shown around a place in it: what a terminal of usual width takes."""


def fail(command: str, text: str) -> int:
    """Says on stderr why a command does not do what it was asked to, and returns exit status 1."""
    first, *others = text.splitlines() or [""]
    print("\n".join([f"bildwerk {command}: {visible(first)}", *map(visible, others)]), file=sys.stderr)
    return 1


def visible(text: str) -> str:
    """The text with everything unprintable as an escape."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


def columns(rows: Iterable[Sequence[str]], *, indent: str = "") -> str:
    """Rows of cells under each other, two spaces apart; the last cell of a row may be as long as it likes."""
    shown = [[visible(cell) for cell in row] for row in rows]
    widths: list[int] = []
    for row in shown:
        for place, cell in enumerate(row[:-1]):
            widths[place : place + 1] = [max([len(cell), *widths[place : place + 1]])]
    lines = (
        indent + "  ".join([cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)] + row[-1:])
        for row in shown
    )
    return "\n".join(line.rstrip() for line in lines)


def pointed(text: str, start: int, end: int, *, indent: str = "  ") -> str:
    """The text, and under the characters from `start` to `end` a line of carets; a long text is cut around them."""
    before, place, after = visible(text[:start]), visible(text[start:end]), visible(text[end:])
    if len(place) > MAX_EXCERPT:
        place = f"{place[:MAX_EXCERPT]}..."
    room = max(MAX_EXCERPT - len(place), 20)
    if len(before) > room:
        before = f"...{before[-room:]}"
    if len(after) > room:
        after = f"{after[:room]}..."
    return f"{indent}{before}{place}{after}\n{indent}{' ' * len(before)}{'^' * max(len(place), 1)}"
