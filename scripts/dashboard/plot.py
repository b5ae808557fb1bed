"""The dashboard as a picture, plotted from what Prometheus answered."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from PIL import Image

from scripts.dashboard.panels import Answer, Panel

_COLUMNS: Final = 3
_MAX_NAMES: Final = 8
_STYLE: Final[Any] = {
    "font.size": 7,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_UNITS: Final = {"reqps": "/s", "s": " s", "percent": " %", "short": "", "bytes": "B", "Bps": "B/s"}


def plot(answers: Sequence[Answer], file: Path) -> None:
    """Draws a panel for each of the dashboard's, in its order."""
    panels = list(dict.fromkeys(answer.panel for answer in answers))
    rows = -(-len(panels) // _COLUMNS)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(13, 2.3 * rows), layout="constrained")
        for axes, panel in zip(figure.subplots(rows, _COLUMNS).flat, panels, strict=False):
            series: dict[str, list[tuple[float, float]]] = {}
            for answer in answers:
                if answer.panel == panel:
                    series.update(answer.series)
            _draw(axes, panel, series)
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=90)
    # A palette keeps a picture in a repository small; of 64 colors the lines' own would not all be left.
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(256).save(file, optimize=True)


def _draw(axes: Any, panel: Panel, series: dict[str, list[tuple[float, float]]]) -> None:  # noqa: ANN401  matplotlib's axes have no useful type
    axes.set_title(panel.title, loc="left", fontweight="bold")
    names = sorted(series)
    if panel.is_stacked:
        moments = sorted({round(moment) for values in series.values() for moment, _ in values})
        heights = []
        for name in names:
            found = {round(moment): value for moment, value in series[name]}
            heights.append([found.get(moment, 0.0) for moment in moments])
        axes.stackplot(moments, heights, labels=names, alpha=0.75)
    else:
        for name in names:
            axes.plot(*zip(*series[name], strict=True), label=name, linewidth=1)
    axes.set_ylim(bottom=0)
    if len(names) > _MAX_NAMES / 2:
        # Room for the long legend above the lines.
        axes.set_ylim(top=axes.get_ylim()[1] * 1.35)
    if panel.unit.startswith("B") or panel.unit == "bytes":
        # Steps that are round in binary units.
        highest = max((value for values in series.values() for _, value in values), default=0.0)
        axes.yaxis.set_major_locator(MultipleLocator(2 ** math.ceil(math.log2(max(highest, 4) / 4))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _shown(value, _UNITS[panel.unit])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    if names:
        axes.legend(loc="best", fontsize=5.5, ncols=2 if len(names) > _MAX_NAMES / 2 else 1, framealpha=0.6)


def _shown(value: float, unit: str) -> str:
    if unit.startswith("B"):
        for prefix in ("", "Ki", "Mi", "Gi"):
            if value < 1024:
                return f"{value:.3g} {prefix}{unit}"
            value /= 1024
        return f"{value:.3g} Ti{unit}"
    return f"{value:g}{unit}"
