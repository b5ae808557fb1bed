"""Lines that are put together later say what was so when they were told."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.settings.monitoring import LogSettings
from renderer.telemetry.access_log import AccessLog
from renderer.telemetry.formats import Entry, line_formatter
from renderer.telemetry.late_line import LateLine
from renderer.telemetry.logging import Log, configure
from renderer.telemetry.observation import Observation, Stage, Timing


def made(message: str, value: object) -> Entry:
    """An entry of a fixed moment."""
    return Entry(logging.WARNING, 1_700_000_000.5, message, {"value": value}, {"error": "why"})


@pytest.mark.parametrize("name", ["pretty", "structured", "json", "gcp"])
def test_the_line_is_that_of_its_entry(name: str) -> None:
    """In every format, and each time that it is asked for."""
    formatter = line_formatter(name)
    line = LateLine(logging.WARNING, 10, formatter, made, ("text", 5))

    assert line.text == line.text == formatter.line(made("text", 5))


class Unwritable:
    """A value that no line can show."""

    def __str__(self) -> str:
        """Fails."""
        raise ValueError("no text")


@pytest.mark.parametrize("name", ["pretty", "structured", "json", "gcp"])
def test_a_line_that_cannot_be_put_together_says_so(name: str) -> None:
    """The thread that writes goes on."""
    line = LateLine(logging.ERROR, 10, line_formatter(name), made, ("text", Unwritable()))

    assert "A line of the log cannot be written: ValueError: no text" in line.text


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """The log of a server process, in JSON, to the file `log`; nobody else listens."""
    loggers = [logging.getLogger(name) for name in (None, "renderer", "bildwerk", "pyvips")]
    levels, others = [logger.level for logger in loggers], logging.root.handlers[:]
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    logging.root.handlers[:] = []
    opened = configure(LogSettings(format="json"), descriptor=descriptor)
    yield opened
    opened.close()
    os.close(descriptor)
    logging.root.handlers[:] = others
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = True


def test_what_changes_after_a_request_does_not_change_its_lines(log: Log, tmp_path: Path) -> None:
    """Whoever still holds the request may go on with it before the lines are written."""
    seen = Observation(request_id="a", method="GET", target="/x", client_ip="::1", monitors=[AccessLog(log)])
    seen.understood("local:///x", {"width": 5})
    seen.timings.append(Timing(stage=Stage.QUEUE, started=0, seconds=0.5))
    seen.begin()
    seen.end(200, 7)
    seen.request_id, seen.target, seen.status, seen.result_bytes, seen.options = "b", "/y", 500, 9, {}
    seen.timings.append(Timing(stage=Stage.QUEUE, started=0, seconds=0.5))
    logging.getLogger("renderer").info("last")
    log.close()

    started, completed, last = map(json.loads, (tmp_path / "log").read_text(encoding="utf-8").splitlines())
    assert (started["msg"], started["request_id"]) == ("Started /x", "a")
    assert (completed["level"], completed["request_id"], completed["status"]) == ("INFO", "a", 200)
    assert (completed["result_bytes"], completed["processing_options"]) == (7, {"width": 5})
    assert completed["timings"] == {"queue": 500_000_000}
    assert last["msg"] == "last"


def test_a_line_is_put_together_where_it_is_written(log: Log) -> None:
    """Not where it is told: that is the event loop's thread."""
    threads: list[str] = []

    def entry() -> Entry:
        threads.append(threading.current_thread().name)
        return made("text", 5)

    logging.root.handlers[:] = log.handlers
    assert log.tell(logging.INFO, 10, entry, ())
    log.close()

    assert threads == ["log"]


def test_a_log_that_is_not_alone_takes_no_line(log: Log, tmp_path: Path) -> None:
    """Whoever else listens hears records only; so a record it has to be."""
    logging.root.handlers[:] = [*log.handlers, logging.NullHandler()]

    assert not log.tell(logging.INFO, 10, made, ("text", 5))
    log.close()

    assert (tmp_path / "log").read_bytes() == b""
