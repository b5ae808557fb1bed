"""What a process counts, as Prometheus and CloudWatch see it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import values
from prometheus_client.parser import text_string_to_metric_families

from renderer.cache.figures import CacheState, Dropped
from renderer.errors import ConfigurationError, RequestCancelled, SourceIncomplete, SourceTimeout, TooManyRequests
from renderer.settings.load import load_settings
from renderer.settings.monitoring import MetricsSettings
from renderer.telemetry.cloudwatch import CloudWatch, embedded_metrics
from renderer.telemetry.metric_files import MetricFiles, prepare
from renderer.telemetry.metrics import Metrics, open_metrics
from renderer.telemetry.observation import Observation, Stage, Vitals
from renderer.telemetry.origins import MAX_ORIGINS, OriginFigures
from renderer.telemetry.prometheus import Supervision, exposition

VITALS = Vitals(
    workers=4,
    requests_in_progress=6,
    images_in_progress=3,
    queue_length=2,
    connections=9,
    source_bytes_in_flight=1000,
    vips_memory_bytes=2000,
    vips_max_memory_bytes=3000,
    vips_allocs=5,
)
Series = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prepared folder; the library's own switches are as before afterwards."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    prepare(tmp_path)
    return tmp_path


@pytest.fixture
def metrics(folder: Path) -> Iterator[Metrics]:
    """The metrics of one server process."""
    opened = open_metrics(
        MetricsSettings(prometheus_bind="127.0.0.1:1"), folder, vitals=lambda: VITALS, write=lambda _text: None
    )
    yield opened
    if not opened.files.is_closed:
        asyncio.run(opened.close())


def series(folder: Path, namespace: str = "") -> dict[Series, float]:
    """Every series that is exported, by name and labels."""
    families = text_string_to_metric_families(exposition(folder, namespace).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def request(metrics: Metrics) -> Observation:
    """A request that the metrics are told of."""
    return Observation(request_id="a", method="GET", target="/", client_ip="", monitors=metrics.monitors)


def test_a_request_is_counted_under_imgproxys_names(metrics: Metrics, folder: Path) -> None:
    """Requests, statuses, errors, durations by stage, sizes."""
    seen = request(metrics)
    seen.begin()
    with seen.stage(Stage.DOWNLOAD):
        pass
    seen.failed(SourceTimeout("slow"))
    seen.end(200, 5000)

    shown = series(folder)
    assert shown["requests_total", ()] == 1
    assert shown["status_codes_total", (("status", "200"),)] == 1
    assert shown["errors_total", (("type", "timeout"),)] == 1
    assert shown["request_duration_seconds_count", ()] == 1
    span = (("span", "downloading_source_image"),)
    assert shown["request_span_duration_seconds_count", span] == 1
    assert shown["result_size_bytes_bucket", (("le", "4096.0"),)] == 0
    assert shown["result_size_bytes_bucket", (("le", "16384.0"),)] == 1
    bounds = [dict(labels)["le"] for name, labels in shown if name == "request_duration_seconds_bucket"]
    assert bounds == ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]


def test_only_what_is_known_is_exported(metrics: Metrics, folder: Path) -> None:
    """No `_created` series, no Go runtime, no cache before there is one, no figures of the library's own."""
    names = {name for name, _ in series(folder)}

    assert not any(name.endswith("_created") or name.startswith(("go_", "python_", "cache_")) for name in names)
    types = dict(line.split()[2:] for line in exposition(folder).decode().splitlines() if line.startswith("# TYPE "))
    assert types["requests_total"] == types["process_cpu_seconds_total"] == "counter"
    assert types["workers_utilization"] == types["process_resident_memory_bytes"] == "gauge"
    assert metrics.origins is not None


def test_gauges_show_the_process_as_it_is(metrics: Metrics, folder: Path) -> None:
    """Utilization is over 100 % while requests wait; a request counts from its first moment."""
    shown = series(folder)
    for name, value in dataclasses.asdict(VITALS).items():
        assert shown[name, ()] == value
    assert shown["workers_utilization", ()] == 150
    assert shown["processes", ()] == 1
    assert shown["process_resident_memory_bytes", ()] > 1_000_000

    request(metrics).begin()
    assert series(folder)["requests_in_progress", ()] == 7


def test_a_client_that_goes_away_is_no_error(metrics: Metrics, folder: Path) -> None:
    """Its status is counted, its error is not (spec 03 section 7.1)."""
    seen = request(metrics)
    seen.begin()
    seen.failed(RequestCancelled())
    seen.end(499)

    shown = series(folder)
    assert shown["status_codes_total", (("status", "499"),)] == 1
    assert not any(name == "errors_total" for name, _ in shown)


def test_a_raw_streams_failed_download_is_of_its_own_type(metrics: Metrics, folder: Path) -> None:
    """A timeout stays one."""
    for error in (SourceTimeout(), TooManyRequests()):
        seen = request(metrics)
        with seen.stage(Stage.STREAMING):
            pass
        seen.failed(error)

    shown = series(folder)
    assert shown["errors_total", (("type", "timeout"),)] == 1
    assert shown["errors_total", (("type", "queue"),)] == 1


def test_a_raw_stream_that_breaks_off_is_an_error_of_streaming(metrics: Metrics, folder: Path) -> None:
    """It is told while the stage goes on; a picture's download that breaks off is one of downloads."""
    for options, stage in (({"raw": True}, Stage.STREAMING), ({"width": 50}, Stage.DOWNLOAD)):
        seen = request(metrics)
        seen.understood("http://origin.test/a.jpg", options)
        with seen.stage(stage):
            seen.failed(SourceIncomplete())

    shown = series(folder)
    assert shown["errors_total", (("type", "streaming"),)] == 1
    assert shown["errors_total", (("type", "download"),)] == 1


def test_gauges_end_with_the_process_and_counters_stay(metrics: Metrics, folder: Path) -> None:
    """The next process carries the counters on."""
    request(metrics).begin()
    asyncio.run(metrics.close())

    assert ("workers", ()) not in series(folder)
    assert series(folder)["requests_total", ()] == 1

    following = open_metrics(
        MetricsSettings(prometheus_bind="127.0.0.1:1"), folder, vitals=lambda: VITALS, write=lambda _text: None
    )
    request(following).begin()
    shown = series(folder)
    asyncio.run(following.close())
    assert (shown["requests_total", ()], shown["workers", ()]) == (2, 4)
    assert following.files.number == metrics.files.number


def test_the_namespace_is_before_every_name_but_those_of_the_process(folder: Path) -> None:
    """`process_*` is the same for every program (spec 03 section 7.2)."""
    opened = open_metrics(
        MetricsSettings(prometheus_bind="127.0.0.1:1", prometheus_namespace="pics"),
        folder,
        vitals=lambda: VITALS,
        write=lambda _text: None,
    )
    names = {name for name, _ in series(folder, "pics")}
    asyncio.run(opened.close())

    assert {"pics_requests_total", "pics_workers_utilization", "process_open_fds"} <= names
    assert all(name.startswith(("pics_", "process_")) for name in names)


def test_origins_have_a_bounded_number_of_names(folder: Path) -> None:
    """Also over the processes that follow one another; the rest is counted together."""
    for generation in range(2):
        files = MetricFiles(folder)
        origins = OriginFigures(files)
        for number in range(MAX_ORIGINS):
            origin = f"https://{generation}-{number}.test"
            origins.requested(origin)
            origins.failed(origin)
            origins.show_open([origin])
        shown = series(folder)
        files.close()

    names = {dict(labels)["origin"] for name, labels in shown if name == "origin_requests_total"}
    assert len(names) == MAX_ORIGINS + 1
    assert shown["origin_failures_total", (("origin", "other"),)] == MAX_ORIGINS
    assert ("origin_breaker_open", (("origin", "other"),)) not in shown


def test_an_open_breaker_is_shown_until_it_closes(folder: Path) -> None:
    """One that was never open has no series."""
    files = MetricFiles(folder)
    origins = OriginFigures(files)
    seen = []
    for names in (["https://a.test"], ["https://b.test"], []):
        origins.show_open(names)
        seen.append([series(folder).get(("origin_breaker_open", (("origin", f"https://{x}.test"),))) for x in "abc"])
    files.close()

    assert seen == [[1, None, None], [0, 1, None], [0, 0, None]]


def test_a_supervisor_counts_restarts_and_its_own_memory(folder: Path) -> None:
    """Both reasons have a series from the start, so that the first restart is an increase."""
    files = MetricFiles(folder)
    supervision = Supervision(files)
    supervision.restarted("died")
    supervision.update()
    shown = series(folder)
    files.close()

    assert shown["process_restarts_total", (("reason", "died"),)] == 1
    assert shown["process_restarts_total", (("reason", "recycled"),)] == 0
    assert shown["process_open_fds", ()] > 0
    assert ("processes", ()) not in shown


def test_a_cache_is_counted_once_there_is_one(metrics: Metrics, folder: Path) -> None:
    """Hits and misses have imgproxy's names, what they consist of has ours; a request that cannot share is neither."""
    cache = metrics.cache_figures()
    for state in CacheState:
        cache.answered(state.value)
    for reason in get_args(Dropped):
        cache.dropped(reason)
    for operation in ("find", "keep", "broken"):
        cache.store_failed(operation)
    cache.stored()
    cache.holds(3, 4096)

    shown = series(folder)
    assert (shown["cache_hits_total", ()], shown["cache_misses_total", ()]) == (3, 2)
    assert [shown["results_answers_total", (("state", state.value),)] for state in CacheState] == [1] * 6
    assert shown["results_dropped_total", (("reason", "queue"),)] == 1
    assert shown["results_store_errors_total", (("operation", "broken"),)] == 1
    assert (shown["results_stored_total", ()], shown["results_memory_entries", ()]) == (1, 3)
    assert shown["results_memory_bytes", ()] == 4096


def test_what_is_shared_is_counted_by_kind(metrics: Metrics, folder: Path) -> None:
    """From the start at 0, so that a rate can be taken of the first ones."""
    assert metrics.shared is not None
    for kind in ("render", "render", "decode"):
        metrics.shared.spared(kind)

    shown = series(folder)
    kinds = ("render", "download", "decode")
    assert [shown["work_shared_total", (("kind", kind),)] for kind in kinds] == [2, 0, 1]


def test_cloud_watch_gets_a_line_of_its_embedded_format() -> None:
    """Names and units of spec 03 section 7.4; every metric that is announced is there as a number."""
    settings = MetricsSettings(cloud_watch_service_name="pictures", cloud_watch_namespace="site")
    line = json.loads(embedded_metrics(VITALS, settings, 1000.5))

    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == 1_000_500
    assert (directive["Namespace"], directive["Dimensions"]) == ("site", [["ServiceName"]])
    assert line["ServiceName"] == "pictures"
    assert {metric["Name"]: (metric["Unit"], line[metric["Name"]]) for metric in directive["Metrics"]} == {
        "Workers": ("Count", 4),
        "RequestsInProgress": ("Count", 6),
        "ImagesInProgress": ("Count", 3),
        "WorkersUtilization": ("Percent", 150),
        "ConcurrencyUtilization": ("Percent", 150),
        "VipsMemory": ("Bytes", 2000),
        "VipsMaxMemory": ("Bytes", 3000),
        "VipsAllocs": ("Count", 5),
    }


def test_one_process_writes_for_the_whole_instance(folder: Path) -> None:
    """The one with the lock; when it ends, another goes on."""
    settings = MetricsSettings(cloud_watch_service_name="pictures")
    lines: list[tuple[str, int]] = []
    opened = open_metrics(settings, folder, vitals=lambda: VITALS, write=lambda _text: None)
    assert opened.monitors == ()
    assert opened.cloud_watch is not None

    def writer(name: str) -> CloudWatch:
        return CloudWatch(
            folder, settings, lambda text: lines.append((name, json.loads(text)["Workers"])), seconds=1000
        )

    asyncio.run(asyncio.to_thread(opened.cloud_watch.stop))
    first, second = writer("first"), writer("second")
    first.write()
    second.write()
    first.stop()
    second.write()
    second.stop()
    opened.gauges.stop()
    opened.files.close()

    assert lines == [("first", 4), ("first", 4), ("second", 4), ("second", 4)]


def test_the_folder_of_an_earlier_run_is_emptied(folder: Path) -> None:
    """Its counters would be shown as this run's."""
    files = MetricFiles(folder)
    OriginFigures(files).requested("https://a.test")
    files.close()
    prepare(folder)

    assert series(folder) == {}


def test_prometheus_has_an_address_of_its_own() -> None:
    """Otherwise every picture would be metrics."""
    with pytest.raises(ConfigurationError, match="IMGPROXY_PROMETHEUS_BIND"):
        load_settings({"IMGPROXY_BIND": ":9000", "IMGPROXY_PROMETHEUS_BIND": ":9000"})


@pytest.mark.parametrize("namespace", ["1a", "a-b", "a b", "ä"])
def test_a_namespace_that_prometheus_would_refuse_stops_the_start(namespace: str) -> None:
    """A metric's name has letters, digits and `_`."""
    with pytest.raises(ConfigurationError, match="IMGPROXY_PROMETHEUS_NAMESPACE"):
        load_settings({"IMGPROXY_PROMETHEUS_NAMESPACE": namespace})
