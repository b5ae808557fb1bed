"""Two servers' answers to one request -> what differs between them in a way that somebody could notice.

Bytes need not be equal: another release of an encoder writes other bytes. What counts is the status, the headers that
caches and browsers act upon, the weight, and the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from renderer.errors import BildwerkError
from renderer.formats import detect
from renderer.vips.difference import PixelDifference, pixel_difference

HEADERS: Final = (
    "Content-Type",
    "Cache-Control",
    "Content-Disposition",
    "Vary",
    "ETag",
    "Last-Modified",
    "Link",
    "Location",
)
"""What caches and browsers act upon; the others name servers and requests."""

_AGE: Final = re.compile(r"\A(?:s-)?max-age=([0-9]{1,12})\Z")
_AGE_TOLERANCE_SECONDS: Final = 2
"""With `expires` the age is counted down, and two servers are not asked in the same instant."""

_MAX_TEXT_BYTES: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered: headers by lower-case name, length of the body; or `problem`, why it did not."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """What is still alike.

    Attributes:
        size_percent: of the other body's length.
        mean: absolute difference of a sample from 0 to 255, over the whole picture.
        worst_block: the same, in the worst square of 8 x 8 pixels.
    """

    size_percent: float = 5.0
    mean: float = 1.0
    worst_block: float = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs, as each of the two servers has it."""

    what: str
    own: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The two answers to one target, without their bodies.

    `pixels` is known where the bodies differ and both are pictures. `accept` is what the client took, blank is
    anything.
    """

    target: str
    accept: str
    own: Answer
    other: Answer
    is_identical: bool
    differences: tuple[Difference, ...]
    pixels: PixelDifference | None = None

    @property
    def has_failed(self) -> bool:
        """Whether one of the servers did not answer."""
        return bool(self.own.problem or self.other.problem)


def differences(own: Answer, other: Answer, tolerances: Tolerances) -> tuple[list[Difference], PixelDifference | None]:
    """What differs; where not even the status is the same, the rest follows from that and is not told."""
    if own.problem or other.problem:
        return [Difference(what="answer", own=_status(own), other=_status(other))], None
    if own.status != other.status:
        return [Difference(what="status", own=_status(own), other=_status(other))], None
    found = [
        Difference(what=name, own=one or "none", other=another or "none")
        for name in HEADERS
        if not _same_header(
            name, one := own.headers.get(name.lower(), ""), another := other.headers.get(name.lower(), "")
        )
    ]
    if own.body == other.body:
        return found, None
    if detect(own.body) is None and detect(other.body) is None:
        return [*found, Difference(what="body", own=_text(own), other=_text(other))], None
    if abs(own.length - other.length) > other.length * tolerances.size_percent / 100:
        found.append(Difference(what="size", own=_bytes(own), other=_bytes(other)))
    try:
        pixels = pixel_difference(own.body, other.body)
    except BildwerkError as error:
        reason = f"cannot be compared: {error or error.public}"
        return [*found, Difference(what="pixels", own=reason, other="")], None
    return [*found, *_pixel_differences(pixels, tolerances)], pixels


def _pixel_differences(pixels: PixelDifference, tolerances: Tolerances) -> list[Difference]:
    if pixels.mean is None or pixels.worst_block is None:
        shapes = (
            f"{shape.size.width} x {shape.size.height}" + (f", {shape.frames} frames" if shape.frames > 1 else "")
            for shape in (pixels.first, pixels.second)
        )
        return [Difference(what="dimensions", own=next(shapes), other=next(shapes))]
    if pixels.mean <= tolerances.mean and pixels.worst_block <= tolerances.worst_block:
        return []
    by = f"differ by {pixels.mean:.2f}, in the worst square by {pixels.worst_block:.2f} (of 255)"
    return [Difference(what="pixels", own=by, other="")]


def _same_header(name: str, own: str, other: str) -> bool:
    if own == other:
        return True
    if name == "Vary":
        return _words(own) == _words(other)
    if name == "Cache-Control":
        return _same_directives(_words(own), _words(other))
    return False


def _same_directives(own: set[str], other: set[str]) -> bool:
    """Whether two sets of directives are the same but for the seconds between two requests."""
    plain = [{word.partition("=")[0] if _AGE.match(word) else word for word in words} for words in (own, other)]
    ages = [[int(age[1]) for word in sorted(words) if (age := _AGE.match(word)) is not None] for words in (own, other)]
    return plain[0] == plain[1] and all(
        abs(one - another) <= _AGE_TOLERANCE_SECONDS for one, another in zip(*ages, strict=False)
    )


def _words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")} - {""}


def _status(answer: Answer) -> str:
    return answer.problem or str(answer.status)


def _text(answer: Answer) -> str:
    """What an answer that is no picture says, as far as a line shows it."""
    said = answer.body[:_MAX_TEXT_BYTES].decode("utf-8", "replace")
    return said if len(answer.body) <= _MAX_TEXT_BYTES else f"{said}... ({_bytes(answer)})"


def _bytes(answer: Answer) -> str:
    return f"{answer.length:,} bytes"
