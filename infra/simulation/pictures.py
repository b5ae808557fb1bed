"""What a picture costs and how many a CPU renders a second, from the figures in `benchmarks/results/pictures.json`.

The mix is an assumption about what a news site's CDN does not have; its parts are measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MEASURED: Final = Path(__file__).parents[2] / "benchmarks" / "results" / "pictures.json"

FORMATS: Final[Mapping[str, float]] = {"avif": 0.60, "webp": 0.25, "jpeg": 0.15}
"""Formats of what is rendered, assumed. The stack answers AVIF to whoever takes it, some nine in ten viewers; but what
many ask for is rendered once in each format, so misses are more even than viewers."""

_PHOTOGRAPHS: Final[Mapping[str, float]] = {"large": 0.60, "jpeg": 0.25}
"""Of 4 to 24 megapixels, and of 2,040 pixels."""

NEWS: Final[Mapping[str, float]] = {
    **{
        (source if format_ == "jpeg" else f"{source}-to-{format_}"): share * part
        for source, share in _PHOTOGRAPHS.items()
        for format_, part in FORMATS.items()
    },
    "png-to-webp": 0.05,
    "alpha": 0.02,
    "icon": 0.05,
    "gif-to-webp": 0.02,
    "svg": 0.01,
}
"""Shares of what a news site's tasks render, by scenario of the benchmark, assumed. `large-to-webp` and `large-to-avif`
are derived: `large`, which writes JPEG, and what `jpeg-to-...` costs beyond `jpeg`."""

GRAVITON: Final = (0.8, 1.0, 1.25)
"""CPU time of x86 by that of Graviton, for one vCPU: low, assumed, high. Not measured here; measure with `make bench`
on a task. A vCPU of Graviton is a core, one of x86 half of one."""

SCATTER: Final = 0.5
"""Standard deviation of the logarithm of a picture's cost inside a scenario: p95 / p50 of `large` is 2.5 under load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds of each kind of picture, and how often a kind comes."""

    seconds: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def mean_seconds(self) -> float:
        """CPU seconds of a picture of the mix."""
        return sum(second * share for second, share in zip(self.seconds, self.shares, strict=True))

    @property
    def pictures_per_second(self) -> float:
        """What one CPU renders when it does nothing else."""
        return 1 / self.mean_seconds


def cost_of(
    mix: Mapping[str, float] = NEWS, *, graviton: float = GRAVITON[1], s3: bool = True, measured: Path = MEASURED
) -> Cost:
    """What the pictures of a mix cost; with `s3` times what reading from S3 adds to a JPEG (measured, 1.1 to 1.2)."""
    scenarios = json.loads(measured.read_text())["scenarios"]
    seconds = {one["name"]: _cpu_seconds(one["targets"]["bildwerk"]) for one in scenarios if one["name"] != "s3"}
    for format_ in ("webp", "avif"):
        seconds[f"large-to-{format_}"] = seconds["large"] + seconds[f"jpeg-to-{format_}"] - seconds["jpeg"]
    factor = (_s3_factor(scenarios) if s3 else 1.0) / graviton
    whole = sum(mix.values())
    return Cost(
        seconds=tuple(seconds[name] * factor for name in mix),
        shares=tuple(share / whole for share in mix.values()),
    )


def _cpu_seconds(target: Mapping[str, Any]) -> float:
    rounds = target["rounds"]
    return float(sum(one["cpu_seconds"] for one in rounds)) / float(sum(one["pictures"] for one in rounds))


def _s3_factor(scenarios: list[Any]) -> float:
    targets = next(one["targets"] for one in scenarios if one["name"] == "s3")
    return _cpu_seconds(targets["bildwerk, s3://"]) / _cpu_seconds(targets["bildwerk"])
