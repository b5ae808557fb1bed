"""Options of how a result is delivered, not of what it shows (spec 01 section 4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from renderer.errors import InvalidURL
from renderer.options.arguments import at_most, base64_text, boolean, encoded, single
from renderer.options.declare import Arguments, Kind, Stage, option
from renderer.scalars import parse_int


def _text(text: str, _: str) -> str:
    return text


def _unix_time(text: str, key: str) -> int:
    try:
        return parse_int(text)
    except ValueError as error:
        raise InvalidURL(f"Invalid {key}: {text[:100]} (expected unix timestamp)") from error


def _read_filename(_: object, arguments: Arguments, key: str) -> str:
    at_most(2, key, arguments)
    is_encoded = len(arguments) == 2 and boolean(arguments[1], f"{key}.encoded")
    return base64_text(arguments[0], key) if is_encoded else arguments[0]


def _write_filename(name: str) -> Iterable[Arguments]:
    return ([encoded(name), "1"],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the response is headed."""

    raw: bool = option(
        "raw",
        usage="%raw",
        kind=single(boolean),
        default=False,
        stage=Stage.RESPONSE,
        doc="Stream the source unchanged; every other picture option is ignored.",
    )
    cachebuster: str = option(
        "cachebuster",
        "cb",
        usage="%text",
        kind=single(_text),
        default="",
        stage=Stage.CACHING,
        doc="Any text; a new one makes a new cache entry.",
    )
    expires: int | None = option(
        "expires",
        "exp",
        usage="%timestamp",
        kind=single(_unix_time),
        default=None,
        stage=Stage.RESPONSE,
        changes_bytes=False,
        doc="Unix time after which the URL is answered 404.",
    )
    filename: str = option(
        "filename",
        "fn",
        usage="%filename:%encoded",
        kind=Kind(read=_read_filename, write=_write_filename),
        default="",
        stage=Stage.RESPONSE,
        changes_bytes=False,
        doc="File name in `Content-Disposition`, without extension; URL-safe base64 if `encoded` is set.",
    )
    return_attachment: bool | None = option(
        "return_attachment",
        "att",
        usage="%return_attachment",
        kind=single(boolean),
        default=None,
        stage=Stage.RESPONSE,
        changes_bytes=False,
        doc="Send `Content-Disposition: attachment`; unset, `IMGPROXY_RETURN_ATTACHMENT` decides.",
    )
