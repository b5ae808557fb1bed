"""Two server processes count into one folder, and whichever is asked answers for both."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from renderer.telemetry.metric_files import prepare

SERVER = """
import asyncio, sys
from pathlib import Path
from aiohttp import web
from renderer.errors import TooManyRequests
from renderer.handlers.metrics import metrics_handler
from renderer.settings.monitoring import MetricsSettings
from renderer.telemetry.metrics import open_metrics
from renderer.telemetry.observation import Observation, Stage, Vitals

folder, requests = Path(sys.argv[1]), int(sys.argv[2])
vitals = Vitals(workers=2, requests_in_progress=1, images_in_progress=1, queue_length=0, connections=3,
    source_bytes_in_flight=10, vips_memory_bytes=20, vips_max_memory_bytes=30, vips_allocs=4)

async def serve():
    settings = MetricsSettings(prometheus_bind="127.0.0.1:0", prometheus_namespace="pics")
    metrics = open_metrics(settings, folder, vitals=lambda: vitals, write=print)
    for number in range(requests):
        seen = Observation(request_id="a", method="GET", target="/", client_ip="", monitors=metrics.monitors)
        seen.begin()
        with seen.stage(Stage.PROCESSING):
            pass
        if number == 0:
            seen.failed(TooManyRequests())
        seen.end(429 if number == 0 else 200, 100)
    runner = web.ServerRunner(web.Server(metrics_handler(folder, "pics")))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()
    await metrics.close()

asyncio.run(serve())
"""
Start = Callable[[int], tuple[subprocess.Popen[str], int]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a supervisor prepares before it starts processes."""
    prepare(tmp_path)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts a process that has had some requests, the first of which was refused; gives it and its port."""
    started: list[subprocess.Popen[str]] = []

    def start_process(requests: int) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(folder), str(requests)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start_process
    for process in started:
        process.communicate(timeout=20)


def ask(port: int, *, method: str = "GET", path: str = "/metrics") -> tuple[http.client.HTTPResponse, str]:
    """The answer to a request for metrics."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def series(port: int) -> dict[str, float]:
    """Series without labels but the one that tells them apart."""
    found = {}
    for family in text_string_to_metric_families(ask(port)[1]):
        for sample in family.samples:
            found["|".join([sample.name, *sample.labels.values()])] = sample.value
    return found


def test_either_process_answers_for_both(start: Start) -> None:
    """Counters, histograms and gauges are sums; utilization is the instance's."""
    _, first = start(3)
    _, second = start(5)

    for port in (first, second):
        shown = series(port)
        assert shown["pics_requests_total"] == 8
        assert shown["pics_status_codes_total|429"] == 2
        assert shown["pics_errors_total|queue"] == 2
        assert shown["pics_request_span_duration_seconds_count|processing_image"] == 8
        assert shown["pics_request_duration_seconds_bucket|+Inf"] == 8
        assert (shown["pics_workers"], shown["pics_processes"], shown["pics_connections"]) == (4, 2, 6)
        assert shown["pics_workers_utilization"] <= 100
        assert shown["process_open_fds"] > 0


def test_a_killed_process_leaves_its_counters_and_no_gauges(start: Start, folder: Path) -> None:
    """The process that takes its place goes on in its files, so there are never more of them."""
    _, port = start(3)
    killed, _ = start(5)
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)

    alone = series(port)
    assert (alone["pics_requests_total"], alone["pics_workers"], alone["pics_processes"]) == (8, 2, 1)

    files = {file.name for file in folder.iterdir()}
    start(2)
    again = series(port)
    assert (again["pics_requests_total"], again["pics_workers"], again["pics_processes"]) == (10, 4, 2)
    assert {file.name for file in folder.iterdir()} == files


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/any/path?x=1"), ("POST", "/metrics"), ("HEAD", "/")]
)
def test_any_path_and_method_is_answered(start: Start, method: str, path: str) -> None:
    """Spec 03 section 7.2; the type is the one that every Prometheus reads."""
    _, port = start(1)
    response, body = ask(port, method=method, path=path)

    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert ("pics_requests_total 1.0" in body) == (method != "HEAD")
