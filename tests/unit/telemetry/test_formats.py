"""The four formats of a log line (spec 03 section 7.5)."""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from renderer.telemetry.durations import Duration
from renderer.telemetry.formats import fields, line_formatter
from renderer.telemetry.pairs import Lasting

MOMENT = time.mktime((2026, 11, 23, 13, 14, 7, 0, 0, -1))
ALL = ["pretty", "structured", "json", "gcp"]
NEEDS_CARE = ["\n", "\r", "\x1b[2J", "\x00", "\x7f", "\x9b31m", "\u2028", "\u0085", "\u202e", "\udcff", "\v", "\t"]


class Gravity(Enum):
    """A value that is a name."""

    CENTER = "ce"


@dataclass(frozen=True)
class Point:
    """A value with members."""

    x: float
    y: float


def line(
    format: str, message: str = "Hello", *, level: int = logging.INFO, name: str = "renderer.app", **values: object
) -> str:
    """The line of a record."""
    record = logging.makeLogRecord({"name": name, "msg": message, "levelno": level, "created": MOMENT})
    record.__dict__.update(fields(**values))
    return line_formatter(format).format(record)


def plain(text: str) -> str:
    """The text without colors."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def int_of(text: str) -> int:
    """Fails with the text in its message."""
    raise ValueError(text)


FIELDS: dict[str, Any] = {
    "error": 'it broke: "now"',
    "request_id": "abc-1",
    "status": 404,
    "is_new": True,
    "ratio": 0.25,
    "scale": 2.0,
    "took": Duration(0.00423),
    "stack": "one\ntwo",
    "source": "VIPS",
    "nothing": None,
    "parts": ["a", 1],
    "gravity": Gravity.CENTER,
    "empty": {},
    "processing_options": {"width": 50, "resize": {"type": "fit"}, "focus": Point(0.5, 1.0)},
    "error_docs_url": "https://docs.test/x",
}


def test_pretty_is_for_people() -> None:
    """Quotes where needed, groups in braces, the special fields last, the stack on lines of its own."""
    assert plain(line("pretty", level=logging.WARNING, **FIELDS)) == (
        "2026-11-23 13:14:07 [WRN] Hello request_id=abc-1 status=404 is_new=true ratio=0.25 scale=2 took=4.23ms"
        ' nothing=<nil> parts="[a 1]" gravity=ce processing_options={ width=50 resize={ type=fit }'
        ' focus={ x=0.5 y=1 } } error="it broke: \\"now\\"" error_docs_url="https://docs.test/x" source=VIPS\n'
        "  one\n"
        "  two"
    )


def test_structured_is_pairs() -> None:
    """All text quoted, numbers and booleans bare, groups flattened with dots."""
    assert line("structured", level=logging.WARNING, **FIELDS) == (
        'time="2026-11-23 13:14:07" level="WARNING" msg="Hello" request_id="abc-1" status=404 is_new=true ratio=0.25'
        ' scale=2 took="4.23ms" nothing="<nil>" parts="[a 1]" gravity="ce" processing_options.width=50'
        ' processing_options.resize.type="fit" processing_options.focus.x=0.5 processing_options.focus.y=1'
        ' error="it broke: \\"now\\"" error_docs_url="https://docs.test/x" source="VIPS" stack="one\\ntwo"'
    )


@pytest.mark.parametrize(
    ("format", "level_key", "message_key"), [("json", "level", "msg"), ("gcp", "severity", "message")]
)
def test_json_is_one_object_with_the_same_fields(format: str, level_key: str, message_key: str) -> None:
    """Order is kept, durations are nanoseconds, groups are objects."""
    text = line(format, level=logging.WARNING, **FIELDS)

    read = json.loads(text)
    assert re.fullmatch(r"2026-11-23T13:14:07(Z|[+-]\d\d:\d\d)", read.pop("time"))
    assert read == {
        level_key: "WARNING",
        message_key: "Hello",
        "request_id": "abc-1",
        "status": 404,
        "is_new": True,
        "ratio": 0.25,
        "scale": 2,
        "took": 4_230_000,
        "nothing": None,
        "parts": ["a", 1],
        "gravity": "ce",
        "processing_options": {"width": 50, "resize": {"type": "fit"}, "focus": {"x": 0.5, "y": 1}},
        "error": 'it broke: "now"',
        "error_docs_url": "https://docs.test/x",
        "source": "VIPS",
        "stack": "one\ntwo",
    }
    assert list(read)[-4:] == ["error", "error_docs_url", "source", "stack"]


@pytest.mark.parametrize(
    ("level", "name", "tag", "color"),
    [
        (logging.DEBUG, "DEBUG", "DBG", "34"),
        (logging.INFO, "INFO", "INF", "32"),
        (logging.WARNING, "WARNING", "WRN", "33"),
        (logging.ERROR, "ERROR", "ERR", "31"),
        (logging.CRITICAL, "CRITICAL", "CRT", "31"),
        (5, "DEBUG", "DBG", "34"),
        (25, "INFO", "INF", "32"),
    ],
)
def test_levels_have_imgproxys_names_and_colors(level: int, name: str, tag: str, color: str) -> None:
    """Levels between the known ones count as the one below."""
    assert f'level="{name}"' in line("structured", level=level)
    assert line("pretty", level=level, a=1) == (
        f"2026-11-23 13:14:07 \x1b[1;{color}m[{tag}]\x1b[0m Hello \x1b[{color}ma\x1b[0m=1"
    )


@pytest.mark.parametrize("format", ALL)
@pytest.mark.parametrize("bad", NEEDS_CARE)
def test_nothing_in_a_url_ends_the_line_or_reaches_the_terminal(format: str, bad: str) -> None:
    """Control characters, line ends, bidirectional marks and undecodable bytes in message, value, key and group."""
    text = plain(line(format, f"Started /{bad}[INF] fake", image_url=f"a{bad}b", **{f"k{bad}": {f"g{bad}": 1}}))

    shown = text.encode("utf-8", "replace").decode()
    # JSON may carry what only looks strange; no terminal obeys it and no reader of lines breaks there.
    allowed = "\u202e\udcff" if format in {"json", "gcp"} else ""
    assert bad not in shown or bad in allowed
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("100% %s %(a)s", "100% %s %(a)s"),
        ("23.5µs é ÿ", "23.5µs é ÿ"),
        ("Ж 中", "Ж 中"),
        ("\xa0\xad", "\\u00a0\\u00ad"),
        ('" b="c', '\\" b=\\"c'),
        ("\\", "\\\\"),
    ],
)
def test_one_text_of_a_structured_line_does_not_change_the_others(text: str, shown: str) -> None:
    """What has to be escaped is, wherever it stands; all else stays as it is."""
    others: dict[str, Any] = {"%s": "x%d", "n": 1, "took": Duration(0.5), "is_new": False}
    rest = '%s="x%d" n=1 took="500ms" is_new=false'

    assert line("structured", a=text, **others).partition('msg="Hello" ')[2] == f'a="{shown}" {rest}'
    assert line("structured", g={"a": text, **others}).partition('msg="Hello" ')[2] == (
        f'g.a="{shown}" ' + " ".join(f"g.{pair}" for pair in rest.split())
    )
    assert line("structured", text, n=1).partition(" msg=")[2] == f'"{shown}" n=1'


@pytest.mark.parametrize("format", ALL)
def test_fields_of_the_same_names_are_shown_by_what_they_are(format: str) -> None:
    """One line's kinds of values are not those of the next; what equals another need not look like it."""
    formatter = line_formatter(format)
    texts = []
    values: list[object] = [1, True, 1.0, Duration(1.0), "1", Lasting(b=1), {}, Lasting(), 1]
    for value in values:
        record = logging.makeLogRecord({"name": "renderer", "msg": "m", "levelno": 20, "created": MOMENT})
        record.__dict__.update(fields(a=value, z=0))
        texts.append(plain(formatter.format(record)))

    shown = {
        "structured": ["a=1 ", "a=true ", "a=1 ", 'a="1s" ', 'a="1" ', "a.b=1 ", "", "", "a=1 "],
        "pretty": ["a=1 ", "a=true ", "a=1 ", "a=1s ", "a=1 ", "a={ b=1 } ", "", "", "a=1 "],
    }.get(format, ['"a":1,', '"a":true,', '"a":1,', '"a":1000000000,', '"a":"1",', '"a":{"b":1},', "", "", '"a":1,'])
    ends = {"structured": ' msg="m" ', "pretty": "[INF] m "}.get(format, '"m",')
    assert [text.partition(ends)[2].removesuffix("z=0").removesuffix('"z":0}') for text in texts] == shown


def test_a_group_that_lasts_is_shown_under_each_name() -> None:
    """Though it keeps how it was written."""
    options = Lasting(width=5)

    text = line("structured", a=options, b=options, c={"a": options})
    assert text.endswith(" a.width=5 b.width=5 c.a.width=5")


@pytest.mark.parametrize("format", ALL)
def test_an_exception_becomes_error_and_stack(format: str) -> None:
    """`_log.exception` says what and where in every format, and a fake line in its text is indented."""
    with pytest.raises(ValueError, match="bad") as raised:
        int_of("bad\n2026-11-23 13:14:07 [INF] fake")
    record = logging.makeLogRecord({"name": "renderer.x", "msg": "%s failed", "args": ("It",), "levelno": 40})
    record.exc_info = (raised.type, raised.value, raised.tb)

    text = plain(line_formatter(format).format(record))

    assert "It failed" in text
    assert "ValueError: bad" in text
    assert "test_formats.py" in text
    assert not any(row.startswith("2026") for row in text.splitlines()[1:])


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("aiohttp.server", "http_server"),
        ("pyvips.voperation", "VIPS"),
        ("botocore.x", "botocore"),
        ("renderer.app", ""),
    ],
)
def test_lines_of_others_say_whose_they_are(name: str, source: str) -> None:
    """`source` is imgproxy's word for the HTTP server and libvips; our own lines have none."""
    assert line("structured", name=name).endswith(f' source="{source}"' if source else ' msg="Hello"')


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e22, 1e-7])
def test_every_number_stays_json(value: float) -> None:
    """JSON knows neither NaN nor infinity."""
    json.loads(line("json", value=value), parse_constant=pytest.fail)


def test_a_line_is_written_once_for_all_handlers() -> None:
    """Standard output, syslog and OpenTelemetry share the text."""
    formatter = line_formatter("json")
    record = logging.makeLogRecord({"name": "renderer", "msg": "x", "levelno": 20})

    assert formatter.format(record) is formatter.format(record)
    assert line_formatter("structured").format(record).startswith("time=")
