"""The four shapes of a log line: pretty, structured, json, gcp (spec 03 section 7.5).

A line has time, level, message, the fields in the order they were given, and at the end `error`, `error_docs_url`,
`source` and `stack`. Fields come with `extra=fields(...)`; a record's exception becomes `error` and `stack`.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import operator
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from renderer.telemetry.durations import Duration
from renderer.telemetry.pairs import Lasting, members_of, pairs_text, text_of
from renderer.telemetry.quoting import go_number, quoted_if_needed, unbroken, without_invisible

SPECIAL: Final = ("error", "error_docs_url", "source", "stack")
_SPECIAL: Final = frozenset(SPECIAL)
_SOURCES: Final = {"aiohttp": "http_server", "pyvips": "VIPS", "renderer": "", "bildwerk": "", "root": ""}
"""Who speaks, by the first part of the logger's name; others go by their own."""

_LEVELS: Final = ((logging.CRITICAL, "CRITICAL"), (logging.ERROR, "ERROR"), (logging.WARNING, "WARNING"))
_TAGS: Final = {
    "DEBUG": ("DBG", "34"),
    "INFO": ("INF", "32"),
    "WARNING": ("WRN", "33"),
    "ERROR": ("ERR", "31"),
    "CRITICAL": ("CRT", "31"),
}
_AS_JSON: Final[frozenset[type]] = frozenset({str, int, bool})
_LEFT_OUT: Final = object()
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def fields(**values: object) -> dict[str, Mapping[str, object]]:
    """Fields for a log call: `_log.info("Fetched", extra=fields(bytes=5))`. A mapping is a group, `Duration` a time."""
    return {"fields": values}


def line_formatter(name: str) -> LineFormatter:
    """The formatter that `IMGPROXY_LOG_FORMAT` names."""
    return {"pretty": Pretty, "structured": Structured, "json": JSONLines, "gcp": GoogleCloud}[name]()


class Entry(Struct):
    """What a line says: at which level, when in Unix time, the fields in order, and those that go to its end.

    The access log makes entries itself: a `logging` record costs more than the line.
    """

    level: int
    created: float
    message: str
    ordinary: Mapping[str, object]
    special: Mapping[str, object]


class LineFormatter(logging.Formatter):
    """A record as one text; it is written once, however many handlers ask."""

    time_format = "%Y-%m-%d %H:%M:%S"

    def __init__(self) -> None:
        super().__init__()
        # Of lines that come together the second is the same; threads share the formatter.
        self._time: Final = functools.lru_cache(maxsize=4)(self._time_text)

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, without a line end."""
        written: tuple[LineFormatter, str] | None = record.__dict__.get("written")
        if written is None or written[0] is not self:
            written = record.__dict__["written"] = (self, self.line(_entry(record)))
        return written[1]

    def line(self, entry: Entry) -> str:
        """The entry's line, without a line end."""
        raise NotImplementedError

    def _time_text(self, second: int) -> str:
        return time.strftime(self.time_format, time.localtime(second))


class Pretty(LineFormatter):
    """For people at a terminal: colors, quotes where needed, the stack on lines of its own."""

    def line(self, entry: Entry) -> str:
        """Time, tag, message and fields; a stack below."""
        tag, color = _TAGS[_level(entry.level)]
        special = dict(entry.special)
        stack = special.pop("stack", None)
        parts = [f"{self._time(int(entry.created))} \x1b[1;{color}m[{tag}]\x1b[0m {unbroken(entry.message)}"]
        parts += _pretty_pairs(entry.ordinary, color)
        parts += _pretty_pairs(special, color)
        line = " ".join(parts)
        if stack is None:
            return line
        # Indented, so that no text inside an exception can pass for a line of the log.
        return f"{line}\n\x1b[2m" + "\n".join(f"  {unbroken(row)}" for row in str(stack).splitlines()) + "\x1b[0m"


def _pretty_pairs(pairs: Mapping[str, object], color: str) -> Iterator[str]:
    for key, value in pairs.items():
        head = f"\x1b[{color}m{_key(key)}\x1b[0m="
        group = members_of(value)
        if group is None:
            yield head + text_of(value, quoted_if_needed)
        elif group:
            yield " ".join((head + "{", *_pretty_pairs(group, color), "}"))


class Structured(LineFormatter):
    """`key=value` pairs: text always quoted, groups flattened with dots."""

    def line(self, entry: Entry) -> str:
        """Time, level, message and fields, each under its key."""
        ordinary, special = entry.ordinary, entry.special
        return pairs_text(
            "",
            ("time", "level", "msg", *ordinary, *special),
            (
                self._time(int(entry.created)),
                _level(entry.level),
                entry.message,
                *ordinary.values(),
                *special.values(),
            ),
        )


class JSONLines(LineFormatter):
    """An object on a line; groups are objects, durations whole nanoseconds."""

    level_key, message_key = "level", "msg"

    def _time_text(self, second: int) -> str:
        text = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(second))
        return f"{text[:-5]}Z" if text.endswith("+0000") else f"{text[:-2]}:{text[-2:]}"

    def line(self, entry: Entry) -> str:
        """Time, level, message and fields as members."""
        shown: dict[str, object] = {
            "time": self._time(int(entry.created)),
            self.level_key: _level(entry.level),
            self.message_key: entry.message,
        }
        return without_invisible(_encode(shown | _json_object(entry.ordinary) | _json_object(entry.special)))


class GoogleCloud(JSONLines):
    """JSON with the names that Google Cloud's log reads."""

    level_key, message_key = "severity", "message"


@functools.lru_cache(maxsize=64)
def _level(level: int) -> str:
    for bound, name in _LEVELS:
        if level >= bound:
            return name
    return "INFO" if level >= logging.INFO else "DEBUG"


def _entry(record: logging.LogRecord) -> Entry:
    """What a record says."""
    ordinary, special = _divided(record.__dict__.get("fields") or {})
    origin = record.name.partition(".")[0]
    source = _SOURCES.get(origin, origin)
    if source or record.exc_info or record.stack_info:
        special = _with_exception(record, {"source": source, **special} if source else special)
    return Entry(record.levelno, record.created, record.getMessage(), ordinary, special)


def _divided(fields: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The fields in order, and those that go to the end."""
    if _SPECIAL.isdisjoint(fields):
        return fields, {}
    special = {key: fields[key] for key in SPECIAL if key in fields}
    return {key: value for key, value in fields.items() if key not in _SPECIAL}, special


def _with_exception(record: logging.LogRecord, special: Mapping[str, object]) -> Mapping[str, object]:
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        special = {"error": f"{type(error).__name__}: {error}", "stack": stack_text(error), **special}
    elif record.stack_info:
        special = {"stack": record.stack_info, **special}
    return {key: special[key] for key in SPECIAL if key in special}


def stack_text(error: BaseException) -> str:
    """The traceback of an exception and of its causes."""
    return "".join(traceback.format_exception(error)).rstrip()


_key: Final = functools.lru_cache(maxsize=1024)(quoted_if_needed)
"""Names of fields come from our own code and are few."""


def _json_object(pairs: Mapping[str, object]) -> dict[str, object]:
    writers = _json_writers(tuple(map(type, pairs.values())))
    if writers is None:
        return dict(pairs)
    shown = dict(zip(pairs, map(operator.call, writers, pairs.values()), strict=True))
    if _LEFT_OUT in shown.values():
        return {key: value for key, value in shown.items() if value is not _LEFT_OUT}
    return shown


@functools.lru_cache(maxsize=256)
def _json_writers(kinds: tuple[type, ...]) -> tuple[Callable[[Any], object], ...] | None:
    """What makes JSON of each value of an object; None where each is JSON as it is."""
    return None if _AS_JSON.issuperset(kinds) else tuple(_JSON_WRITERS.get(kind, _json_member) for kind in kinds)


def _json_group(value: Mapping[str, object]) -> object:
    return _json_object(value) if value else _LEFT_OUT


_JSON_WRITERS: Final[Mapping[type, Callable[[Any], object]]] = {
    **{kind: kind for kind in _AS_JSON},
    Duration: operator.attrgetter("nanoseconds"),
    dict: _json_group,
    Lasting: _json_group,
}


def _json_member(value: object) -> object:
    # A group without members is left out, as in the other formats.
    return _json_value(value) if value or members_of(value) is None else _LEFT_OUT


def _json_value(value: object) -> Any:  # noqa: ANN401  JSON leaves here
    if value is None or type(value) in _AS_JSON:
        return value
    if isinstance(value, Duration):
        return value.nanoseconds
    if isinstance(value, float):
        return _json_number(value)
    group = members_of(value)
    if group is not None:
        return _json_object(group)
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return _json_value(value.value) if isinstance(value, Enum) else str(value)


def _json_number(value: float) -> float | str:
    if not math.isfinite(value):
        return go_number(value)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value
