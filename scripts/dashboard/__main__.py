"""Runs the server under load, a real Prometheus beside it, and every query of the dashboard against that Prometheus.

    python -m scripts.dashboard [--prometheus PATH] [--seconds 90] [--no-picture]

It fails when a query has an error or no answer, and plots the answers into `docs/dashboard.png`. Everything listens
on 127.0.0.1 only. Prometheus is Debian's package (`apt-get install prometheus`); the picture needs matplotlib.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.dashboard.load import Load
from scripts.dashboard.panels import Answer, Panel, read_panels
from scripts.dashboard.prometheus import SCRAPE_SECONDS, Prometheus
from scripts.dashboard.servers import flaky_origin, render_server
from scripts.ports import free_port

ROOT: Final = Path(__file__).parents[2]
DASHBOARD: Final = ROOT / "docs" / "grafana-dashboard.json"
PICTURE: Final = ROOT / "docs" / "dashboard.png"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 when a query of the dashboard shows nothing."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dashboard", description=__doc__)
    parser.add_argument("--prometheus", default=shutil.which("prometheus"), help="the program; found on PATH")
    parser.add_argument("--seconds", type=int, default=90, help="how long the load lasts")
    parser.add_argument("--samples", type=Path, default=ROOT / ".samples", help="the folder of `make samples`")
    parser.add_argument("--no-picture", action="store_true", help="check only")
    chosen = parser.parse_args(arguments)
    if chosen.prometheus is None:
        print("dashboard: there is no prometheus here; Debian has it: apt-get install prometheus", file=sys.stderr)
        return 1
    panels = read_panels(DASHBOARD)
    answers = asyncio.run(_answers(panels, Path(chosen.prometheus), chosen.samples, chosen.seconds))
    problems = [f"{answer.panel.title}: {answer.problem}" for answer in answers if answer.problem]
    for problem in problems:
        print(f"dashboard: {problem}", file=sys.stderr)
    if not chosen.no_picture:
        from scripts.dashboard.plot import plot  # imported here: the check alone needs no matplotlib

        plot(answers, PICTURE)
    print(f"dashboard: {len(answers) - len(problems)} of {len(answers)} queries in {len(panels)} panels have an answer")
    return 1 if problems else 0


async def _answers(panels: Sequence[Panel], program: Path, samples: Path, seconds: int) -> list[Answer]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        origin = stack.enter_context(flaky_origin(samples))
        server = stack.enter_context(render_server(samples))
        prometheus = Prometheus(program, Path(folder), port=free_port(), target=server.metrics_port)
        stack.enter_context(prometheus.running())
        await prometheus.wait()
        started = time.time()
        load = Load(server, origin_port=origin)
        await load.run(seconds)
        await asyncio.sleep(2 * SCRAPE_SECONDS)
        print(f"dashboard: {load.summary()}")
        return [
            await prometheus.ask(panel, query, started=started, ended=time.time())
            for panel in panels
            for query in panel.queries
        ]


if __name__ == "__main__":
    sys.exit(main())
