"""The figures that the project holds itself to, and what a run has shown of each. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.pictures.hits import BARE
from benchmarks.pictures.measured import Ratio, Round, Series, difference_ms, ratio
from benchmarks.pictures.results import Results
from benchmarks.pictures.targets import LARGER, LIBVIPS, LIMIT, ONE_BY_ONE, OURS

IMGPROXY: Final = "imgproxy"
"""The name of a peer that is imgproxy itself."""

LIBVIPS_TO_IMGPROXY: Final = {"jpeg": 0.85, "png": 0.87, "webp": 1.02, "avif": 1.03}
"""What imgproxy 4.0.12's operations cost in bare libvips, as a share of imgproxy: measured in one run on two quiet
cores with libvips 8.18.7. It stands in for imgproxy where no peer of that name takes part."""

_TO_LIMIT: Final = {"jpeg": 1.05, "png": 1.03, "webp": 1.03, "avif": 1.03}
_TO_IMGPROXY: Final = {"jpeg": 0.90, "png": 0.78, "webp": 1.00, "avif": 1.00}
_BYTES: Final = 1.02
_EIGHTH: Final = 0.5
_SRCSET: Final = 0.6
_SRCSET_LARGER: Final = 0.5
_ICON_MS: Final = 0.5
_HITS: Final = 0.6
_PEAK_MB: Final = 330
_GROWTH: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure beside its bound."""

    what: str
    seen: str
    bound: str
    holds: bool


def goals(results: Results) -> list[Goal]:
    """All that this run has figures for."""
    return [*_limit(results), *_imgproxy(results), *_shared(results), *_served(results), *_memory(results)]


def _limit(results: Results) -> Iterator[Goal]:
    for name, bound in _TO_LIMIT.items():
        yield from _at_most(f"{name}: CPU, bildwerk / limit", _cpu(results, name, OURS, LIMIT), bound)


def _imgproxy(results: Results) -> Iterator[Goal]:
    for name, bound in _TO_IMGPROXY.items():
        direct = _cpu(results, name, OURS, IMGPROXY)
        if direct is not None:
            yield from _at_most(f"{name}: CPU, bildwerk / imgproxy", direct, bound)
        elif (bare := _cpu(results, name, OURS, LIBVIPS)) is not None:
            share = LIBVIPS_TO_IMGPROXY[name]
            what = f"{name}: CPU, bildwerk / bare libvips ({bare.median:.3f}) x {share:.2f} of bare libvips / imgproxy"
            scaled = Ratio(median=bare.median * share, low=bare.low * share, high=bare.high * share, rounds=bare.rounds)
            yield from _at_most(what, scaled, bound)
        other = IMGPROXY if direct is not None else LIBVIPS
        sizes = _ratio(results, name, OURS, other, lambda one: one.mean_bytes)
        yield from _at_most(f"{name}: mean bytes, bildwerk / {other}", sizes, _BYTES)


def _shared(results: Results) -> Iterator[Goal]:
    name = "progressive-eighth"
    yield from _at_most(f"{name}: CPU, bildwerk / bare libvips", _cpu(results, name, OURS, LIBVIPS), _EIGHTH)
    separate = "six widths at once: CPU, {} / six one by one"
    yield from _at_most(separate.format(OURS), _cpu(results, "srcset", OURS, ONE_BY_ONE), _SRCSET)
    yield from _at_most(separate.format(LARGER), _cpu(results, "srcset", LARGER, ONE_BY_ONE), _SRCSET_LARGER)


def _served(results: Results) -> Iterator[Goal]:
    pair = _pair(results, "icon", OURS, LIBVIPS)
    beyond = difference_ms(*pair) if pair else None
    if beyond is not None:
        what = "32 x 32 icon: CPU of a request beyond bare libvips"
        yield Goal(what=what, seen=f"{beyond:.2f} ms", bound=f"<= {_ICON_MS} ms", holds=beyond <= _ICON_MS)
    if results.hits is not None and {OURS, BARE} <= results.hits.series.keys():
        served = ratio(results.hits.series[OURS], results.hits.series[BARE], lambda one: one.per_second)
        if served is not None:
            what = "cached hits: requests a second, bildwerk / bare aiohttp"
            yield Goal(what=what, seen=_shown(served), bound=f">= {_HITS}", holds=served.median >= _HITS)


def _memory(results: Results) -> Iterator[Goal]:
    for memory in results.memory:
        if memory.target != OURS or not memory.peaks:
            continue
        renders = f"{memory.stretch * len(memory.peaks):,} renders"
        megabytes = memory.peak_bytes / 1e6
        what = f"peak PSS over {renders} of large photographs"
        yield Goal(what=what, seen=f"{megabytes:.0f} MB", bound=f"<= {_PEAK_MB} MB", holds=megabytes <= _PEAK_MB)
        what = f"what the last third of {renders} adds to the peak"
        yield Goal(what=what, seen=f"{memory.growth:+.1%}", bound=f"< {_GROWTH:.0%}", holds=memory.growth < _GROWTH)


def _at_most(what: str, seen: Ratio | None, bound: float) -> Iterator[Goal]:
    if seen is not None and math.isfinite(seen.median):
        yield Goal(what=what, seen=_shown(seen), bound=f"<= {bound:.2f}", holds=round(seen.median, 3) <= bound)


def _shown(seen: Ratio) -> str:
    return f"{seen.median:.3f} ({seen.low:.3f} - {seen.high:.3f}, {seen.rounds} rounds)"


def _cpu(results: Results, scenario: str, one: str, other: str) -> Ratio | None:
    return _ratio(results, scenario, one, other, lambda round_: round_.cpu_ms)


def _ratio(  # noqa: PLR0917  a scenario, two targets and a figure
    results: Results, scenario: str, one: str, other: str, figure: Callable[[Round], float | None]
) -> Ratio | None:
    pair = _pair(results, scenario, one, other)
    return ratio(*pair, figure) if pair else None


def _pair(results: Results, scenario: str, one: str, other: str) -> tuple[Series, Series] | None:
    measured = results.scenario(scenario)
    if measured is None or not {one, other} <= measured.series.keys():
        return None
    return measured.series[one], measured.series[other]
