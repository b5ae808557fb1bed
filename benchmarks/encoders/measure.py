"""Rounds in which every variant has its turn, and what comes of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyvips

from benchmarks.encoders.variants import Save
from benchmarks.pictures.similarity import reference, similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A variant's figures, means over all pictures.

    Attributes:
        cpu_ms: a picture.
        size_bytes: a picture.
        larger: mean of a file's size divided by that of the first variant's.
        largest: the same for the picture where it is largest.
        ssim: against a full decode and Lanczos.
    """

    name: str
    cpu_ms: float
    size_bytes: float
    larger: float
    largest: float
    ssim: float


def measure(sources: Sequence[Path], variants: Mapping[str, Save], *, side: int, rounds: int) -> list[Row]:
    """A row a variant.

    Args:
        sources: photographs of any format.
        variants: how they are written, by name.
        side: the longer side of what is written, in pixels.
        rounds: how often each picture is written by each variant; medians count.
    """
    taken = [_taken(source, variants, side, rounds) for source in sources]
    first = next(iter(variants))
    return [
        _row(name, [picture[name] for picture in taken], [picture[first] for picture in taken]) for name in variants
    ]


@dataclass(frozen=True, slots=True)
class _Written:
    cpu_ms: float
    size_bytes: int
    ssim: float


def _taken(source: Path, variants: Mapping[str, Save], side: int, rounds: int) -> dict[str, _Written]:
    image = pyvips.Image.thumbnail(str(source), side, height=side).copy_memory()
    wanted = reference(source, image.width, image.height)
    times: dict[str, list[float]] = {name: [] for name in variants}
    files = {}
    for _ in range(rounds):
        for name, save in variants.items():
            start = time.process_time()
            files[name] = save(image)
            times[name].append(time.process_time() - start)
    return {
        name: _Written(statistics.median(times[name]) * 1000, len(file), similarity(file, wanted))
        for name, file in files.items()
    }


def _row(name: str, written: Sequence[_Written], first: Sequence[_Written]) -> Row:
    ratios = [one.size_bytes / other.size_bytes for one, other in zip(written, first, strict=True)]
    return Row(
        name=name,
        cpu_ms=_mean(one.cpu_ms for one in written),
        size_bytes=_mean(one.size_bytes for one in written),
        larger=_mean(ratios),
        largest=max(ratios),
        ssim=_mean(one.ssim for one in written),
    )


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)
