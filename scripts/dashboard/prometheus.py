"""A Prometheus of one's own: it reads one server's metrics and answers queries, on 127.0.0.1, until it is stopped."""

from __future__ import annotations

import contextlib
import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiohttp

from scripts.dashboard.panels import Answer, Panel, Query

SCRAPE_SECONDS: Final = 1
_START_SECONDS: Final = 30.0
_CONFIGURATION: Final = """\
global: {{scrape_interval: {seconds}s, scrape_timeout: {seconds}s}}
scrape_configs:
  - job_name: bildwerk
    static_configs: [{{targets: ["127.0.0.1:{target}"], labels: {{instance: pictures-1}}}}]
"""


class Prometheus:
    """The program with a configuration and a database in a folder.

    Args:
        program: the executable.
        folder: empty.
        port: where it listens.
        target: the port of the metrics.
    """

    def __init__(self, program: Path, folder: Path, *, port: int, target: int) -> None:
        self._program, self._folder = program, folder
        self._address = f"127.0.0.1:{port}"
        text = _CONFIGURATION.format(seconds=SCRAPE_SECONDS, target=target)
        (folder / "prometheus.yml").write_text(text, encoding="utf-8")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Runs it."""
        command = [
            str(self._program),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={self._address}",
            "--log.level=error",
        ]
        with subprocess.Popen(command) as process:  # noqa: S603  the program is the caller's
            try:
                yield
            finally:
                process.terminate()

    async def wait(self) -> None:
        """Waits until it answers."""
        end = time.monotonic() + _START_SECONDS
        async with aiohttp.ClientSession() as client:
            while time.monotonic() < end:
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.get(f"http://{self._address}/-/ready") as response:
                        if response.status == 200:
                            return
        raise TimeoutError("Prometheus does not answer")

    async def ask(self, panel: Panel, query: Query, *, started: float, ended: float) -> Answer:
        """The answer to a query for a span of time, in steps of a second."""
        parameters = {"query": query.expression, "start": str(started), "end": str(ended), "step": "1"}
        url = f"http://{self._address}/api/v1/query_range"
        async with aiohttp.ClientSession() as client, client.get(url, params=parameters) as response:
            answer = await response.json()
        if answer["status"] != "success":
            return Answer(panel=panel, series={}, problem=f"{query.expression}: {answer.get('error')}")
        series = {
            query.name(found["metric"]): [
                (float(moment) - started, float(value))
                for moment, value in found["values"]
                if math.isfinite(float(value))  # a quantile of nothing is NaN
            ]
            for found in answer["data"]["result"]
        }
        series = {name: values for name, values in series.items() if values}
        return Answer(panel=panel, series=series, problem="" if series else f"no answer to {query.expression}")
