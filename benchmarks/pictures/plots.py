"""Plots of a run: CPU by scenario, the ramps, memory over renders."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from benchmarks.pictures.flat import Memory
from benchmarks.pictures.measured import Ratio, ratio
from benchmarks.pictures.ramp import Ramp, Step
from benchmarks.pictures.results import Results
from benchmarks.pictures.rounds import Measured
from benchmarks.pictures.targets import OURS

_STYLE: Final[Any] = {
    "font.size": 8,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_COLORS: Final = ("#c2410c", "#1d4ed8", "#0f766e", "#7c3aed", "#a16207", "#be185d", "#4d7c0f")
"""The first is ours."""
_RATIO_TICKS: Final = (0.5, 0.7, 2.0, 3.0, 5.0)


def plots(results: Results, folder: Path) -> list[str]:
    """Draws what there are figures for, and names the files."""
    drawn = []
    with mpl.rc_context(_STYLE):
        for name, figure in _figures(results):
            _save(figure, folder / name)
            drawn.append(name)
    return drawn


def _figures(results: Results) -> Iterator[tuple[str, Figure]]:
    if _bars(results.scenarios):
        yield "cpu.png", _cpu(results.scenarios)
    if results.ramps:
        yield "ramp.png", _ramps(results.ramps)
    if any(one.peaks for one in results.memory):
        yield "memory.png", _memory(results.memory)


def _save(figure: Figure, file: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    # A palette keeps a picture in a repository small.
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(64).save(file, optimize=True)


def _cpu(scenarios: list[Measured]) -> Figure:
    """A bar a target; milliseconds on a scale of tens on the left, ratios with their range over rounds on the right."""
    bars = _bars(scenarios)
    colors = {name: _COLORS[place % len(_COLORS)] for place, name in enumerate(dict.fromkeys(bar.name for bar in bars))}
    figure = Figure(figsize=(11, 1.1 + 0.145 * bars[-1].at), layout="constrained")
    costs, ratios = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for bar in bars:
        costs.barh(bar.at, bar.cost, height=0.85, color=colors[bar.name])
        costs.text(bar.cost, bar.at, f" {bar.cost:.1f}", va="center", fontsize=5.5)
        if bar.ratio is not None:
            ratios.plot([bar.ratio.low, bar.ratio.high], [bar.at, bar.at], color=colors[bar.name], alpha=0.6)
            ratios.plot([bar.ratio.median], [bar.at], "o", color=colors[bar.name], markersize=3.5)
            ratios.text(bar.ratio.high, bar.at, f"  {bar.ratio.median:.2f}", va="center", fontsize=5.5)
    middles: dict[str, list[float]] = {}
    for bar in bars:
        middles.setdefault(bar.title, []).append(bar.at)
    costs.set_yticks([sum(at) / len(at) for at in middles.values()], list(middles))
    costs.set_ylim(bars[-1].at + 1, -1)
    costs.set_title("CPU milliseconds a picture", loc="left", fontweight="bold")
    ratios.set_title(f"{OURS} / the other, each round", loc="left", fontweight="bold")
    ratios.axvline(1, color="#444444", linewidth=0.8)
    for axes in (costs, ratios):
        axes.set_xscale("log")
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ratios.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if value in _RATIO_TICKS else "")
    handles = [Patch(color=color, label=name) for name, color in colors.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False, fontsize=7)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """A target's figures in a scenario, and where they are drawn."""

    at: float
    title: str
    name: str
    cost: float
    ratio: Ratio | None


def _bars(scenarios: list[Measured]) -> list[_Bar]:
    bars: list[_Bar] = []
    at = 0.0
    for one in scenarios:
        own = one.series.get(OURS)
        for series in one.series.values():
            cost = series.median(lambda round_: round_.cpu_ms)
            if cost:
                told = ratio(own, series, lambda round_: round_.cpu_ms) if own and series is not own else None
                bars.append(_Bar(at=at, title=one.scenario.title, name=series.target, cost=cost, ratio=told))
                at += 1
        at += 1
    return bars


def _ramps(ramps: list[Ramp]) -> Figure:
    """Above the closed loop, below the open one; throughput, latency and refusals beside each other."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    closed, opened = figure.subplots(2, 3)
    columns: tuple[tuple[str, Callable[[Step], float | None]], ...] = (
        ("pictures a second", lambda step: step.answered),
        ("p99, ms", lambda step: None if step.p99 is None else 1000 * step.p99),
        ("refused a second", lambda step: step.refused),
    )
    for row, label in ((closed, "clients who wait"), (opened, "requests a second that wait for nobody")):
        for axes, (title, figure_of) in zip(row, columns, strict=True):
            for place, ramp in enumerate(ramps):
                steps = ramp.closed if row is closed else ramp.opened
                axes.plot(
                    [step.load for step in steps],
                    [figure_of(step) for step in steps],
                    "o-",
                    color=_COLORS[place % len(_COLORS)],
                    markersize=3,
                    linewidth=1.2,
                    label=ramp.target,
                )
            axes.set_title(title, loc="left", fontweight="bold")
            axes.set_xlabel(label)
            axes.set_ylim(bottom=0)
            if row is closed:
                axes.set_xscale("log", base=2)
                axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    closed[0].legend(fontsize=7)
    return figure


def _memory(found: list[Memory]) -> Figure:
    figure = Figure(figsize=(11, 3), layout="constrained")
    axes = figure.subplots()
    for place, one in enumerate(found):
        renders = [one.stretch * (number + 1) for number in range(len(one.peaks))]
        axes.plot(renders, [peak / 1e6 for peak in one.peaks], color=_COLORS[place % len(_COLORS)], label=one.target)
    axes.set_title("peak PSS of all processes, MB", loc="left", fontweight="bold")
    axes.set_xlabel("renders")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7)
    return figure
