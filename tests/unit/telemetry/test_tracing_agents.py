"""Datadog's and New Relic's agents, each in a process of its own: what an agent endpoint gets of a request."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("agent_program.py")
ROOT = PROGRAM.parents[3]


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM],
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def played(**variables: str) -> dict[str, Any]:
    """What the program says after it played one request under these variables."""
    done = run(**variables)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def unpacked(data: bytes) -> Any:
    """MessagePack -> values, for the types that a tracer writes."""
    value, rest = _unpack(memoryview(data))
    assert not rest
    return value


def _unpack(data: memoryview) -> tuple[Any, memoryview]:
    kind, data = data[0], data[1:]
    if kind <= 0x7F or kind >= 0xE0:
        return (kind if kind <= 0x7F else kind - 256), data
    if kind <= 0x8F:
        return _unpack_map(kind & 0x0F, data)
    if kind <= 0x9F:
        return _unpack_list(kind & 0x0F, data)
    if kind <= 0xBF:
        return _text(kind & 0x1F, data)
    if kind == 0xCB:
        return struct.unpack(">d", data[:8])[0], data[8:]
    if kind in (0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3):
        size = 1 << (kind & 3)
        return int.from_bytes(data[:size], "big", signed=kind >= 0xD0), data[size:]
    size = {0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}[kind]
    count, data = int.from_bytes(data[:size], "big"), data[size:]
    read = {0xD9: _text, 0xDA: _text, 0xDB: _text, 0xDC: _unpack_list, 0xDD: _unpack_list}
    return read.get(kind, _unpack_map)(count, data)


def _text(size: int, data: memoryview) -> tuple[str, memoryview]:
    return bytes(data[:size]).decode(), data[size:]


def _unpack_list(count: int, data: memoryview) -> tuple[list[Any], memoryview]:
    items = []
    for _ in range(count):
        item, data = _unpack(data)
        items.append(item)
    return items, data


def _unpack_map(count: int, data: memoryview) -> tuple[dict[Any, Any], memoryview]:
    items, data = _unpack_list(2 * count, data)
    return dict(zip(items[::2], items[1::2], strict=True)), data


@pytest.fixture
def statsd() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        yield server


@pytest.fixture
def datadog(receiver: Any, statsd: socket.socket) -> dict[str, str]:
    receiver.body = b"{}"
    return {
        "DD_AGENT_HOST": "127.0.0.1",
        "DD_TRACE_AGENT_PORT": receiver.url.rpartition(":")[2],
        "DD_DOGSTATSD_PORT": str(statsd.getsockname()[1]),
        "DD_TRACE_API_VERSION": "v0.4",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "IMGPROXY_DATADOG_ENABLE": "1",
    }


def test_datadog_gets_a_trace(receiver: Any, datadog: dict[str, str]) -> None:
    said = played(**datadog, IMGPROXY_DATADOG_PROPAGATE_EXTERNAL="1")

    (trace,) = unpacked(receiver.next("/v0.4/traces").body)
    root, queue, download = trace
    assert said["hooks"]
    assert (root["name"], root["type"], root["service"]) == ("request", "web", "imgproxy")
    assert (root["trace_id"], root["parent_id"]) == (1234, 77)
    assert [queue["name"], download["name"]] == ["queue", "downloading_source_image"]
    assert {queue["parent_id"], download["parent_id"]} == {root["span_id"]}
    assert {
        "http.method": "GET",
        "http.url": "/sig/plain/a",
        "http.status_code": "504",
        "version": "1.2.3",
        "imgproxy.source_image_url": "http://origin.example/a",
        "imgproxy.source_image_origin": "http://origin.example",
        "imgproxy.options.resize.enlarge": "true",
        "error.type": "timeout_error (SourceTimeout)",
        "error.message": "no answer",
    }.items() <= root["meta"].items()
    assert "SourceTimeout: no answer" in root["meta"]["error.stack"]
    assert root["metrics"]["imgproxy.options.quality"] == 80
    assert (root["error"], download["metrics"]["_dd.measured"]) == (1, 1)
    assert said["source headers"]["x-datadog-parent-id"] == str(download["span_id"])
    assert abs(download["duration"] / 1e9 - said["timings"]["downloading_source_image"]) < 0.001
    assert root["start"] <= queue["start"] < download["start"]


def test_dogstatsd_gets_gauges(datadog: dict[str, str], statsd: socket.socket) -> None:
    """And the source is told of no trace, as that was not asked for."""
    said = played(**datadog, IMGPROXY_DATADOG_ENABLE_ADDITIONAL_METRICS="1")

    assert said["source headers"] == {}
    got = {statsd.recv(1000).decode().strip() for _ in range(7)}
    assert got == {
        f"imgproxy.{name}|g|#service:imgproxy,version:1.2.3"
        for name in (
            "workers:4",
            "requests_in_progress:6",
            "images_in_progress:3",
            "workers_utilization:150.0",
            "vips.memory:2048",
            "vips.max_memory:4096",
            "vips.allocs:5",
        )
    }


def sent(log: str) -> dict[str, str]:
    """What New Relic's agent would have sent, by the collector's method."""
    found = {}
    for part in log.split("=" * 70):
        method = re.search(r"'method': '(\w+)'", part)
        if method:
            found[method[1]] = part
    return found


def test_new_relic_gets_a_transaction_with_segments(tmp_path: Path) -> None:
    """The agent's developer mode: it answers itself, and its audit log holds what it would send."""
    log = tmp_path / "audit.log"
    said = played(
        IMGPROXY_NEW_RELIC_KEY="0123456789" * 4,
        IMGPROXY_NEW_RELIC_LABELS="team=pictures",
        IMGPROXY_NEW_RELIC_PROPAGATE_EXTERNAL="1",
        NEW_RELIC_TEST_LOG=str(log),
    )

    found = sent(log.read_text())
    assert said["hooks"]
    assert "'label_type': 'team'" in found["connect"]
    transaction = found["analytic_event_data"]
    for text in (
        "'name': 'WebTransaction/Function/request'",
        "'http.statusCode': 504",
        "'request.uri': '/sig/plain/a'",
        "'imgproxy.source_image_url': 'http://origin.example/a'",
        "'imgproxy.options.quality': 80",
    ):
        assert text in transaction
    spans = found["span_event_data"]
    durations = {
        name: float(seconds)
        for seconds, name in re.findall(r"'duration': ([\d.]+),.*?'name': '(.*?)'", spans, re.DOTALL)
    }
    timings = said["timings"]
    assert abs(durations["Custom/Queue"] - timings["queue"]) < 0.001
    assert abs(durations["Custom/Downloading source image"] - timings["downloading_source_image"]) < 0.001
    assert durations["Function/request"] >= 0.2
    assert "SourceTimeout" in found["error_event_data"]
    assert "timeout_error (SourceTimeout)" in found["error_event_data"]
    assert "Custom/imgproxy/workers_utilization" in found["metric_data"]
    trace_id = re.search(r"'traceId': '(\w+)'", transaction)
    assert trace_id is not None
    assert said["source headers"]["traceparent"].startswith(f"00-{trace_id[1]}-")
    assert "secret-cookie" not in log.read_text()


def test_a_variable_that_the_tracer_refuses_is_an_error_of_the_settings(datadog: dict[str, str]) -> None:
    done = run(**{**datadog, "DD_DOGSTATSD_PORT": "high"})

    assert done.returncode != 0
    assert "ConfigurationError: DD_*: ddtrace cannot use a variable (cannot cast high" in done.stderr
