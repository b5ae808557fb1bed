"""Plays one slow, failing request to the monitors of the environment, and prints what it saw as JSON.

The agents of Datadog and New Relic are one per process and start threads, so each test has a process for its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time

from renderer.errors import SourceTimeout
from renderer.settings.load import load_settings
from renderer.telemetry.monitors import tracing_monitors
from renderer.telemetry.observation import Observation, Stage, Vitals


def vitals() -> Vitals:
    return Vitals(
        workers=4,
        requests_in_progress=6,
        images_in_progress=3,
        queue_length=2,
        connections=9,
        source_bytes_in_flight=1024,
        vips_memory_bytes=2048,
        vips_max_memory_bytes=4096,
        vips_allocs=5,
    )


def hooks() -> tuple[object, ...]:
    return sys.excepthook, threading.excepthook, signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)


async def main() -> None:
    environment = dict(os.environ)
    if "NEW_RELIC_TEST_LOG" in environment:
        await asyncio.to_thread(use_developer_mode, environment["NEW_RELIC_TEST_LOG"])
    before = hooks()
    monitors = tracing_monitors(load_settings(environment), environment=environment, vitals=vitals, version="1.2.3")
    said: dict[str, object] = {"hooks": before == hooks()}
    if "NEW_RELIC_TEST_LOG" in environment:
        await until_connected(monitors[0])
    seen = Observation(
        request_id="request-1",
        method="GET",
        target="/sig/plain/a",
        client_ip="203.0.113.7",
        headers={"x-datadog-trace-id": "1234", "x-datadog-parent-id": "77", "cookie": "secret-cookie"},
        monitors=monitors,
    )
    seen.begin()
    seen.understood("http://origin.example/a", {"quality": 80, "resize": {"enlarge": True}})
    with seen.stage(Stage.QUEUE):
        await asyncio.sleep(0.05)

    async def download() -> None:
        """A stage in another task than its request, as downloads that requests share are."""
        with seen.stage(Stage.DOWNLOAD):
            said["source headers"] = seen.source_headers()
            await asyncio.sleep(0.15)

    await asyncio.create_task(download())
    try:
        raise SourceTimeout("no answer")  # noqa: TRY301  an error has a trace once it was raised
    except SourceTimeout as error:
        seen.failed(error)
    seen.end(504)
    said["timings"] = {timing.stage.value: timing.seconds for timing in seen.timings}
    for monitor in monitors:
        await monitor.close()
    sys.stdout.write(json.dumps(said) + "\n")


def use_developer_mode(log: str) -> None:
    """New Relic's agent answers itself in place of its collector, and writes down what it would send."""
    from newrelic.agent import global_settings

    global_settings().developer_mode = True
    global_settings().audit_log_file = log


async def until_connected(monitor: object) -> None:
    until = time.monotonic() + 20
    while not monitor._application.active:  # type: ignore[attr-defined]  # the agent says this in no other way
        if time.monotonic() > until:
            sys.exit("the agent did not connect")
        await asyncio.sleep(0.02)


asyncio.run(main())
