"""A PNG is written as its own samples are worth, however they lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from renderer.codecs.png_filters import AVERAGE, SUB
from renderer.formats import ImageFormat
from renderer.settings.processing import FormatSettings
from renderer.vips.runtime import Deadline
from renderer.vips.saver import Encoding, save

_WIDTH = 200
_HEIGHT = 150
_PNG = Encoding(format=ImageFormat.PNG, quality=100)


def _noise(bands: int, dtype: type[np.unsignedinteger], strength: int) -> pyvips.Image:
    noise = np.random.default_rng(11).integers(0, strength, (_HEIGHT, _WIDTH, bands))
    soft = 40 + np.linspace(0, 60, _WIDTH)[None, :, None]
    pixels = (soft + noise).astype(dtype)
    space = "rgb16" if dtype is np.uint16 else "srgb"
    return pyvips.Image.new_from_array(pixels).copy(interpretation=space if bands > 2 else "b-w")


@pytest.mark.parametrize("bands", [2, 3, 4])
@pytest.mark.parametrize(("strength", "filters", "level"), [(100, AVERAGE, 2), (4, SUB | AVERAGE, 4)])
def test_noise_gets_few_filters(bands: int, strength: int, filters: int, level: int) -> None:
    image = _noise(bands, np.uint8, strength)

    file = save(image, _PNG, FormatSettings(), Deadline())

    assert file == image.pngsave_buffer(filter=filters, compression=level)


def test_all_rows_of_16_bits_count() -> None:
    """The upper half is black; looked at as if samples had one byte, there would be nothing else."""
    image = _noise(3, np.uint16, 60_000)
    black = pyvips.Image.black(_WIDTH, _HEIGHT, bands=3).cast("ushort").copy(interpretation="rgb16")
    image = black.join(image, "vertical")

    file = save(image, _PNG, FormatSettings(), Deadline())

    assert file == image.pngsave_buffer(filter=SUB | AVERAGE, compression=5)


def test_a_picture_that_is_not_computed_yet_is_written_the_same() -> None:
    image = _noise(3, np.uint8, 40)

    assert save(image.invert().invert(), _PNG, FormatSettings(), Deadline()) == save(
        image, _PNG, FormatSettings(), Deadline()
    )


def test_a_palette_is_not_looked_at() -> None:
    image = _noise(3, np.uint8, 100)

    file = save(image, _PNG, FormatSettings(png_quantize=True, png_quantization_colors=16), Deadline())

    assert file == image.pngsave_buffer(filter="none", palette=True, bitdepth=4)
