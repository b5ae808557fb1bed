"""Prints a table for each format: what every variant costs, how large it writes, how much of the picture is left.

    python -m benchmarks.encoders [png] [webp] [jpeg] [--photos FOLDER] [--corpus FOLDER] [--rounds N]

The pictures are the photographs of `benchmarks.pictures`, made smaller by libvips first: nothing but writing is
measured. CPU is that of the process; every variant has its turn in every round.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from benchmarks.encoders.measure import Row, measure
from benchmarks.encoders.variants import VARIANTS
from benchmarks.pictures.corpus import prepare
from benchmarks.pictures.corpus_shape import Group
from renderer.vips import runtime

_SIDE: Final = 512


def main() -> None:
    """Measures the formats that are named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.encoders",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=", ".join(VARIANTS))
    parser.add_argument("--photos", type=Path, help="a folder of photographs instead of Debian's wallpapers")
    parser.add_argument("--corpus", type=Path, default=Path(".bench/corpus"), help="where the pictures are kept")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    unknown = set(chosen.formats) - set(VARIANTS)
    if unknown:
        parser.error(f"no variants of {', '.join(sorted(unknown))}")
    runtime.start()
    corpus = prepare(chosen.corpus, chosen.photos, lambda text: print(text, file=sys.stderr, flush=True))
    sources = [corpus.folder / picture.path for picture in corpus.pictures[Group.PNG]]
    for format in chosen.formats or VARIANTS:
        _print(format, measure(sources, VARIANTS[format], side=_SIDE, rounds=chosen.rounds))


def _print(format: str, rows: list[Row]) -> None:
    print(f"\n| {format} | CPU ms | bytes | larger, mean | largest | SSIM |\n|---|---|---|---|---|---|")
    for row in rows:
        figures = f"{row.cpu_ms:.1f} | {row.size_bytes:,.0f} | {row.larger:.3f} | {row.largest:.3f} | {row.ssim:.4f}"
        print(f"| {row.name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
