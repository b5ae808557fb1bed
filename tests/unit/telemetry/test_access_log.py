"""The two lines of a request (spec 03 section 2.14)."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from renderer.errors import BildwerkError, Forbidden, InternalError, RequestTimeout
from renderer.settings.monitoring import LogSettings
from renderer.telemetry.access_log import AccessLog
from renderer.telemetry.formats import line_formatter
from renderer.telemetry.logging import Log, configure
from renderer.telemetry.observation import Observation, Stage, Timing
from renderer.telemetry.pairs import Lasting


def observation(**values: Any) -> Observation:
    """A request that the access log is told of."""
    return Observation(
        request_id="id-1",
        method="GET",
        target="/sig/w:5/plain/a",
        client_ip="1.2.3.4",
        monitors=[AccessLog()],
        **values,
    )


def ended(
    caplog: pytest.LogCaptureFixture, seen: Observation, status: int, error: BildwerkError | None = None
) -> logging.LogRecord:
    """The record of a request's end."""
    caplog.set_level(logging.INFO)
    seen.begin()
    if error is not None:
        seen.failed(error)
    seen.end(status, 12)
    return caplog.records[-1]


def test_a_request_begins_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Target, id, method and client."""
    ended(caplog, observation(), 200)

    text = line_formatter("structured").format(caplog.records[0])
    assert text.partition("level=")[2] == (
        '"INFO" msg="Started /sig/w:5/plain/a" request_id="id-1" method="GET" client_ip="1.2.3.4"'
    )


def test_a_picture_ends_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Status, source, options, size and the stages' times."""
    seen = observation(source_url="local:///a", options={"width": 5, "format": "webp"})
    seen.timings = [
        Timing(stage=stage, started=0, seconds=seconds)
        for stage, seconds in ((Stage.QUEUE, 0.001), (Stage.PROCESSING, 0.25), (Stage.QUEUE, 0.002))
    ]

    text = line_formatter("structured").format(ended(caplog, seen, 200))

    pattern = re.compile(
        r'"INFO" msg="Completed in [0-9.]+[µm]s /sig/w:5/plain/a" request_id="id-1" method="GET" status=200'
        r' client_ip="1\.2\.3\.4" image_url="local:///a" processing_options\.width=5 processing_options\.format="webp"'
        r' result_bytes=12 timings\.queue="3ms" timings\.processing_image="250ms"'
    )
    assert pattern.fullmatch(text.partition("level=")[2])


@pytest.mark.parametrize(
    ("status", "error", "level", "has_stack"),
    [
        (200, None, logging.INFO, False),
        (304, None, logging.INFO, False),
        (403, Forbidden("the signature is wrong"), logging.WARNING, False),
        (499, None, logging.WARNING, False),
        (500, InternalError("ours"), logging.ERROR, True),
        (503, RequestTimeout("no worker was free"), logging.ERROR, False),
        (200, InternalError("hidden by the fallback image"), logging.INFO, False),
    ],
)
def test_the_level_follows_the_status(
    caplog: pytest.LogCaptureFixture, status: int, error: BildwerkError | None, level: int, has_stack: bool
) -> None:
    """Errors say why; those of our own also where."""
    record = ended(caplog, observation(), status, error)

    said: dict[str, object] = record.__dict__["fields"]
    assert record.levelno == level
    assert said.get("error") == (None if error is None else str(error))
    assert ("stack" in said) == has_stack


def test_an_error_without_text_says_what_the_client_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """There is always a reason in the line."""
    assert ended(caplog, observation(), 403, Forbidden()).__dict__["fields"]["error"] == "Forbidden"


def test_nothing_is_put_together_when_the_level_is_off(caplog: pytest.LogCaptureFixture) -> None:
    """`IMGPROXY_LOG_LEVEL=error` leaves errors only."""
    caplog.set_level(logging.ERROR)
    seen = observation()
    seen.begin()
    seen.end(404)

    assert caplog.records == []


Opened = Callable[[str], tuple[Log, Callable[[], list[str]]]]


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Opened]:
    """Opens the log of a server process, from a level on, into a file; nobody else listens. Gives also its lines."""
    loggers = [logging.getLogger(name) for name in (None, "renderer", "bildwerk", "pyvips")]
    levels, others = [logger.level for logger in loggers], logging.root.handlers[:]
    file = tmp_path / "log"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    logging.root.handlers[:] = []
    logs: list[Log] = []

    def opened(level: str) -> tuple[Log, Callable[[], list[str]]]:
        log = configure(LogSettings(format="structured", level=level), descriptor=descriptor)
        logs.append(log)

        def lines() -> list[str]:
            log.output.flush()
            return [line.partition(" level=")[2] for line in file.read_text(encoding="utf-8").splitlines()]

        return log, lines

    yield opened
    for log in logs:
        log.close()
    os.close(descriptor)
    logging.root.handlers[:] = others
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = True


def test_lines_are_the_same_whether_others_listen_or_not(open_log: Opened) -> None:
    """Alone, the access log writes without records; a tracer that sends the log gets them."""
    log, lines = open_log("info")
    heard: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]

    for is_alone in (True, False):
        if not is_alone:
            logging.getLogger().addHandler(listener)
        seen = observation(source_url="local:///a", options=Lasting({"width": 5, "gravity": {"type": "sm"}}))
        seen.monitors = [AccessLog(log)]
        seen.begin()
        seen.failed(Forbidden("because"))
        seen.end(403)
        assert len(heard) == (0 if is_alone else 2)
    logging.getLogger().removeHandler(listener)

    without_times = [re.sub(r"Completed in \S+", "Completed", line) for line in lines()]
    assert len(without_times) == 4
    assert without_times[:2] == without_times[2:]
    assert 'processing_options.width=5 processing_options.gravity.type="sm" error="because"' in without_times[1]


def test_lines_below_the_level_are_not_written(open_log: Opened) -> None:
    """The level is that of the settings, also without records."""
    log, lines = open_log("error")
    seen = observation()
    seen.monitors = [AccessLog(log)]

    seen.begin()
    seen.end(200)
    seen.end(500)

    assert [line.partition(" ")[0] for line in lines()] == ['"ERROR"']
