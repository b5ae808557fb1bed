"""Planes carry pixels in the one memory layout that libvips reads."""

from __future__ import annotations

import numpy as np
import pytest

from renderer.codecs.planes import Planes


def test_the_shape_of_the_samples_is_the_size_of_the_picture() -> None:
    """Height comes first in memory, width second, bands last."""
    planes = Planes(samples=np.zeros((2, 3, 4), np.uint8))

    assert (planes.width, planes.height, planes.bands, planes.palette_bits) == (3, 2, 4, None)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 3, 4), np.float32),
        np.zeros((2, 3, 4), np.uint8)[::-1],
    ],
    ids=["two dimensions", "fractions", "upside down"],
)
def test_other_layouts_are_refused(samples: np.ndarray) -> None:
    """A wrong layout is a mistake of ours and shows at once, not as a garbled picture."""
    with pytest.raises(ValueError, match="contiguous whole numbers"):
        Planes(samples=samples)
