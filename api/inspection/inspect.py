"""What is looked at before a picture is stored (DESIGN section 6): every limit before what it saves.

Size, content, format, declared type, polyglots, SVG, header, pixels and frames, then every pixel. libvips is loaded
when a file has come as far as its header.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from api import problems
from api.inspection.camera_raw import is_camera_raw
from api.inspection.media_types import check_declared
from api.inspection.polyglots import refuse_polyglot
from api.settings import UploadSettings
from api.stores.facts import Facts
from renderer.errors import BrokenImage, RequestTimeout, ResultImpossible, SourceResolutionTooLarge, UnsupportedFormat
from renderer.formats import ImageFormat, detect

if TYPE_CHECKING:
    from renderer.vips.inspection import Picture

SECONDS: Final = 20.0
"""How long a picture may take if nobody says otherwise; the rest of the gateway's 29 s is the store's."""

MOST_SVG_BYTES: Final = 8_388_608
"""8 MiB: its tree takes up to 36 times as much, 300 MB, and 3.4 s that cannot be stopped."""

_MOST_NAMED: Final = 5
_MOST_NAME: Final = 40
_MOST_REASON: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A picture that may be stored.

    Attributes:
        data: what is to be stored: the file, or an SVG made harmless.
        format: by its content.
        width: of one frame, upright, in pixels.
        height: likewise.
        frames: of an animation, pages of a file; 1 for a still picture.
        sha256: of `data`, hexadecimal.
    """

    data: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int
    frames: int
    sha256: str

    def facts(self, uploaded_by: str = "", file_name: str = "") -> Facts:
        """What is written down with the original."""
        return Facts(
            format=self.format.value,
            width=self.width,
            height=self.height,
            frames=self.frames,
            sha256=self.sha256,
            uploaded_by=uploaded_by,
            file_name=file_name,
        )


def inspect(
    data: bytes,
    *,
    declared_type: str | None,
    settings: UploadSettings,
    seconds: float = SECONDS,
    file_name: str = "",
) -> Inspected:
    """The picture in a file, if it may be stored.

    Args:
        data: the file; its size has been compared with the limit by whoever read it.
        declared_type: the media type that came with it, as it came.
        settings: which pictures are taken.
        seconds: how long this may take. One call of a decoder that cannot be stopped may take longer.
        file_name: its extension tells camera raw files from TIFF, nothing else.

    Raises:
        EmptyFile, NotAnImage, FormatNotAllowed, TypeMismatch, Polyglot, UnsafeSVG, BrokenImage, TooManyPixels,
        TooManyFrames: what is wrong with it.
        TooLarge: it is a drawing of more than `MOST_SVG_BYTES`.
        TooSlow: it took longer than `seconds`.
    """
    until = time.monotonic() + seconds
    if not data:
        raise problems.EmptyFile("The file has no bytes.")
    format = _format(data, declared_type, file_name)
    if format not in settings.formats:
        raise problems.FormatNotAllowed(f"{format.value} is not among the formats that are taken.")
    check_declared(declared_type, format, data)
    refuse_polyglot(data, format, lambda: _check_time(until))
    if format is ImageFormat.SVG:
        data = _harmless(data, settings)
    _check_time(until)
    width, height, frames = _measured(data, format, settings, until - time.monotonic())
    return Inspected(
        data=data,
        format=format,
        width=width,
        height=height,
        frames=frames,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise problems.TooSlow("The picture took too long to look at.")


def _format(data: bytes, declared_type: str | None, file_name: str) -> ImageFormat:
    extension = file_name.rpartition(".")[2] if "." in file_name else ""
    format = detect(data, extension=extension, content_type=declared_type or "")
    is_raw = detect(data) is ImageFormat.TIFF if format is None else format is ImageFormat.TIFF and is_camera_raw(data)
    if is_raw:
        raise problems.NotAnImage("The file is a camera raw file; convert it to a picture first.")
    if format is None:
        names = ", ".join(sorted(known.value for known in ImageFormat))
        raise problems.NotAnImage(f"The content is none of {names}, whatever its name or type says.")
    return format


def _harmless(data: bytes, settings: UploadSettings) -> bytes:
    """The SVG as it is stored.

    The file's own bytes where nothing had to go. In another encoding than UTF-8 it is written anew all the same: only
    of UTF-8 is it certain that browsers read the characters that were judged.
    """
    if len(data) > MOST_SVG_BYTES:
        raise problems.TooLarge(f"An SVG has at most {MOST_SVG_BYTES:,} bytes.", max_bytes=MOST_SVG_BYTES)
    from renderer.security.svg import cleaned  # an XML parser that only SVG needs

    with _told("svg"):
        svg = cleaned(data)
    if svg.removed and settings.svg == "refuse":
        names = ", ".join(name[:_MOST_NAME] for name in svg.removed[:_MOST_NAMED])
        more = len(svg.removed) - _MOST_NAMED
        raise problems.UnsafeSVG(f"The SVG holds {names}{f' and {more} more' if more > 0 else ''}, which must go.")
    return svg.document if svg.removed or not _is_utf8(data) else data


_ENCODING: Final = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)")


def _is_utf8(document: bytes) -> bool:
    """Whether a document that the parser has read is in UTF-8; UTF-16 and UTF-32 have a 0 in the first four bytes."""
    if b"\0" in document[:4]:
        return False
    declared = _ENCODING.match(document)
    return declared is None or declared[1].lower() in (b"utf-8", b"us-ascii")


def _measured(data: bytes, format: ImageFormat, settings: UploadSettings, seconds: float) -> tuple[int, int, int]:
    """Width, height and frames of a picture within the limits that decodes whole."""
    from renderer.vips.inspection import Picture  # libvips: 0.1 s that a refused file does not cost

    picture = Picture(data, format, seconds)
    if not picture.is_readable():
        raise problems.FormatNotAllowed(f"{format.value} cannot be decoded here.")
    with _told(format.value):
        return _within_limits(picture, settings)


def _within_limits(picture: Picture, settings: UploadSettings) -> tuple[int, int, int]:
    size, frames = picture.header(settings.max_resolution)
    if frames > settings.max_frames:
        raise problems.TooManyFrames(f"The picture has {frames:,} frames or pages, {settings.max_frames:,} at most.")
    area = size.width * size.height * frames
    if frames > 1 and area > settings.max_animation_resolution:
        raise problems.TooManyPixels(
            f"All {frames:,} frames together have {area:,} pixels, {settings.max_animation_resolution:,} at most."
        )
    picture.decode(settings.max_resolution)
    return size.width, size.height, frames


@contextmanager
def _told(name: str) -> Iterator[None]:
    """The renderer's errors as the problems of an upload."""
    try:
        yield
    except (BrokenImage, ResultImpossible) as error:
        raise problems.BrokenImage(f"The {name} file does not decode: {_reason(error)}.") from error
    except UnsupportedFormat as error:
        raise problems.FormatNotAllowed(f"This kind of {name} cannot be decoded here.") from error
    except SourceResolutionTooLarge as error:
        raise problems.TooManyPixels(f"The picture has {error}.") from error
    except RequestTimeout as error:
        raise problems.TooSlow("The picture took too long to decode.") from error


_SPEAKER: Final = re.compile(r"^(?:[\w-]+: |source input: )+")
"""Who says it, in libvips' messages: `VipsJpeg: `, `pngload_source: `."""


def _reason(error: BrokenImage | ResultImpossible) -> str:
    """The decoder's own words, without names of functions and what is no text."""
    first = str(error).partition(" | ")[0].partition("\n")[0]
    words = "".join(letter for letter in _SPEAKER.sub("", first) if letter.isprintable()).strip(" .")
    return words[:_MOST_REASON] or "its data makes no sense"
