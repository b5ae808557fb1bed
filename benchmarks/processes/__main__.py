"""`python -m benchmarks.processes`: what processes, threads and allocators cost, as Markdown tables.

All servers run at the same time and take turns: what the machine does meanwhile hits them alike, and those whose turn
it is not do nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tqdm import tqdm

from benchmarks.load.client import Address
from benchmarks.load.server import running_server
from benchmarks.pictures.corpus import prepare
from benchmarks.pictures.measured import Round, Series, ratio
from benchmarks.pictures.rounds import Effort, Measured, measure
from benchmarks.pictures.scenarios import STORE, Order, Scenario, scenarios
from benchmarks.pictures.targets import Server, Target
from benchmarks.processes.variants import Variant, allocators, jemalloc, process_models
from renderer.cpus import usable_cpus

CONNECTIONS: Final = {"large": 4, "icon": 16, "hits": 16}
"""Clients by scenario: twice two cores for pictures, and enough that no process waits where there is little to do."""
_MEGABYTE: Final = 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    given = _parsed(arguments)
    corpus = prepare(given.corpus, given.photos, _say)
    loads = [_as_load(scenario) for scenario in scenarios(corpus) if scenario.name in given.loads]
    cpus = usable_cpus()
    groups: dict[str, tuple[Variant, ...]] = {}
    if "models" in given.groups:
        groups["Processes and threads"] = process_models(cpus)
    if "allocators" in given.groups:
        groups["Allocators"] = allocators(cpus, jemalloc(given.corpus.parent / "jemalloc", _say))
    effort = Effort(rounds=given.rounds, round_seconds=given.seconds)
    root = {"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(corpus.folder), "IMGPROXY_LOG_LEVEL": "warn"}
    failed = False
    for title, variants in groups.items():
        print(f"\n## {title}")
        for load in loads:
            measured = _measured(load, variants, effort, root)
            print("\n".join(_table(measured)), flush=True)
            failed = failed or bool(measured.failures)
    return 1 if failed else 0


def _say(text: str) -> None:
    print(text, flush=True)


def _as_load(scenario: Scenario) -> Scenario:
    """The scenario with its clients, one request after the other on each."""
    return dataclasses.replace(scenario, order=Order.EACH, connections=CONNECTIONS[scenario.name])


def _measured(load: Scenario, variants: Sequence[Variant], effort: Effort, root: dict[str, str]) -> Measured:
    shared = {**root, **(STORE if load.name == "hits" else {})}
    total = effort.rounds * len(variants)
    with ExitStack() as stack, tqdm(total=total, desc=load.name, leave=False, disable=None) as progress:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets: list[Target] = []
        for number, variant in enumerate(variants):
            log = folder / f"{number}.log"
            server = stack.enter_context(running_server(log, {**shared, **variant.variables}, variant.program))
            address = Address(host="127.0.0.1", port=server.port)
            targets.append(Server(name=variant.name, address=address, pid=server.process.pid))
        return asyncio.run(measure(load, targets, effort, progress.update))


def _table(measured: Measured) -> Iterator[str]:
    """A row a variant: medians of rounds, latencies of all requests, the highest memory that was seen."""
    first = next(iter(measured.series.values()))
    yield f"\n### {measured.scenario.title}, {measured.scenario.connections} clients, {len(first.rounds)} rounds\n"
    yield "| variant | CPU ms a picture | CPU, of the first | pictures/s | p50 ms | p99 ms | peak PSS, MB |"
    yield "|---|---|---|---|---|---|---|"
    for series in measured.series.values():
        yield f"| {series.target} | {' | '.join(_cells(series, first))} |"
    for failure in measured.failures:
        yield f"\n{failure.target} failed: {failure.text}"


def _cells(series: Series, first: Series) -> Iterator[str]:
    share = ratio(series, first, _cpu_ms)
    yield _number(series.median(_cpu_ms), 2)
    yield "-" if share is None else f"{share.median:.3f} ({share.low:.2f} - {share.high:.2f})"
    yield _number(series.median(lambda one: one.per_second), 1)
    for part in (0.5, 0.99):
        seconds = series.latency(part)
        yield _number(None if seconds is None else 1000 * seconds, 1)
    yield _number(None if series.peak_bytes is None else series.peak_bytes / _MEGABYTE, 0)


def _cpu_ms(one: Round) -> float | None:
    return one.cpu_ms


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processes", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path(".bench/corpus"), help="made if it is not there")
    parser.add_argument("--photos", type=Path, help="a folder of photographs to make the corpus from")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a round, about")
    parser.add_argument("--groups", nargs="+", choices=("models", "allocators"), default=("models", "allocators"))
    parser.add_argument("--loads", nargs="+", choices=tuple(CONNECTIONS), default=tuple(CONNECTIONS))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
