"""Which file becomes which, decided before any of them is read.

One input and a name give that file; several inputs, a folder or a name that ends with a slash give files of the same
names in the folder. Whatever would lose something stops everything: two results with one name, an existing file that
nobody said may go, and an input in any case.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renderer.formats import NAMES, ImageFormat

_EXTENSIONS: Final = NAMES | {
    "tif": ImageFormat.TIFF,
    "heif": ImageFormat.HEIC,
    "jpe": ImageFormat.JPEG,
    "jfif": ImageFormat.JPEG,
}
"""Endings that files have; URLs know fewer."""

_SHOWN_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to make: `format` is what it will hold, whatever its name says."""

    source: Path
    result: Path
    format: ImageFormat


def format_of_name(path: Path) -> ImageFormat | None:
    """The format that a file's name promises."""
    return _EXTENSIONS.get(path.suffix.removeprefix(".").lower())


def names_folder(output: str, inputs: Sequence[str]) -> bool:
    """Whether the last argument means a folder."""
    return len(inputs) > 1 or output.endswith("/") or Path(output).is_dir()


def plan(inputs: Sequence[str], output: str, format: ImageFormat | None, *, overwrites: bool) -> list[Job]:
    """The jobs, in the order of the inputs.

    Args:
        inputs: paths of pictures; whether they are there shows when they are read.
        output: a file, or a folder that need not be there.
        format: what all results are; None leaves it to each result's name.
        overwrites: whether results may take the place of existing files that are no inputs.

    Raises:
        ValueError: naming everything that stands in the way.
    """
    is_folder = names_folder(output, inputs)
    if is_folder and Path(output).exists() and not Path(output).is_dir():
        raise ValueError(f"{output} is a file; several inputs need a folder to go to")
    if not is_folder and not Path(output).parent.is_dir():
        raise ValueError(f"{output}: there is no folder {Path(output).parent}")
    jobs: list[Job] = []
    problems: list[str] = []
    for source in map(Path, inputs):
        result = Path(output) / _result_name(source, format) if is_folder else Path(output)
        wanted = format or format_of_name(result)
        if wanted is None:
            problems.append(f"{result}: its name ends with no known format: name one with --format")
        else:
            jobs.append(Job(source=source, result=result, format=wanted))
    problems += [*_collisions(jobs), *_losses(jobs, overwrites=overwrites)]
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = [*problems[:_SHOWN_PROBLEMS], f"and {more} more"] if more > 0 else problems
        raise ValueError("\n  ".join(["nothing was rendered:", *shown]))
    return jobs


def _result_name(source: Path, format: ImageFormat | None) -> str:
    named = format_of_name(source)
    if format is None or named is format:
        return source.name
    # An ending that is no format's belongs to the name: `scan.2024` is not called `scan`.
    return f"{source.stem if named else source.name}{format.extension}"


def _collisions(jobs: Sequence[Job]) -> Iterator[str]:
    sources: dict[Path, list[str]] = {}
    for job in jobs:
        sources.setdefault(job.result, []).append(str(job.source))
    for result, names in sources.items():
        if len(names) > 1:
            yield f"{result}: {' and '.join(names)} would both be written there"


def _losses(jobs: Sequence[Job], *, overwrites: bool) -> Iterator[str]:
    inputs = {identity for job in jobs if (identity := _identity(job.source))}
    for result in dict.fromkeys(job.result for job in jobs):
        identity = _identity(result)
        if identity in inputs:
            yield f"{result}: is an input, and inputs are never overwritten"
        elif identity is not None and result.is_dir():
            yield f"{result}: is a folder"
        elif os.path.lexists(result) and not overwrites:
            yield f"{result}: exists already (--force overwrites it)"


def _identity(path: Path) -> tuple[int, int] | None:
    """What two names of one file have in common."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
