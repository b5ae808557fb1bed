"""The plots of docs/growth.md, one idea each."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from PIL import Image

from infra.simulation.pictures import cost_of
from infra.simulation.plans import Plan, plans
from infra.simulation.run import Outcome, run
from infra.simulation.scenarios import BREAKING, COLD, PHASES, SCENARIOS, SPIKE_AFTER
from infra.simulation.traffic import HotSet, Traffic

_STYLE: Final[Any] = {
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
}
_RED, _BLUE, _GREEN, _OCHRE = "#c2410c", "#1d4ed8", "#0f766e", "#a16207"
_GRAY = "#444444"
_SIZE: Final = (8.5, 3.6)


def draw(folder: Path) -> list[str]:
    """Draws all and names the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with mpl.rc_context(_STYLE):
        for name, figure in _figures():
            _save(figure, folder / name)
            drawn.append(name)
    return drawn


def _figures() -> Iterator[tuple[str, Figure]]:
    known = plans()
    day = run(SCENARIOS["day"].traffics[0], known["as configured"], cost_of())
    yield "day.png", _day(day, known["as configured"])
    yield "cdn.png", _cdn()
    yield "spike.png", _spike(known)
    yield "waiting-room.png", _waiting_room(known["as configured"])
    yield "tasks.png", _tasks(known["as configured"])


def _save(figure: Figure, file: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    # A palette keeps a picture in a repository small.
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(64).save(file, optimize=True)


def _minutes(values: NDArray[Any]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = values[: len(values) // 60 * 60].reshape(-1, 60).mean(axis=1)
    return means


def _day(day: Outcome, plan: Plan) -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    hours = np.arange(len(day.tasks) // 60) / 60
    room = plan.cpus * cost_of().pictures_per_second
    axes.fill_between(hours, _minutes(day.tasks) * room, step="post", color=_BLUE, alpha=0.18, linewidth=0)
    axes.step(hours, _minutes(day.tasks) * room, where="post", color=_BLUE, label="what the tasks can render")
    axes.plot(hours, _minutes(day.arrivals), color=_RED, linewidth=1.1, label="what the CDN asks them for")
    axes.annotate(
        "breaking news:\nviewers ask for 10 times as much",
        (11.6, float(_minutes(day.arrivals).max())),
        xytext=(13.2, room * 15),
        arrowprops={"arrowstyle": "-", "color": _GRAY},
    )
    most = float(_minutes(day.tasks).max()) * room
    axes.text(11.95, most, "the policy by requests overshoots", color=_BLUE, va="top")
    axes.set(xlabel="hour of the day", ylabel="pictures a second", xlim=(0, 24), ylim=(0, None), xticks=range(0, 25, 3))
    axes.set_title("The tasks follow the day")
    axes.legend(loc="upper left")
    return figure


def _cdn() -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    kinds = (
        ("other pictures for everybody", COLD, _RED),
        ("12 new pictures, no Origin Shield", replace(BREAKING, origin_shield=False), _GREEN),
        ("12 new pictures, Origin Shield", BREAKING, _BLUE),
    )
    for label, spike, color in kinds:
        traffic = Traffic(spike=spike, begin=spike.at_seconds - 300, end=spike.at_seconds + 1_200)
        hot = HotSet(spike, np.random.default_rng(1))
        first = np.array([len(hot.asked(added * spike.hot_share)) for added in traffic.added_per_second()])
        asked = (traffic.ordinary_misses_per_second() + first).reshape(-1, 10).mean(axis=1)
        minutes = (np.arange(len(asked)) * 10 - 300) / 60
        axes.step(minutes, asked, where="post", color=color, label=f"{label}: {asked.max():,.0f} at most")
    axes.set(xlabel="minutes after the news", ylabel="pictures a second, mean of 10 s", xlim=(-5, 20), ylim=(0, None))
    axes.set_title("Ten times the viewers, seen from the tasks")
    axes.legend(loc="center right")
    return figure


def _spike(known: Mapping[str, Plan]) -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    traffic = SCENARIOS["cold"].traffics[2]
    names = (
        ("with requests inside, 10-second", _GREEN),
        ("as configured", _BLUE),
        ("60-second CPU alone", _OCHRE),
        ("steps of imgproxy's template", _RED),
    )
    news = SPIKE_AFTER + PHASES[2]
    for number, (name, color) in enumerate(names):
        outcome = run(traffic, known[name], cost_of())
        room = known[name].cpus * cost_of().pictures_per_second
        minutes = (np.arange(len(outcome.tasks)) - news) / 60
        if not number:
            axes.fill_between(
                minutes, _smooth(outcome.arrivals), color=_GRAY, alpha=0.15, label="what is asked for", linewidth=0
            )
        axes.step(minutes, outcome.tasks * room, where="post", color=color, label=f"room, {name}")
    axes.set(xlabel="minutes after the load", ylabel="pictures a second", xlim=(-2, 14), ylim=(0, None))
    axes.set_title("Nothing scales within the minute (10 x, none of it in the CDN)")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _smooth(values: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.convolve(values, np.full(10, 0.1), mode="same")


def _waiting_room(plan: Plan) -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    sizes = (6, 12, 22, 44, 84, 110, 180, 240)
    shares, waits = [], []
    for size in sizes:
        outcomes = [run(traffic, replace(plan, queue=size), cost_of()) for traffic in SCENARIOS["cold"].traffics]
        gone = sum(int((one.refused + one.late).sum()) for one in outcomes)
        shares.append(100 * gone / sum(int(one.arrivals.sum()) for one in outcomes))
        waits.append(float(np.percentile(np.concatenate([one.waits for one in outcomes]), 99)))
    axes.plot(sizes, waits, "o-", color=_BLUE, label="p99 in the queue, seconds")
    axes.plot(sizes, shares, "s-", color=_RED, label="turned away (429 and 503), percent")
    axes.axvline(plan.queue, color=_GRAY, linewidth=0.8, linestyle=":")
    axes.text(plan.queue, 0.4, " as configured", color=_GRAY)
    axes.set(xlabel="requests that may wait in a task", ylabel="seconds, percent", ylim=(0, None))
    axes.set_title("A larger waiting room makes people wait and turns as many away")
    axes.legend(loc="center right")
    return figure


def _tasks(plan: Plan) -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    requests = np.logspace(0, 5.4, 200)
    full = plan.cpus * cost_of().pictures_per_second * 0.6
    for hit, color in ((0.90, _RED), (0.95, _BLUE), (0.99, _GREEN)):
        needed = np.maximum(plan.bounds.minimum, np.ceil(requests * (1 - hit) / full))
        axes.plot(requests, needed, color=color, label=f"{hit:.0%} of the requests end in the CDN")
    for tasks, words in (
        (plan.bounds.maximum, "max_tasks of the stage"),
        (500, "1,000 vCPUs: quota to raise on the way"),
    ):
        axes.axhline(tasks, color=_GRAY, linewidth=0.8, linestyle=":")
        axes.text(1.2, tasks * 1.12, words, color=_GRAY, va="bottom")
    axes.axvline(250_000, color=_GRAY, linewidth=0.8, linestyle="--")
    axes.text(225_000, 4.5, "quota of a distribution", color=_GRAY, rotation=90, ha="right", va="bottom")
    axes.set(xlabel="requests of viewers a second", ylabel="tasks of 2 vCPU at 60 % CPU", xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_title("The hit rate decides how many tasks there are")
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 0.75))
    return figure
