"""A line of an access log -> the target of the GET request that it tells of.

Read are plain lists of paths or URLs, the log lines of imgproxy and of this server in each of their formats, request
lines as nginx, Apache and load balancers quote them, JSON under the usual names, and CloudFront's tables. A target
comes out as it was sent, signature and escapes untouched; what cannot be sent again is no target.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

MAX_LINE_BYTES: Final = 262_144
"""Longer lines are passed over; load balancers and CDNs end a request line at 8 to 64 KiB."""

_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")
_ORIGIN: Final = re.compile(r"\Ahttps?://[^/?#]*", re.IGNORECASE)
_SENT: Final = re.compile(r"(?:/|https?://)\S*", re.IGNORECASE)
_UNSENDABLE: Final = re.compile(r"[\x00-\x20\x7f#\ud800-\udfff]")
_PICTURE: Final = re.compile(r"/[^/?]+/+[^/?]")
"""A signature and something to show; `/`, `/health` and `/metrics` are no pictures."""

_QUOTED_MESSAGE: Final = re.compile(r'\bmsg=("(?:[^"\\]|\\.)*+")')
_MESSAGE: Final = re.compile(r"\b(?:Started|Completed in \S+) ((?:/|https?://)\S*)")
_MESSAGE_METHOD: Final = re.compile(r'\bmethod="?([A-Z]+)\b')
_REQUEST_LINE: Final = re.compile(r"(?<![A-Za-z])([A-Z]+) ((?:/|https?://)\S*) HTTP/[0-9]")
_NGINX_ESCAPE: Final = re.compile(r"\\x([0-9A-F]{2})")

_JSON_TEXTS: Final = ("msg", "message", "request", "request_line", "requestLine")
_JSON_METHODS: Final = ("method", "request_method", "requestMethod", "cs-method")
_JSON_TARGETS: Final = ("request_uri", "requestUri", "requestUrl", "uri", "url", "path", "target", "cs-uri-stem")
_CLOUDFRONT_COLUMNS: Final = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status"),
    *("cs(Referer)", "cs(User-Agent)", "cs-uri-query"),
)
_METHODS: Final = ("GET", "HEAD")
_TOO_LONG: Final = "(a line that is too long)"


@dataclass(slots=True, kw_only=True)
class Targets:
    """The targets of a log, each once, in the order of their first lines.

    `unread` counts lines that tell of no picture that could be asked for again; `is_cut` says that there were more
    targets than wanted.
    """

    targets: list[str] = field(default_factory=list)
    unread: int = 0
    is_cut: bool = False


def read_targets(log: BinaryIO, limit: int, is_chosen: Callable[[str], bool]) -> Targets:
    """The targets in a log, in memory that the limit bounds.

    Args:
        log: read line by line, and no further than to the first target too many.
        limit: how many different targets are wanted.
        is_chosen: whether a target belongs to the sample.
    """
    found = Targets()
    # A dict is a set that keeps its order.
    seen: dict[str, None] = {}
    columns: Sequence[str] = _CLOUDFRONT_COLUMNS
    for line in _lines(log):
        if line.startswith("#Fields:"):
            columns = line.split()[1:]
        if not line or line.startswith("#"):
            continue
        target = request_target(line, columns)
        if target is None:
            found.unread += 1
        elif target not in seen and is_chosen(target):
            if len(seen) == limit:
                found.is_cut = True
                break
            seen[target] = None
    found.targets += seen
    return found


def _lines(log: BinaryIO) -> Iterator[str]:
    while line := log.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line.decode("utf-8", "surrogateescape").strip()
            continue
        while line and not line.endswith(b"\n"):
            line = log.readline(MAX_LINE_BYTES)
        yield _TOO_LONG


def request_target(line: str, columns: Sequence[str] = _CLOUDFRONT_COLUMNS) -> str | None:
    """The target that a line of a log tells of, or None: another method, no request, or nothing that can be sent.

    Args:
        line: without its end.
        columns: what the fields of a line with tabs are.
    """
    line = _COLOR.sub("", line)
    found = _json_target(line) if line.startswith("{") else _text_target(line, columns)
    if found is None:
        return None
    target = _ORIGIN.sub("", found)
    return target if _PICTURE.match(target) and not _UNSENDABLE.search(target) else None


def _text_target(line: str, columns: Sequence[str]) -> str | None:
    quoted = _QUOTED_MESSAGE.search(line)
    message = _MESSAGE.search(_unquoted(quoted[1]) if quoted else line)
    if message is not None:
        method = _MESSAGE_METHOD.search(line)
        return message[1] if method is None or method[1] in _METHODS else None
    if quoted is not None or " HTTP/" in line:
        return _requested(line)
    fields = dict(zip(columns, line.split("\t"), strict=False))
    if fields.get("cs-method", "").isupper():
        return _table_target(fields)
    return next((word for word in line.split() if _SENT.fullmatch(word)), None)


def _unquoted(text: str) -> str:
    """What a quoted text says; Go's escapes that JSON does not know stay."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


def _requested(text: str) -> str | None:
    """The target in a request line."""
    request = _REQUEST_LINE.search(text)
    if request is None or request[1] not in _METHODS:
        return None
    if "\\x" not in request[2]:
        return request[2]
    sent = _NGINX_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), request[2])
    try:
        # One escape is one byte; where another character stands beside them, they were no escapes.
        return sent.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None


def _table_target(fields: Mapping[str, str]) -> str | None:
    if fields.get("cs-method") not in _METHODS:
        return None
    stem, query = fields.get("cs-uri-stem"), fields.get("cs-uri-query", "-")
    return stem if stem is None or query == "-" else f"{stem}?{query}"


def _json_target(line: str) -> str | None:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    nested = record.get("httpRequest")
    fields = {name: value for name, value in record.items() if isinstance(value, str)}
    if isinstance(nested, dict):
        fields |= {name: value for name, value in nested.items() if isinstance(value, str)}
    if any(fields.get(name, "GET") not in _METHODS for name in _JSON_METHODS):
        return None
    if "cs-uri-stem" in fields:
        return _table_target({"cs-method": "GET", **fields})
    for text in (fields[name] for name in _JSON_TEXTS if name in fields):
        message = _MESSAGE.search(text)
        target = message[1] if message else _requested(text)
        if target is not None:
            return target
    return next((fields[name] for name in _JSON_TARGETS if _SENT.fullmatch(fields.get(name, ""))), None)
