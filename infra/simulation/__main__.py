"""`python -m infra.simulation`: tables of the scenarios; `--plots FOLDER` draws, `--cost` prints the cost table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.simulation.bill import bill, price_list
from infra.simulation.pictures import GRAVITON, cost_of
from infra.simulation.plans import plans
from infra.simulation.scenarios import HEAD, SCENARIOS, compared, line
from infra.stages import development, production


def _tables(names: Sequence[str]) -> None:
    renderer = production().renderer
    low, mean, high = (cost_of(graviton=factor).pictures_per_second for factor in GRAVITON)
    _say(f"A CPU renders {mean:.1f} pictures a second of the mix ({low:.1f} to {high:.1f} on Graviton, not measured).")
    for name in names:
        scenario = SCENARIOS[name]
        _say(f"\n{scenario.title}:\n\n{HEAD}")
        for one in compared(scenario, plans(renderer), cost_of(), gigabytes=renderer.memory_mib / 1024):
            _say(line(one))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is asked for; everything takes six minutes of one CPU."""
    parser = argparse.ArgumentParser(prog="python -m infra.simulation", description=__doc__)
    parser.add_argument("--scenario", choices=SCENARIOS, action="append", help="only this one; may be given again")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw the plots of docs/growth.md instead")
    parser.add_argument("--cost", action="store_true", help="print the cost table and the prices as Markdown instead")
    given = parser.parse_args(arguments)
    if given.cost:
        columns = [(1e7, development()), (1e7, production()), (1e9, production())]
        _say(f"{bill(columns)}\n\n{price_list()}")
    elif given.plots:
        from infra.simulation.plots import draw  # matplotlib is for plots only

        for name in draw(given.plots):
            _say(name)
    else:
        _tables(given.scenario or list(SCENARIOS))


if __name__ == "__main__":
    main()
