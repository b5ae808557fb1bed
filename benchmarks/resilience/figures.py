"""A figure of a scenario: what was asked, what was seen, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report."""

    scenario: str
    what: str
    seen: str
    holds: bool


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [f"| {f.scenario} | {f.what} | {f.seen} | {'yes' if f.holds else '**no**'} |" for f in figures]
    return "\n".join(["| scenario | what | seen | holds |", "|---|---|---|---|", *rows])
