"""Settings of headers that go to sources and come back from them (spec 03 section 1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from renderer.settings.declare import Reader, setting
from renderer.settings.readers import TEXT

FRAMING_HEADERS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of one connection or one message, which nobody may choose for another (RFC 9110 sections 7.6.1 and 8.6)."""

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\uffff]*")


def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is no header name")
    if name.lower() in FRAMING_HEADERS:
        raise ValueError(f"{name} belongs to the connection")


def _read_names(text: str) -> tuple[str, ...]:
    names = tuple(name for item in text.split(",") if (name := item.strip()))
    for name in names:
        _check_name(name)
    return names


def _read_name(text: str) -> str:
    name = text.strip()
    if name:
        _check_name(name)
    return name


def _read_value(text: str) -> str:
    if not _VALUE.fullmatch(text):
        raise ValueError("a character that no header may have")
    return text


HEADER_NAMES: Final = Reader(expected="a comma-separated list of header names", read=_read_names)
HEADER_NAME: Final = Reader(expected="a header name, or nothing", read=_read_name)
HEADER_VALUE: Final = Reader(expected="text without control characters", read=_read_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderSettings:
    """Headers that are added or passed on."""

    custom_request_text: str = setting(
        "IMGPROXY_CUSTOM_REQUEST_HEADERS",
        read=TEXT,
        default="",
        secret=True,
        doc="`Name=Value` headers for requests to http(s) sources, `Host` allowed. They win over passed-through ones.",
    )
    custom_response_text: str = setting(
        "IMGPROXY_CUSTOM_RESPONSE_HEADERS",
        read=TEXT,
        default="",
        doc="`Name=Value` headers for responses, raw ones included. Headers that the server sets itself stay.",
    )
    separator: str = setting(
        "IMGPROXY_CUSTOM_HEADERS_SEPARATOR", read=TEXT, default="\\;", doc="Stands between the headers of such a list."
    )
    request_passthrough: tuple[str, ...] = setting(
        "IMGPROXY_REQUEST_HEADERS_PASSTHROUGH",
        read=HEADER_NAMES,
        default=(),
        doc="Headers of the client that go to http(s) sources, `Host` allowed, for raw requests too.",
    )
    response_passthrough: tuple[str, ...] = setting(
        "IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH",
        read=HEADER_NAMES,
        default=(),
        doc="Headers of http(s) sources that go to the client, for raw requests too.",
    )

    @property
    def custom_request(self) -> tuple[tuple[str, str], ...]:
        """Names and values for sources; raises ValueError if the text has something else."""
        return header_list(self.custom_request_text, self.separator)

    @property
    def custom_response(self) -> tuple[tuple[str, str], ...]:
        """Names and values for clients; raises ValueError if the text has something else."""
        return header_list(self.custom_response_text, self.separator)


def header_list(text: str, separator: str) -> tuple[tuple[str, str], ...]:
    """The names and values of a `Name=Value` list, white space around both dropped, empty items left out.

    Raises:
        ValueError: saying which item is no header. The text does not quote values: they may be secret.
    """
    pairs = []
    for place, item in enumerate(text.split(separator), start=1):
        if not item.strip():
            continue
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals:
            raise ValueError(f"item {place} is not Name=Value")
        _check_name(name)
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} cannot be written in a header")
        pairs.append((name, value))
    return tuple(pairs)


def header_problems(settings: HeaderSettings) -> list[str]:
    """What is wrong with the lists, which can be read only once their separator is known."""
    problems = []
    for variable, text in (
        ("IMGPROXY_CUSTOM_REQUEST_HEADERS", settings.custom_request_text),
        ("IMGPROXY_CUSTOM_RESPONSE_HEADERS", settings.custom_response_text),
    ):
        try:
            header_list(text, settings.separator)
        except ValueError as error:
            problems.append(f"{variable}: expected Name=Value headers between {settings.separator!r} ({error})")
    return problems
