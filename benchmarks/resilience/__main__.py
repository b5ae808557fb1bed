"""`python -m benchmarks.resilience [SCENARIO ...]`: runs scenarios and prints what was seen.

Every server, store and client runs on this machine, on 127.0.0.1. The exit status is 1 when a figure does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.resilience.figures import Figure, table
from benchmarks.resilience.scenarios import SCENARIOS
from benchmarks.resilience.site import Site
from scripts.samples.folder import draw_samples


def main() -> int:
    """Runs the scenarios that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resilience", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; all by default")
    parser.add_argument("--seconds", type=float, default=30, help="length of the scenarios that have one")
    parser.add_argument("--soak-minutes", type=float, default=10)
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.scenarios) - set(SCENARIOS))
    if unknown:
        parser.error(f"there is no scenario {unknown[0]!r}")
    figures: list[Figure] = []
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="resilience-") as folder:
        pictures = Path(folder, "pictures")
        draw_samples(pictures)
        site = Site(
            folder=Path(folder), pictures=pictures, seconds=chosen.seconds, soak_seconds=chosen.soak_minutes * 60
        )
        for name in chosen.scenarios or SCENARIOS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            figures += asyncio.run(SCENARIOS[name](site))
    print(table(figures))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
