"""Headers read at a glance against what the decoders say, on files that real encoders wrote."""

from __future__ import annotations

import io
from typing import Any

import PIL.Image
import pytest
import pyvips

from renderer.codecs.dimensions import dimensions
from renderer.formats import ImageFormat, detect
from renderer.pipeline.cost import Dimensions

_WIDTH, _HEIGHT, _FRAMES = 321, 123, 5


def _picture() -> pyvips.Image:
    x = pyvips.Image.xyz(_WIDTH, _HEIGHT)
    return x.bandjoin(x[0] + x[1]).cast("uchar").copy(interpretation="srgb")


def _animation() -> list[PIL.Image.Image]:
    return [PIL.Image.new("RGB", (_WIDTH, _HEIGHT), (50 * index, 0, 0)) for index in range(_FRAMES)]


@pytest.mark.parametrize(
    ("saver", "options"),
    [
        ("jpegsave_buffer", {}),
        ("jpegsave_buffer", {"interlace": True}),
        ("jpegsave_buffer", {"restart_interval": 4}),
        ("pngsave_buffer", {}),
        ("webpsave_buffer", {}),
        ("webpsave_buffer", {"lossless": True}),
        ("gifsave_buffer", {}),
        ("heifsave_buffer", {"compression": "av1", "effort": 0}),
        ("tiffsave_buffer", {}),
        ("tiffsave_buffer", {"compression": "lzw", "tile": True}),
    ],
)
def test_what_libvips_writes_is_read(saver: str, options: dict[str, Any]) -> None:
    data: bytes = getattr(_picture(), saver)(**options)
    format = detect(data)
    assert format is not None

    expected = Dimensions(width=_WIDTH, height=_HEIGHT, is_progressive=bool(options.get("interlace")))
    assert dimensions(data, format) == expected


@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_frames_of_an_animation_are_counted(name: str) -> None:
    file = io.BytesIO()
    first, *others = _animation()
    first.save(file, name, save_all=True, append_images=others, duration=50, loop=0)

    seen = dimensions(file.getvalue(), ImageFormat[name], max_frames=100)

    assert seen == Dimensions(width=_WIDTH, height=_HEIGHT, frames=_FRAMES)


@pytest.mark.parametrize(("name", "options"), [("BMP", {}), ("ICO", {"sizes": [(16, 16), (48, 32)]})])
def test_bitmaps_are_read(name: str, options: dict[str, Any]) -> None:
    file = io.BytesIO()
    PIL.Image.new("RGB", (48, 32)).save(file, name, **options)

    assert dimensions(file.getvalue(), ImageFormat[name]) == Dimensions(width=48, height=32)
