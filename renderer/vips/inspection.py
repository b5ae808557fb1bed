"""What a file says of its picture, and whether all of it decodes, in as little memory as its decoder allows.

Pixels are asked for strip by strip and only far enough that the decoder has to make all of them: one pixel a row where
rows come one after the other (0.10 s of CPU for a baseline JPEG of 24 megapixels, against 0.15 s for a mean over all
samples), whole rows of TIFF, whose tiles are decoded one by one. A drawing is rendered small.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import pyvips

from renderer.errors import BrokenImage, SourceResolutionTooLarge
from renderer.formats import ImageFormat
from renderer.pipeline.geometry import Size
from renderer.vips import runtime
from renderer.vips.fields import whole_size
from renderer.vips.loader import Loader, LoaderSettings, page_count, raster_of
from renderer.vips.operations import made
from renderer.vips.runtime import EXTRAS, Deadline, forget_complaints, vips_errors

_STRIP_ROWS: Final = 256
"""Between two looks at the clock: 10 ms of a wide JPEG."""

_DRAWING_SIDE: Final = 16
"""A drawing that renders at this size renders at any; filters cost by the pixel, and cannot be stopped."""

_MOST_SIDE: Final = 65_535
"""The longest side that JPEG can have; a longer one is no picture, whatever its area."""

_ENDS_EARLY: Final = "premature end of data segment"
"""libjpeg's JWRN_HIT_MARKER: a marker where there should be pixels."""

_MOST_HELD_PIXELS: Final = 64_000_000
"""Of an animation that its decoder gives in one piece: 256 MB."""


class Picture:
    """A file that is looked at.

    Args:
        data: the file.
        format: as its first bytes show it.
        seconds: from now on; every method may raise RequestTimeout after them.
    """

    def __init__(self, data: bytes, format: ImageFormat, seconds: float) -> None:
        self._capabilities = runtime.start()
        self._data, self._format = data, format
        self._deadline = Deadline(time.monotonic() + seconds)
        self._loader = Loader(data, format, LoaderSettings(is_strict=True), self._deadline)
        self._frames = 1
        forget_complaints()

    def is_readable(self) -> bool:
        """Whether this build has a decoder; of HEIC it shows only when the header is read."""
        return self._format in self._capabilities.loadable

    def header(self, max_pixels: int) -> tuple[Size, int]:
        """Width and height of one frame, upright, and how many frames there are.

        Args:
            max_pixels: of one frame; formats whose header and pixels are read at once are not read if it is more.

        Raises:
            BrokenImage: the header does not read.
            UnsupportedFormat: no decoder in this build.
            SourceResolutionTooLarge: more than `max_pixels`.
        """
        self._deadline.check()
        size = self._loader.size()
        if size is not None:
            _check_pixels(size, max_pixels)
        with vips_errors():
            image = self._loader.open()
            shown = raster_of(image, is_vector=self._format.traits.is_vector).shown
            _check_pixels(shown, max_pixels)
            self._frames = max(1, page_count(image))
        self._deadline.check()
        return shown, self._frames

    def decode(self, max_pixels: int) -> None:
        """Returns when every pixel of every frame has been decoded; `header` comes first.

        Of HEIC and AVIF files with several pictures that is the one that they show.

        Args:
            max_pixels: of one page of a TIFF, whose pages may differ in size.

        Raises:
            BrokenImage: not all of it is there, or makes sense.
            SourceResolutionTooLarge: a page is larger, or an animation that cannot be decoded in parts.
        """
        with vips_errors():
            if self._format.traits.is_vector:
                self._render_small()
                return
            if self._format is ImageFormat.JPEG:
                self._read_jpeg()
                return
            for image in self._images(max_pixels):
                self._read(image)
        self._deadline.check()

    def _read_jpeg(self) -> None:
        """Reads it such that data which ends before the picture does is an error too.

        libjpeg only warns of that, as it does of stray bytes that do no harm; its words tell the two apart.
        """
        if not self._reads_without_warnings():
            # Not before the first decoder, which may hold the whole picture, is gone with the error.
            forget_complaints()
            self._read(self._loader.open())
        self._deadline.check()

    def _reads_without_warnings(self) -> bool:
        try:
            with vips_errors():
                self._read(made("jpegload_source", self._data, access="sequential", fail_on="warning"))
        except BrokenImage as error:
            if _ENDS_EARLY in str(error):
                raise
            return False
        return True

    def _images(self, max_pixels: int) -> Iterator[pyvips.Image]:
        if self._format.traits.loads_animation:
            image = self._loader.open(pages=self._frames)
            if self._format in self._capabilities.foreign_loads and self._frames > 1:
                _check_pixels(whole_size(image), _MOST_HELD_PIXELS)
            yield self._with_pixels(image)
            return
        yield self._with_pixels(self._loader.open())
        if self._format is ImageFormat.TIFF:
            for page in range(1, self._frames):
                self._deadline.check()
                image = made("tiffload_source", self._data, access="sequential", page=page, fail_on="truncated")
                _check_pixels(whole_size(image), max_pixels)
                yield image

    def _with_pixels(self, image: pyvips.Image) -> pyvips.Image:
        """What libvips itself decodes is left to it: it knows what is missing, and needs no numpy."""
        return self._loader.decoded(image) if self._format in EXTRAS else image

    def _read(self, image: pyvips.Image) -> None:
        size = whole_size(image)
        width = size.width if self._format is ImageFormat.TIFF else 1
        for top in range(0, size.height, _STRIP_ROWS):
            strip = made("extract_area", image, 0, top, width, min(_STRIP_ROWS, size.height - top))
            with self._deadline.evaluating(strip):
                strip.avg()

    def _render_small(self) -> None:
        image = self._loader.open()
        shrink = min(max(image.width, image.height) / _DRAWING_SIDE, image.width, image.height)
        if shrink > 1:
            image = self._loader.open(shrink=shrink)
        self._deadline.in_memory(image)


def _check_pixels(size: Size, most: int) -> None:
    if size.width * size.height > most or max(size.width, size.height) > _MOST_SIDE:
        raise SourceResolutionTooLarge(
            f"{size.width:,} x {size.height:,} pixels; at most are {most:,}, and {_MOST_SIDE:,} a side"
        )
