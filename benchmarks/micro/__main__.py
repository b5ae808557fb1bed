"""What the core costs beside the pixels: `make micro`. Medians of interleaved rounds, in microseconds a call."""

from __future__ import annotations

import asyncio
import statistics
import timeit
from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.micro.cases import cases
from renderer.workers import Workers

_ROUNDS: Final = 9
_CALLS: Final = 1_000


def main() -> None:
    """Prints a line a case."""
    for name, seconds in _medians(cases()).items():
        _print(name, seconds)
    for name, seconds in asyncio.run(_round_trips()).items():
        _print(name, seconds)


def _medians(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds a call. Every case has its turn in every round: a machine that slows down slows them all."""
    rounds = [{name: timeit.timeit(call, number=_CALLS) for name, call in calls.items()} for _ in range(_ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) / _CALLS for name in calls}


async def _round_trips() -> dict[str, float]:
    """Seconds a request spends on admission, a slot and a thread, with a render that does nothing.

    Alone, the thread has to be woken for each; with sixteen at once it finds the next one waiting.
    """
    loop = asyncio.get_running_loop()
    workers = Workers(2, 64, 0)

    async def request(number: int) -> None:
        with workers.admission():
            await workers.run(lambda _: None, loop.time() + 10, cost_ms=number % 7 * 300)

    async def seconds(at_once: int) -> float:
        started = loop.time()
        for _ in range(_CALLS // at_once):
            await asyncio.gather(*(request(number) for number in range(at_once)))
        return (loop.time() - started) / (_CALLS // at_once * at_once)

    rounds = [(await seconds(1), await seconds(16)) for _ in range(_ROUNDS)]
    workers.close()
    alone, crowded = zip(*rounds, strict=True)
    return {
        "admission, slot and thread": statistics.median(alone),
        "the same, 16 at once": statistics.median(crowded),
    }


def _print(name: str, seconds: float) -> None:
    print(f"{name:30} {seconds * 1e6:7.1f} µs")


if __name__ == "__main__":
    main()
