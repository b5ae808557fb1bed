"""How like the full decode results are, and which of them the contact sheet shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyvips

from benchmarks.pictures.rounds import Measured
from benchmarks.pictures.scenarios import Shot
from benchmarks.pictures.similarity import reference, similarity
from benchmarks.pictures.targets import LARGER, ONE_BY_ONE, OURS

_COMPARED: Final = 6
"""Pictures of a scenario: a mean of them says what all would, and each costs a full decode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a target made of a picture."""

    body: bytes
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the contact sheet: a request, the full decode of its picture, and what each target answered."""

    title: str
    reference: bytes
    results: dict[str, Result]


def compare(measured: Measured, corpus: Path) -> Row | None:
    """Fills in the likeness of every target's pictures, and gives the row of the worst one, if there are any."""
    _compare_bursts(measured)
    references: dict[tuple[str, int, int], bytes] = {}
    rows: dict[Shot, Row] = {}
    for target, bodies in measured.bodies.items():
        for shot, body in list(bodies.items())[:_COMPARED]:
            made = _reference(shot, body, corpus, references)
            result = Result(body=body, similarity=similarity(body, made))
            measured.series[target].similarities.append(result.similarity)
            title = f"{measured.scenario.title}\n{shot.options}, {Path(shot.picture.path).name}@{shot.format}"
            rows.setdefault(shot, Row(title=title, reference=made, results={})).results[target] = result
    return min(rows.values(), key=_rank, default=None)


def _rank(row: Row) -> tuple[int, float]:
    """First what most targets have answered, and of these the least like its reference."""
    return -len(row.results), min(result.similarity for result in row.results.values())


def _reference(shot: Shot, body: bytes, corpus: Path, known: dict[tuple[str, int, int], bytes]) -> bytes:
    """The full decode of a shot's picture in the size of a result."""
    result = pyvips.Image.new_from_buffer(body, "")
    key = (shot.picture.path, result.width, result.height)
    if key not in known:
        known[key] = reference(corpus / shot.picture.path, result.width, result.height)
    return known[key]


def _compare_bursts(measured: Measured) -> None:
    """Says whether what is asked for at once has the same bytes as what is asked for one by one."""
    apart = measured.bodies.get(ONE_BY_ONE)
    for name in (OURS, LARGER):
        together = measured.bodies.get(name)
        if apart and together:
            equal = sum(together.get(shot) == body for shot, body in apart.items())
            measured.notes.append(f"{name}: {equal} of {len(apart)} results have the bytes of {ONE_BY_ONE}")
