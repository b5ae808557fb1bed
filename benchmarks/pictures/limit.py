"""The limit: the work of a round in a loop without a server, sources in memory.

    python -m benchmarks.pictures.limit CORPUS --threads 2 --operations plan
    python -m benchmarks.pictures.limit CORPUS --check

It reads JSON lines {"shots": [[options, path, format], ...], "variables": {...}} from standard input, computes each
shot once over its threads, and answers a JSON line {"cpu_seconds", "pictures", "bytes", "seconds"}: the processor time
of the whole process, and the seconds of the wall. "variables" are settings and may be missing. What the calls of
libvips are is found out, and sources are read, before the clock starts.

`--check` computes every shot of every scenario both ways instead and compares bytes: what `plan` makes with the
renderer's results, what `imgproxy` makes with the renderer's under the reference's settings.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from benchmarks.pictures.corpus import read
from benchmarks.pictures.limit_operations import REFERENCE, Operations, Request, recording, rendered
from benchmarks.pictures.limit_recording import Recording
from benchmarks.pictures.scenarios import ANIMATED, scenarios

HELD_BYTES: Final = 1_000_000_000
"""So much of sources may wait for the next line."""


@dataclass(slots=True)
class Limit:
    """Computes rounds over a corpus; what it has found out about a shot stays for the next round."""

    folder: Path
    operations: Operations
    threads: ThreadPoolExecutor
    known: dict[tuple[str, ...], Recording] = field(default_factory=dict)
    sources: dict[str, bytes] = field(default_factory=dict)

    def round(self, shots: Sequence[Sequence[str]], variables: Mapping[str, str]) -> dict[str, float]:
        """Computes every shot once and says what it took."""
        recordings = [self._recording(options, path, format, variables) for options, path, format in shots]
        wall, cpu = time.perf_counter(), time.process_time()
        sizes = list(self.threads.map(_size, recordings))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {"cpu_seconds": cpu, "pictures": len(sizes), "bytes": sum(sizes), "seconds": wall}

    def _recording(self, options: str, path: str, format: str, variables: Mapping[str, str]) -> Recording:
        key = (options, path, format, *(f"{name}={text}" for name, text in sorted(variables.items())))
        if key not in self.known:
            request = Request.read(self._source(path), options, format, variables)
            self.known[key], _ = recording(request, self.operations)
        return self.known[key]

    def _source(self, path: str) -> bytes:
        if path not in self.sources:
            if sum(map(len, self.sources.values())) > HELD_BYTES:
                self.sources.clear()
                self.known.clear()
            self.sources[path] = (self.folder / path).read_bytes()
        return self.sources[path]


def _size(recording: Recording) -> int:
    return len(recording.replay())


def answer(limit: Limit, lines: TextIO, answers: TextIO) -> None:
    """Answers line by line, until there are no more."""
    for line in lines:
        asked = json.loads(line)
        # Settings that only animations feel hold for all: who asks need not know them.
        variables = {**ANIMATED, **asked.get("variables", {})}
        print(json.dumps(limit.round(asked["shots"], variables)), file=answers, flush=True)


def differences(folder: Path) -> Iterator[str]:
    """Every shot of every scenario whose bytes differ, as a sentence."""
    for scenario in scenarios(read(folder)):
        for shot in scenario.shots:
            data = (folder / shot.picture.path).read_bytes()
            for operations, settings in ((Operations.PLAN, {}), (Operations.IMGPROXY, REFERENCE)):
                request = Request.read(data, shot.options, shot.format, {**scenario.variables, **settings})
                expected = rendered(request)
                replayed, _ = recording(request, operations)
                if replayed.replay() != expected:
                    yield f"{scenario.name}: {shot.path()} differs with the operations of {operations}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pictures.limit", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="the corpus' folder")
    parser.add_argument("--threads", type=int, default=2, help="how many pictures at the same time (default: 2)")
    parser.add_argument("--operations", type=Operations, choices=list(Operations), default=Operations.PLAN)
    parser.add_argument("--check", action="store_true", help="compare bytes instead of measuring")
    given = parser.parse_args(arguments)
    if given.check:
        found = list(differences(given.corpus))
        print("\n".join([*found, f"{len(found)} differences"]))
        return 1 if found else 0
    with ThreadPoolExecutor(given.threads) as threads:
        answer(Limit(given.corpus, given.operations, threads), sys.stdin, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
