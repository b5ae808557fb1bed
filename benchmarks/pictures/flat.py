"""Thousands of renders of large photographs in one server: the peak of its memory, and whether it stays flat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from benchmarks.pictures.bench import Bench, ours
from benchmarks.pictures.load import Failed
from benchmarks.pictures.scenarios import Scenario
from benchmarks.pictures.targets import Server, Work

RENDERS: Final = 3000
STRETCH: Final = 100
"""Renders that one figure stands for."""

VARIABLES: Final = {"BILDWERK_SHARED_DECODE": "off"}
"""No decode sharing, and no result store, which is off by default: what is held is held for renders alone."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """The highest proportional set size in each stretch of so many renders, in bytes."""

    target: str
    stretch: int = STRETCH
    peaks: list[int] = field(default_factory=list)
    failure: str = ""

    @property
    def peak_bytes(self) -> int:
        """Of the whole run."""
        return max(self.peaks, default=0)

    @property
    def growth(self) -> float:
        """How much higher the peak of the last third is than that of the second, as a share of it."""
        third = len(self.peaks) // 3
        if not third:
            return 0.0
        return max(self.peaks[-third:]) / max(self.peaks[third : 2 * third]) - 1


async def measure_memory(bench: Bench, scenario: Scenario, renders: int, done: Callable[[], object]) -> list[Memory]:
    """Renders of a scenario, ours first and then every other server whose processes can be seen."""
    with bench.running("memory", VARIABLES) as running:
        own = await _renders(ours(running), scenario, renders, done)
    seen = [server for server in bench.others() if server.pid is not None]
    return [own, *[await _renders(server, scenario, renders, done) for server in seen]]


async def _renders(server: Server, scenario: Scenario, renders: int, done: Callable[[], object]) -> Memory:
    memory = Memory(target=server.name)
    shots = scenario.shots * (renders // len(scenario.shots) + 1)
    for number in range(renders // STRETCH):
        stretch = shots[number * STRETCH : (number + 1) * STRETCH]
        try:
            answered = await server.answer(Work(scenario=scenario, shots=stretch, number=number))
        except Failed as error:
            memory.failure = str(error)
            break
        memory.peaks.append(answered.peak_bytes or 0)
        done()
    return memory
