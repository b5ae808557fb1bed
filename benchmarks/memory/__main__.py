"""`python -m benchmarks.memory`: the peak of all processes' memory over thousands of large photographs, and its growth.

Two clients ask for thumbnails of photographs of 4 to 24 megapixels, half of them progressive JPEG. The result store and
the sharing of decoded pixels are off: what is held is held for the renders alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks.pictures.bench import Bench
from benchmarks.pictures.corpus import prepare
from benchmarks.pictures.flat import RENDERS, STRETCH, Memory, measure_memory
from benchmarks.pictures.rounds import Effort
from benchmarks.pictures.scenarios import scenarios


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    given = _parsed(arguments)
    corpus = prepare(given.corpus, given.photos, lambda text: print(text, flush=True))
    large = next(scenario for scenario in scenarios(corpus) if scenario.name == "large")
    variables = dict(text.split("=", 1) for text in given.set)
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=given.renders // STRETCH, unit_scale=STRETCH, disable=None) as progress,
    ):
        bench = Bench(
            corpus=corpus,
            folder=Path(folder),
            effort=Effort(rounds=1, round_seconds=1),
            progress=progress,
            variables=variables,
        )
        (memory,) = asyncio.run(measure_memory(bench, large, given.renders, bench.done))
    print("\n".join(_lines(memory)))
    return 1 if memory.failure else 0


def _lines(memory: Memory) -> Iterator[str]:
    if memory.failure:
        yield f"it failed: {memory.failure}"
    for number, peak in enumerate(memory.peaks, 1):
        if number * memory.stretch % 500 == 0:
            yield f"{number * memory.stretch:6,} renders  {peak / 1e6:6.1f} MB in the last {memory.stretch}"
    yield f"peak {memory.peak_bytes / 1e6:.1f} MB; the last third adds {memory.growth:+.1%} to the second"


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path(".bench/corpus"), help="made if it is not there")
    parser.add_argument("--photos", type=Path, help="a folder of photographs to make the corpus from")
    parser.add_argument("--renders", type=int, default=RENDERS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
