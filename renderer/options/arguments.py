"""Kinds of option arguments: what each accepts, how it reads, how it is written (spec 01 sections 4.1 and 8).

Every reader raises InvalidURL with the developer's text that names the option and what was expected. NaN and infinity
are refused here: imgproxy's parser lets them pass and its renderer then fails (DESIGN section 2, item 5).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from renderer.errors import InvalidURL
from renderer.formats import NAMES, ImageFormat
from renderer.options.declare import Arguments, Kind
from renderer.scalars import (
    FALSE,
    TRUE,
    decode_base64url,
    encode_base64url,
    parse_float,
    parse_hex_color,
    parse_int,
)

_log = logging.getLogger(__name__)

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

Color = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

MAX_PIXELS: Final = 10**15
"""More pixels than any picture is decoded with. A limit up to here is the same after it was written and read."""

POSITIVE: Final = "positive number"
POSITIVE_OR_ZERO: Final = "positive number or 0"


def invalid(key: str, value: str, expected: str) -> InvalidURL:
    """The error of one argument."""
    return InvalidURL(f"Invalid {key}: {value[:100]} (expected {expected})")


def invalid_arguments(key: str, arguments: Arguments) -> InvalidURL:
    """The error of an argument list as a whole."""
    return InvalidURL(f"Invalid {key} arguments: [{' '.join(arguments)[:200]}]")


def at_most(count: int, key: str, arguments: Arguments) -> None:
    """Refuses more arguments than an option takes."""
    if len(arguments) > count:
        raise invalid_arguments(key, arguments)


def boolean(text: str, key: str) -> bool:
    """Go's booleans; anything else is false with a warning, never an error."""
    if text in TRUE:
        return True
    if text not in FALSE:
        _log.warning("Invalid %s: %s is no boolean and counts as false", key, text[:100])
    return False


def _whole(test: Callable[[int], bool], expected: str) -> Callable[[str, str], int]:
    def read(text: str, key: str) -> int:
        try:
            value = parse_int(text)
        except ValueError as error:
            raise invalid(key, text, expected) from error
        if not test(value):
            raise invalid(key, text, expected)
        return value

    return read


def _real(test: Callable[[float], bool], expected: str) -> Callable[[str, str], float]:
    def read(text: str, key: str) -> float:
        try:
            value = _finite(text)
        except ValueError as error:
            raise invalid(key, text, expected) from error
        if not test(value):
            raise invalid(key, text, expected)
        return value

    return read


def _finite(text: str) -> float:
    value = parse_float(text)
    if not math.isfinite(value):
        raise ValueError("no finite number")
    return value


integer = _whole(lambda _: True, "integer number")
uint = _whole(lambda value: value >= 0, POSITIVE_OR_ZERO)
pint = _whole(lambda value: value > 0, POSITIVE)
quality = _whole(lambda value: 0 <= value <= 100, "number in range 0-100")
ufloat = _real(lambda value: value >= 0, POSITIVE_OR_ZERO)
pfloat = _real(lambda value: value > 0, POSITIVE)
unit = _real(lambda value: 0 <= value <= 1, "number in range 0-1")


def real(text: str, key: str) -> float:
    """Any finite number."""
    try:
        return _finite(text)
    except ValueError as error:
        raise invalid_arguments(key, [text]) from error


def megapixels(text: str, key: str) -> int:
    """Millions of pixels, kept as whole pixels; what no picture can have is cut to `MAX_PIXELS`."""
    return int(min(ufloat(text, key) * 1_000_000, MAX_PIXELS))


def hex_color(text: str, key: str) -> Color:
    """Three or six hexadecimal digits."""
    try:
        return parse_hex_color(text)
    except ValueError as error:
        raise invalid(key, text, "hex-encoded color") from error


def image_format(text: str, key: str) -> ImageFormat:
    """A format by one of its names."""
    try:
        return NAMES[text]
    except KeyError as error:
        raise invalid(key, text, "supported image format") from error


def base64_text(text: str, key: str) -> str:
    """URL-safe base64 of UTF-8 text."""
    try:
        return decode_base64url(text.rstrip("=")).decode("utf-8", "surrogateescape")
    except ValueError as error:
        raise invalid(key, text, "URL-safe base64-encoded string") from error


def member(names: Mapping[str, E]) -> Callable[[str, str], E]:
    """One of several words."""
    expected = ", ".join(names)

    def read(text: str, key: str) -> E:
        try:
            return names[text]
        except KeyError as error:
            raise invalid(key, text, expected) from error

    return read


def written(value: Any) -> str:  # noqa: ANN401  any value that an argument can hold
    """One argument as it stands in a URL."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        # Equal numbers are written alike: adding 0.0 takes the sign off a negative zero.
        return f"{value + 0.0:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    return "" if value is None else str(value)


def written_color(color: Color | None) -> str:
    """A color as six hexadecimal digits."""
    return "" if color is None else "{:02x}{:02x}{:02x}".format(*color)


def single(read: Callable[[str, str], T], write: Callable[[T], str] = written) -> Kind:
    """An option with exactly one argument."""

    def read_single(_: object, arguments: Arguments, key: str) -> T:
        if len(arguments) != 1:
            raise invalid_arguments(key, arguments)
        return read(arguments[0], key)

    def write_single(value: T) -> Iterable[Arguments]:
        return ([write(value)],)

    return Kind(read=read_single, write=write_single)


class GravityType(Enum):
    """Where something is anchored (spec 01 section 8.1)."""

    CENTER = "ce"
    NORTH = "no"
    SOUTH = "so"
    EAST = "ea"
    WEST = "we"
    NORTH_EAST = "noea"
    NORTH_WEST = "nowe"
    SOUTH_EAST = "soea"
    SOUTH_WEST = "sowe"
    FOCUS_POINT = "fp"
    SMART = "sm"

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Gravity:
    """An anchor and its offsets: pixels from 1 upwards, shares of the containing side below; no type is unset."""

    type: GravityType | None = None
    x: float = 0.0
    y: float = 0.0


COMPASS: Final = {type.value: type for type in GravityType if type not in (GravityType.FOCUS_POINT, GravityType.SMART)}
WITH_FOCUS: Final = COMPASS | {"fp": GravityType.FOCUS_POINT}
ALL_GRAVITIES: Final = WITH_FOCUS | {"sm": GravityType.SMART}


def offset(text: str, key: str) -> float:
    """An offset: any finite number."""
    try:
        return _finite(text)
    except ValueError as error:
        raise InvalidURL(f"Invalid {key}: {text[:100]}") from error


def read_gravity(
    previous: Gravity, arguments: Arguments, key: str, types: Mapping[str, GravityType] = ALL_GRAVITIES
) -> Gravity:
    """`type[:x[:y]]`; offsets that are left out stay as they were, `sm` drops them (spec 01 section 8.2)."""
    type = types.get(arguments[0])
    if type is None:
        raise invalid(f"{key}.type", arguments[0], ", ".join(types))
    if type is GravityType.SMART:
        at_most(1, key, arguments)
        return Gravity(type=type)
    at_most(3, key, arguments)
    is_focus = type is GravityType.FOCUS_POINT
    if is_focus and len(arguments) != 3:
        raise invalid_arguments(key, arguments)
    x, y = previous.x, previous.y
    if len(arguments) > 1 and arguments[1]:
        x = _focus(arguments[1], f"{key}.x_offset") if is_focus else offset(arguments[1], f"{key}.x_offset")
    if len(arguments) > 2 and arguments[2]:
        y = _focus(arguments[2], f"{key}.y_offset") if is_focus else offset(arguments[2], f"{key}.y_offset")
    return Gravity(type=type, x=x, y=y)


def _focus(text: str, key: str) -> float:
    value = offset(text, key)
    if not 0 <= value <= 1:
        raise InvalidURL(f"Invalid {key}: {text[:100]}")
    return value


def write_gravity(gravity: Gravity) -> list[list[str]]:
    """The argument lists that give a gravity; none for one without a type."""
    if gravity.type is None:
        return []
    if gravity.type is GravityType.SMART:
        return [[gravity.type.value]]
    offsets = [written(gravity.x), written(gravity.y)]
    if gravity.type is GravityType.FOCUS_POINT and not (0 <= gravity.x <= 1 and 0 <= gravity.y <= 1):
        # Offsets of an earlier compass gravity leak into a focus point that gives none (spec 01 section 8.2).
        return [["ce", *offsets], ["fp", "", ""]]
    return [[gravity.type.value, *offsets]]


def encoded(text: str) -> str:
    """Text as URL-safe base64."""
    return encode_base64url(text.encode("utf-8", "surrogateescape"))
