"""Where log records go: standard output and syslog, through writers that never hold up who logs.

Everybody logs with `logging.getLogger(__name__)`, and fields with `extra=fields(...)`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from renderer.settings.monitoring import LogSettings
from renderer.telemetry.formats import Entry, LineFormatter, fields, line_formatter
from renderer.telemetry.late_line import LateLine
from renderer.telemetry.log_writer import Line, LineWriter, StreamSink
from renderer.telemetry.observation import Vitals
from renderer.telemetry.process_figures import process_figures
from renderer.telemetry.syslog import SyslogSink

_log = logging.getLogger(__name__)
_root: Final = logging.getLogger()

OWN: Final = ("renderer", "bildwerk")
"""Our loggers. Others are heard from `info` on: their debugging shows headers and credentials."""

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "crit": logging.CRITICAL,
}


class LineHandler(logging.Handler):
    """Records to lines, lines to a writer."""

    def __init__(self, writer: LineWriter, formatter: LineFormatter, level: int) -> None:
        super().__init__(level)
        self.writer = writer
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Queues the record's line."""
        try:
            self.writer.write(Line(record.levelno, self.format(record)))
        except Exception:  # noqa: BLE001  whatever is wrong with a record, it is not the fault of who logs
            self.handleError(record)

    def flush(self) -> None:
        """Waits a little for the lines to be written."""
        self.writer.flush()

    def close(self) -> None:
        """Writes what waits."""
        self.writer.close()
        super().close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log of this process, once it is set up."""

    formatter: LineFormatter
    handlers: list[LineHandler]

    @property
    def output(self) -> LineHandler:
        """The handler of standard output, the first of all."""
        return self.handlers[0]

    def tell(self, level: int, size: int, entry: Callable[..., Entry], values: tuple[Any, ...]) -> bool:
        """Writes a `LateLine` where its level is heard; not if others listen too, who need a record. Says whether."""
        handlers = self.handlers
        if _root.handlers != handlers:
            return False
        line = LateLine(level, size, self.formatter, entry, values)
        for handler in handlers:
            if level >= handler.level:
                handler.writer.write(line)
        return True

    def write(self, text: str) -> None:
        """Writes a line to standard output as it is, whatever the format and level are."""
        self.output.writer.write(Line(logging.INFO, text))

    def close(self) -> None:
        """Writes what waits and takes the handlers away."""
        for handler in self.handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()


def configure(settings: LogSettings, *, descriptor: int = 1) -> Log:
    """Sets up logging for this process; what an earlier call set up is closed. A forked process calls it again.

    Args:
        settings: format, levels and syslog.
        descriptor: where lines go, standard output.

    Raises:
        ConfigurationError: syslog cannot be reached.
    """
    formatter = line_formatter(settings.format or ("pretty" if os.isatty(descriptor) else "structured"))
    level = _LEVELS[settings.level]
    syslog_level = _LEVELS[settings.syslog_level or settings.level]

    def drop_notice(count: int) -> Line:
        record = logging.LogRecord(
            __name__, logging.WARNING, __file__, 0, "The log is slower than what is logged: lines are missing", (), None
        )
        record.__dict__.update(fields(dropped_lines=count))
        return Line(logging.WARNING, formatter.format(record))

    handlers = [LineHandler(LineWriter(StreamSink(descriptor), drop_notice), formatter, level)]
    if settings.syslog_enabled:
        handlers.append(LineHandler(LineWriter(SyslogSink(settings), drop_notice), formatter, syslog_level))
    _install(handlers)
    return Log(formatter=formatter, handlers=handlers)


def _install(handlers: Sequence[LineHandler]) -> None:
    root = logging.getLogger()
    for earlier in [handler for handler in root.handlers if isinstance(handler, LineHandler)]:
        root.removeHandler(earlier)
        earlier.close()
    for handler in handlers:
        root.addHandler(handler)
    lowest = min(handler.level for handler in handlers)
    root.setLevel(max(lowest, logging.INFO))
    for name in OWN:
        logging.getLogger(name).setLevel(lowest)
    # pyvips tells of every thread that libvips starts and ends.
    logging.getLogger("pyvips").setLevel(max(lowest, logging.WARNING))
    # No line shows these, and each costs every record a look-up (`logging`'s own documentation, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def log_memory(vitals: Vitals) -> None:
    """Says at level `debug` how much memory is in use, in MiB, as `IMGPROXY_LOG_MEM_STATS` asks."""
    if not _log.isEnabledFor(logging.DEBUG):
        return
    mebibyte = 1024 * 1024
    process = process_figures(time.time())
    if process is not None:
        _log.debug(
            "PROCESS MEMORY USAGE",
            extra=fields(
                resident=process.resident_bytes // mebibyte,
                virtual=process.virtual_bytes // mebibyte,
            ),
        )
    _log.debug(
        "VIPS MEMORY USAGE",
        extra=fields(
            cur=vitals.vips_memory_bytes // mebibyte,
            max=vitals.vips_max_memory_bytes // mebibyte,
            allocs=vitals.vips_allocs,
        ),
    )
