"""The parts of a run, one after the other; what breaks one is told, and the next one goes on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tqdm import tqdm

from benchmarks.pictures.bench import Bench, ours
from benchmarks.pictures.command_line import Chosen
from benchmarks.pictures.flat import STRETCH, measure_memory
from benchmarks.pictures.hits import measure_hits
from benchmarks.pictures.likeness import Row, compare
from benchmarks.pictures.load import Failed
from benchmarks.pictures.measured import ratio
from benchmarks.pictures.object_store import measure_s3
from benchmarks.pictures.ramp import CLIENTS, MAX_STEPS, VARIABLES, climb
from benchmarks.pictures.results import Results
from benchmarks.pictures.rounds import Measured, measure
from benchmarks.pictures.scenarios import Order, Scenario, scenarios
from benchmarks.pictures.targets import OURS

_TYPICAL: Final = "jpeg"
_LARGE: Final = "large"
_RAMP_PATHS: Final = 5000


@dataclass(slots=True, kw_only=True)
class Run:
    """A run under way; what it has seen is in `results` and `rows` at once, also if it is stopped."""

    bench: Bench
    chosen: Chosen
    results: Results
    rows: list[Row]

    @property
    def steps(self) -> int:
        """How many rounds and steps there will be, unless something fails."""
        rounds, others = self.bench.effort.rounds, len(self.bench.others())
        table = (1 + 2 * one.has_limit + 2 * (one.order is Order.BURST) + others for one in self._table())
        counts = {
            "table": rounds * sum(table),
            "hits": rounds * (2 + others),
            "ramp": (len(CLIENTS) + MAX_STEPS) * (1 + others),
            "s3": 2 * rounds,
            "memory": self.chosen.renders // STRETCH * (1 + others),
        }
        return sum(counts[part] for part in self.chosen.parts)

    async def all(self) -> None:
        """Runs what was chosen."""
        named = {one.name: one for one in scenarios(self.bench.corpus)}
        for scenario in self._table():
            await self._attempt(scenario.name, self._scenario(scenario))
        parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "hits": lambda: self._hits(next(one for one in named.values() if one.order is Order.HITS)),
            "ramp": lambda: self._ramp(named[_TYPICAL]),
            "s3": lambda: self._stored(named[_TYPICAL]),
            "memory": lambda: self._memory(named[_LARGE]),
        }
        for name, part in parts.items():
            if name in self.chosen.parts:
                await self._attempt(name, part())

    def _table(self) -> Iterator[Scenario]:
        """The scenarios that are measured in rounds."""
        if "table" not in self.chosen.parts:
            return
        for one in scenarios(self.bench.corpus):
            if one.order is not Order.HITS and (not self.chosen.scenarios or one.name in self.chosen.scenarios):
                yield one

    async def _attempt(self, name: str, part: Coroutine[Any, Any, None]) -> None:
        self.bench.progress.set_description(name)
        try:
            await part
        except (Failed, OSError, RuntimeError) as error:
            self.results.broken.append(f"{name}: {error}")
            tqdm.write(f"{name}: {error}")

    async def _scenario(self, scenario: Scenario) -> None:
        async with self.bench.targets(scenario) as targets:
            measured = await measure(scenario, targets, self.bench.effort, self.bench.done)
        self._seen(measured)
        self.results.scenarios.append(measured)
        row = compare(measured, self.bench.corpus.folder)
        if row is not None:
            self.rows.append(row)
        measured.bodies.clear()

    async def _hits(self, scenario: Scenario) -> None:
        self.results.hits = await measure_hits(self.bench, scenario, self.bench.done)
        self._seen(self.results.hits)

    async def _stored(self, scenario: Scenario) -> None:
        self.results.stored = await measure_s3(self.bench, scenario, self.bench.done)
        self._seen(self.results.stored)

    async def _memory(self, scenario: Scenario) -> None:
        self.results.memory += await measure_memory(self.bench, scenario, self.chosen.renders, self.bench.done)

    async def _ramp(self, scenario: Scenario) -> None:
        """Every request has a path of its own: identical ones would share a render."""
        shots = [scenario.shots[number % len(scenario.shots)] for number in range(_RAMP_PATHS)]
        paths = [replace(shot, options=f"{shot.options}/cb:{number}").path() for number, shot in enumerate(shots)]
        with self.bench.running("ramp", VARIABLES) as running:
            for server in (ours(running), *(one for one in self.bench.others() if not one.run)):
                self.results.ramps.append(await climb(server, paths, self.chosen.step_seconds, self.bench.done))

    def _seen(self, measured: Measured) -> None:
        """Says what was seen, and remembers who is gone."""
        self.bench.gone |= {one.target for one in measured.failures if one.is_gone}
        own = measured.series.get(OURS)
        told = []
        for series in measured.series.values():
            cost = series.median(lambda one: one.cpu_ms)
            against = ratio(own, series, lambda one: one.cpu_ms) if own and series is not own else None
            told.append(
                f"{series.target} {'-' if cost is None else f'{cost:.2f} ms'}"
                + (f" ({against.median:.3f})" if against else "")
            )
        tqdm.write(f"{measured.scenario.name:20} " + ", ".join(told))
        for failure in measured.failures:
            tqdm.write(f"  FAILED: {failure.target}: {failure.text}")
