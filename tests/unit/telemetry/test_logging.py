"""The log of a process as it leaves it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator

import pytest

from renderer.settings.monitoring import LogSettings
from renderer.telemetry.formats import fields
from renderer.telemetry.logging import Log, configure, log_memory
from renderer.telemetry.observation import Vitals

VITALS = Vitals(
    workers=2,
    requests_in_progress=0,
    images_in_progress=0,
    queue_length=0,
    connections=0,
    source_bytes_in_flight=0,
    vips_memory_bytes=5 << 20,
    vips_max_memory_bytes=7 << 20,
    vips_allocs=3,
)

Started = Callable[[LogSettings], tuple[Log, Callable[[], list[str]]]]


@pytest.fixture
def start() -> Iterator[Started]:
    """Sets logging up on a pipe; gives the log and a function that closes it and gives its lines."""
    loggers = [logging.getLogger(name) for name in (None, "renderer", "bildwerk", "pyvips")]
    levels = [logger.level for logger in loggers]
    pipes: list[int] = []

    def started(settings: LogSettings) -> tuple[Log, Callable[[], list[str]]]:
        read, write = os.pipe()
        pipes.extend((read, write))
        log = configure(settings, descriptor=write)

        def lines() -> list[str]:
            log.close()
            os.set_blocking(read, False)
            try:
                return os.read(read, 1 << 20).decode().splitlines()
            except BlockingIOError:
                return []

        return log, lines

    yield started
    for pipe in pipes:
        os.close(pipe)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = True


def test_without_a_terminal_the_format_is_structured(start: Started) -> None:
    """A pipe is no terminal."""
    _, lines = start(LogSettings())
    logging.getLogger("renderer.x").warning("text %s", 5, extra=fields(a="b"))

    (line,) = lines()
    assert line.endswith('level="WARNING" msg="text 5" a="b"')


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", "dDiwe"), ("info", "iwe"), ("warn", "we"), ("error", "e")],
)
def test_the_level_says_what_is_logged(start: Started, level: str, shown: str) -> None:
    """Debugging of libraries is never shown: it holds headers and credentials."""
    _, lines = start(LogSettings(level=level, format="json"))
    log = logging.getLogger("renderer.x")
    log.debug("d")
    logging.getLogger("bildwerk").debug("D")
    logging.getLogger("botocore").debug("secret")
    log.info("i")
    log.warning("w")
    log.error("e")

    assert "".join(json.loads(line)["msg"] for line in lines()) == shown


def test_setting_up_again_replaces_what_was_there(start: Started) -> None:
    """No line is written twice."""
    _, first = start(LogSettings())
    _, second = start(LogSettings(format="json"))
    logging.getLogger("renderer").info("once")

    assert first() == []
    assert len(second()) == 1


def test_a_line_can_be_written_as_it_is(start: Started) -> None:
    """Embedded metrics are JSON whatever the format and the level are."""
    log, lines = start(LogSettings(level="error"))
    log.write('{"a":1}')

    assert lines() == ['{"a":1}']


def test_a_record_that_cannot_be_written_does_no_harm(start: Started, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong log call shows up on standard error and nowhere else."""
    log, lines = start(LogSettings())
    log.output.handle(logging.makeLogRecord({"name": "renderer", "msg": "%d", "args": ("x",), "levelno": 30}))
    log.output.handle(logging.makeLogRecord({"name": "renderer", "msg": "fine", "levelno": 30}))

    assert [line.partition("msg=")[2] for line in lines()] == ['"fine"']
    assert "a real number is required" in capsys.readouterr().err


def test_memory_in_use_is_logged_for_debugging(start: Started) -> None:
    """`IMGPROXY_LOG_MEM_STATS`: MiB."""
    _, lines = start(LogSettings(level="debug", format="json"))
    log_memory(VITALS)

    process, vips = (json.loads(line) for line in lines())
    assert process["resident"] > 0
    assert (vips["level"], vips["cur"], vips["max"], vips["allocs"]) == ("DEBUG", 5, 7, 3)
