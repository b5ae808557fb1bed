"""The four shapes of a log line: pretty, structured, json, gcp (spec 03 section 7.5).

A line has time, level, message, the fields in the order they were given, and at the end `error`, `error_docs_url`,
`source` and `stack`. Fields come with `extra=fields(...)`; a record's exception becomes `error` and `stack`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import math
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from renderer.telemetry.durations import Duration, go_duration
from renderer.telemetry.quoting import go_number, quoted, quoted_if_needed, unbroken, without_invisible

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
_AS_JSON: Final = frozenset({str, int, bool})
_SIMPLE: Final = _AS_JSON | {float, Duration}
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def fields(**values: object) -> dict[str, Mapping[str, object]]:
    """Fields for a log call: `_log.info("Fetched", extra=fields(bytes=5))`. A mapping is a group, `Duration` a time."""
    return {"fields": values}


class Lasting(dict[str, Any]):
    """A group that many lines have, such as the options of a URL that comes again; how it is written stays with it.

    It must not change. `written` is its text as `Structured` writes it, after what its names begin with.
    """

    __slots__ = ("written",)

    def __init__(self, *args: Any, **values: Any) -> None:  # noqa: ANN401  as `dict` takes them
        super().__init__(*args, **values)
        self.written: tuple[str, str] | None = None


def line_formatter(name: str) -> LineFormatter:
    """The formatter that `IMGPROXY_LOG_FORMAT` names."""
    return {"pretty": Pretty, "structured": Structured, "json": JSONLines, "gcp": GoogleCloud}[name]()


@dataclass(slots=True)
class Entry:
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
        self._second: tuple[int, str] = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, without a line end."""
        written: tuple[LineFormatter, str] | None = record.__dict__.get("written")
        if written is None or written[0] is not self:
            written = record.__dict__["written"] = (self, self.line(_entry(record)))
        return written[1]

    def line(self, entry: Entry) -> str:
        """The entry's line, without a line end."""
        raise NotImplementedError

    def _time(self, entry: Entry) -> str:
        second = int(entry.created)
        known = self._second  # read once: threads share the formatter
        if known[0] != second:
            known = self._second = (second, self._time_text(second))
        return known[1]

    def _time_text(self, second: int) -> str:
        return time.strftime(self.time_format, time.localtime(second))


class Pretty(LineFormatter):
    """For people at a terminal: colors, quotes where needed, the stack on lines of its own."""

    def line(self, entry: Entry) -> str:
        """Time, tag, message and fields; a stack below."""
        tag, color = _TAGS[_level(entry.level)]
        special = dict(entry.special)
        stack = special.pop("stack", None)
        parts = [f"{self._time(entry)} \x1b[1;{color}m[{tag}]\x1b[0m {unbroken(entry.message)}"]
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
        group = _group(value)
        if group is None:
            yield head + _text(value, quoted_if_needed)
        elif group:
            yield " ".join((head + "{", *_pretty_pairs(group, color), "}"))


class Structured(LineFormatter):
    """`key=value` pairs: text always quoted, groups flattened with dots."""

    def line(self, entry: Entry) -> str:
        """Time, level, message and fields, each under its key."""
        parts = [f'time="{self._time(entry)}" level="{_level(entry.level)}" msg={quoted(entry.message)}']
        _add_structured(parts, entry.ordinary, "")
        _add_structured(parts, entry.special, "")
        return " ".join(parts)


def _add_structured(parts: list[str], pairs: Mapping[str, object], prefix: str) -> None:
    for key, value in pairs.items():
        # Texts and numbers first: they are nearly all that there is.
        kind = type(value)
        if kind is str:
            parts.append(f"{_key(prefix + key)}={quoted(value)}")  # type: ignore[arg-type]  # mypy does not narrow by type()
        elif kind is int:
            parts.append(f"{_key(prefix + key)}={value}")
        elif (group := _group(value)) is None:
            parts.append(f"{_key(prefix + key)}={_text(value, quoted)}")
        elif kind is Lasting:
            _add_lasting(parts, value, f"{prefix}{key}.")  # type: ignore[arg-type]  # as above
        else:
            _add_structured(parts, group, f"{prefix}{key}.")


def _add_lasting(parts: list[str], group: Lasting, prefix: str) -> None:
    written = group.written
    if written is None or written[0] != prefix:
        members: list[str] = []
        _add_structured(members, group, prefix)
        written = group.written = (prefix, " ".join(members))
    if written[1]:
        parts.append(written[1])


class JSONLines(LineFormatter):
    """An object on a line; groups are objects, durations whole nanoseconds."""

    level_key, message_key = "level", "msg"

    def _time_text(self, second: int) -> str:
        text = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(second))
        return f"{text[:-5]}Z" if text.endswith("+0000") else f"{text[:-2]}:{text[-2:]}"

    def line(self, entry: Entry) -> str:
        """Time, level, message and fields as members."""
        shown: dict[str, object] = {
            "time": self._time(entry),
            self.level_key: _level(entry.level),
            self.message_key: entry.message,
        }
        return without_invisible(_encode(shown | _json_object(entry.ordinary) | _json_object(entry.special)))


class GoogleCloud(JSONLines):
    """JSON with the names that Google Cloud's log reads."""

    level_key, message_key = "severity", "message"


def _level(level: int) -> str:
    if level == logging.INFO:
        return "INFO"
    for bound, name in _LEVELS:
        if level >= bound:
            return name
    return "INFO" if level > logging.INFO else "DEBUG"


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


def _group(value: object) -> Mapping[str, object] | None:
    """The members of a value that is a group, else None."""
    # Exact types first: asking an abstract class costs more than writing the value.
    kind = type(value)
    if kind is dict or kind is Lasting:
        return value  # type: ignore[return-value]  # mypy does not narrow by type()
    if kind in _SIMPLE:
        return None
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _text(value: object, quote: Callable[[str], str]) -> str:
    """A value in a text format; numbers and booleans are never quoted."""
    kind = type(value)
    if kind is str:
        return quote(value)  # type: ignore[arg-type]  # mypy does not narrow by type()
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, Duration):
        return quote(go_duration(value))
    return go_number(value) if isinstance(value, float) else quote(_bare(value))


def _bare(value: object) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, Enum):
        return _text(value.value, str)
    if isinstance(value, list | tuple):
        return f"[{' '.join(_text(item, str) for item in value)}]"
    return str(value)


def _json_object(pairs: Mapping[str, object]) -> dict[str, object]:
    # A group without members is left out, as in the other formats.
    return {key: _json_value(value) for key, value in pairs.items() if value or _group(value) is None}


def _json_value(value: object) -> Any:  # noqa: ANN401  JSON leaves here
    if value is None or type(value) in _AS_JSON:
        return value
    if isinstance(value, Duration):
        return value.nanoseconds
    if isinstance(value, float):
        return _json_number(value)
    group = _group(value)
    if group is not None:
        return _json_object(group)
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return _json_value(value.value) if isinstance(value, Enum) else str(value)


def _json_number(value: float) -> float | str:
    if not math.isfinite(value):
        return go_number(value)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value
