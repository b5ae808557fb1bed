"""`python -m benchmarks.pictures` measures, and writes a report with plots and raw numbers.

The exit status is 1 when a target failed; the report is written all the same and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop
from tqdm import tqdm

from benchmarks.pictures import contact_sheet
from benchmarks.pictures.bench import Bench
from benchmarks.pictures.command_line import Chosen, nothing, read
from benchmarks.pictures.corpus import Corpus, prepare
from benchmarks.pictures.head import head
from benchmarks.pictures.likeness import Row
from benchmarks.pictures.parts import Run
from benchmarks.pictures.plots import plots
from benchmarks.pictures.report import markdown
from benchmarks.pictures.results import Results, raw
from benchmarks.pictures.scenarios import scenarios
from benchmarks.pictures.targets import LIBVIPS, LIMIT, OURS


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    said = sys.argv[1:] if arguments is None else list(arguments)
    chosen = read(said)
    if chosen.lists:
        for one in scenarios(nothing()):
            print(f"{one.name:20} {one.title}. {one.doc}")
        return 0
    corpus = prepare(chosen.corpus, chosen.photos, lambda text: print(text, file=sys.stderr, flush=True))
    if chosen.prepares:
        return 0
    results = Results(head=head(corpus, said, _targets(chosen)))
    rows: list[Row] = []
    try:
        _measure(chosen, corpus, results, rows)
    except KeyboardInterrupt:
        results.broken.append("it was stopped by hand")
    _write(chosen.out, results, rows)
    print(f"{'' if results.is_whole else 'NOT WHOLE: '}{chosen.out / 'report.md'}")
    return 0 if results.is_whole else 1


def _measure(chosen: Chosen, corpus: Corpus, results: Results, rows: list[Row]) -> None:
    with _folder(chosen.keep) as folder, tqdm(total=0, unit="round", dynamic_ncols=True) as progress:
        bench = Bench(
            corpus=corpus,
            folder=folder,
            effort=chosen.effort,
            progress=progress,
            variables=chosen.variables,
            peers=chosen.peers,
            distribution=chosen.distribution,
        )
        run = Run(bench=bench, chosen=chosen, results=results, rows=rows)
        progress.reset(run.steps)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run.all())


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """Where servers log: the folder that is to be kept, or one that goes with the run."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        yield Path(folder)


def _targets(chosen: Chosen) -> Iterator[str]:
    settings = " ".join(f"{name}={text}" for name, text in chosen.variables.items())
    yield f"{OURS}: started here{' with ' + settings if settings else ''}"
    yield f"{LIMIT} and {LIBVIPS}: programs, started here"
    yield from (f"{peer.name}: {peer.note}" for peer in chosen.peers)
    if chosen.distribution is not None:
        yield f"{chosen.distribution.name}: {chosen.distribution.address.name}"


def _write(out: Path, results: Results, rows: Sequence[Row]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    pictures = [*plots(results, out), *contact_sheet.draw(rows, out)]
    (out / "pictures.json").write_text(json.dumps(raw(results), separators=(",", ":")) + "\n", encoding="utf-8")
    (out / "report.md").write_text(markdown(results, pictures), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
