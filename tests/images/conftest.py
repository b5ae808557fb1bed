"""Pictures that the tests draw, the real renderer behind the real grammar, and what results are asked."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cached_property

import numpy as np
import PIL.Image
import pytest
import pyvips

from renderer.app import make_grammar
from renderer.formats import ImageFormat
from renderer.originals import source_image
from renderer.pipeline.output import check_requested_format
from renderer.request.client_features import client_features
from renderer.request.parse import parse_request
from renderer.settings.load import load_settings
from renderer.sources.source import Source, SourceHeaders
from renderer.storage.held_file import Encoded
from renderer.vips.picture import RenderedImage, Renderer, SourceImage
from renderer.vips.runtime import Capabilities, Deadline

_SOURCE_URL = "local:///picture"


class Picture:
    """A result, read back by libvips."""

    def __init__(self, rendered: RenderedImage) -> None:
        self.data = rendered.data
        self.format = rendered.format
        self.origin = (rendered.origin.width, rendered.origin.height)
        self.result = (rendered.result.width, rendered.result.height)

    @cached_property
    def image(self) -> pyvips.Image:
        """The pixels, frames stacked; BMP and ICO as Pillow reads them, because their codecs are our own."""
        if self.format in (ImageFormat.BMP, ImageFormat.ICO):
            return pyvips.Image.new_from_array(np.asarray(PIL.Image.open(io.BytesIO(self.data))))
        options = {"n": -1} if self.format in (ImageFormat.GIF, ImageFormat.WEBP) else {}
        return pyvips.Image.new_from_buffer(self.data, "", **options).copy_memory()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of one frame."""
        height = self.field("page-height")
        return self.image.width, self.image.height if height is None else height

    @property
    def bands(self) -> int:
        """Channels of the result."""
        return self.image.bands

    def field(self, name: str) -> object:
        """A field of the header; None if there is none."""
        return self.image.get(name) if self.image.get_typeof(name) else None

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        """One pixel's channels."""
        return tuple(round(value) for value in self.image.getpoint(x, y))

    def samples(self) -> np.ndarray:
        """Every pixel, as numbers that can be subtracted."""
        return self.image.numpy().reshape(self.image.height, self.image.width, -1).astype(float)

    def distance(self, other: Picture) -> float:
        """The mean difference of two pictures' samples."""
        return float(np.abs(self.samples() - other.samples()).mean())


class Drawing:
    """Pictures for tests."""

    def coordinates(self, width: int, height: int) -> pyvips.Image:
        """A picture whose pixels say where they were: red is x, green is y, both modulo 256; blue is 0."""
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.dstack([x % 256, y % 256, np.zeros_like(x)]).astype(np.uint8)
        return pyvips.Image.new_from_array(pixels, interpretation="srgb")

    def flat(self, width: int, height: int, color: tuple[int, ...]) -> pyvips.Image:
        """One color of one to four channels."""
        space = "b-w" if len(color) < 3 else "srgb"
        pixels = np.full((height, width, len(color)), color, dtype=np.uint8)
        return pyvips.Image.new_from_array(pixels, interpretation=space)

    def scene(self, width: int, height: int) -> pyvips.Image:
        """Something like a photograph: soft gradients with fine, repeatable noise."""
        y, x = np.mgrid[0:height, 0:width]
        noise = np.random.default_rng(7).normal(0, 12, (height, width))
        channels = [
            127 + 90 * np.sin(x / 37) + noise,
            127 + 90 * np.cos(y / 23) + noise,
            127 + 60 * np.sin((x + y) / 51),
        ]
        return pyvips.Image.new_from_array(np.dstack(channels).clip(0, 255).astype(np.uint8), interpretation="srgb")

    def bordered(
        self, color: tuple[int, ...], inside: tuple[int, ...], border: tuple[int, int, int, int]
    ) -> pyvips.Image:
        """A 60 x 40 rectangle with a border of (left, top, right, bottom) pixels."""
        left, top, right, bottom = border
        canvas = self.flat(left + 60 + right, top + 40 + bottom, color)
        return canvas.insert(self.flat(60, 40, inside), left, top)


@pytest.fixture(scope="session")
def draw() -> Drawing:
    """Draws pictures."""
    return Drawing()


@pytest.fixture(scope="session")
def geometry(draw: Drawing) -> bytes:
    """200 x 100 RGB PNG whose pixels say where they were."""
    return draw.coordinates(200, 100).pngsave_buffer()


@pytest.fixture(scope="session")
def photo(draw: Drawing) -> bytes:
    """600 x 800 RGB JPEG."""
    return draw.scene(600, 800).jpegsave_buffer(Q=92)


def detected(data: Encoded) -> SourceImage:
    """The picture as the server would take it from its source."""
    return source_image(Source(data=data, url=_SOURCE_URL, headers=SourceHeaders()))


@pytest.fixture(scope="session")
def rendered(capabilities: Capabilities) -> Callable[..., Picture]:
    """Renders a source under URL options and IMGPROXY_* settings."""

    def render(
        options: str,
        source: Encoded,
        *,
        watermark: bytes | None = None,
        accept: str = "",
        deadline: Deadline | None = None,
        **environment: str,
    ) -> Picture:
        settings = load_settings({"IMGPROXY_ALLOW_SECURITY_OPTIONS": "1", **environment})
        path = f"{options}/plain/{_SOURCE_URL}".removeprefix("/")
        request = parse_request(path, make_grammar(settings), client_features(accept, settings.formats))
        check_requested_format(request, capabilities.savable)
        mark = None if watermark is None else detected(watermark)
        renderer = Renderer(settings, capabilities, mark)
        return Picture(renderer.render(detected(source), request, deadline or Deadline()))

    return render


@pytest.fixture(scope="session")
def every_format(draw: Drawing) -> dict[str, bytes]:
    """48 x 32 of one color in each format that can be read; BMP and ICO are written by Pillow."""
    image = draw.flat(48, 32, (200, 120, 60))
    pillow = PIL.Image.fromarray(image.numpy())
    files = {}
    for format, options in (("bmp", {}), ("ico", {"sizes": [(48, 32)], "bitmap_format": "bmp"})):
        file = io.BytesIO()
        pillow.save(file, format.upper(), **options)
        files[format] = file.getvalue()
    return files | {
        "jpeg": image.jpegsave_buffer(Q=100, subsample_mode="off"),
        "png": image.pngsave_buffer(),
        "webp": image.webpsave_buffer(lossless=True),
        "gif": image.gifsave_buffer(),
        "tiff": image.tiffsave_buffer(),
        "avif": image.heifsave_buffer(compression="av1", Q=100),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32">'
        b'<rect width="48" height="32" fill="#c8783c"/></svg>',
    }
