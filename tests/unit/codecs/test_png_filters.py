"""Which filters and compression a picture is worth."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from renderer.codecs.png_filters import ALL, AVERAGE, REFERENCE, SUB, UP, PngEffort, effort

_SIDE = 160


def _noisy(strength: float, bands: int = 3) -> np.ndarray:
    """Soft gradients with repeatable noise."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    noise = np.random.default_rng(7).normal(0, strength, (_SIDE, _SIDE, bands))
    soft = 127 + 60 * np.sin(x / 37)[..., None] + 40 * np.cos(y / 23)[..., None]
    return (soft + noise).clip(0, 255).astype(np.uint8)


def _effort(pixels: np.ndarray) -> PngEffort:
    height, width, depth = pixels.shape
    return effort(pixels.tobytes(), height=height, length=width * depth, depth=depth)


@pytest.mark.parametrize("bands", [2, 3, 4])
def test_a_photograph_gets_two_filters(bands: int) -> None:
    assert _effort(_noisy(0.8, bands)) == PngEffort(SUB | AVERAGE, 4)


def test_noise_is_not_searched_for_long() -> None:
    levels = [_effort(_noisy(strength)).compression for strength in (0.2, 0.8, 1.4, 3, 30)]

    assert levels == [5, 4, 3, 2, 2]


def test_a_smooth_picture_gets_three_filters() -> None:
    assert _effort(_noisy(0.2)) == PngEffort(SUB | UP | AVERAGE, 5)


def test_flat_pictures_are_written_as_by_imgproxy() -> None:
    pixels = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    pixels[:, 40:80] = (200, 10, 10)

    assert _effort(pixels) == REFERENCE


def test_where_only_paeth_predicts_it_is_tried() -> None:
    """A sum of one function across and one function down is what Paeth knows without remainder."""
    random = np.random.default_rng(3)
    pixels = (random.integers(0, 99, (_SIDE, 1, 3)) + random.integers(0, 99, (1, _SIDE, 3))).astype(np.uint8)

    assert _effort(pixels).filters == ALL


@pytest.mark.parametrize("strength", [0.2, 0.8, 1.4, 3])
def test_brightness_does_not_matter(strength: float) -> None:
    """Filters know differences only, and sums of neighbors are above 255 in the brighter picture."""
    dark = _noisy(strength) // 2

    assert _effort(dark + 128) == _effort(dark)


def test_a_noisy_channel_counts_wherever_it_is() -> None:
    pixels = np.zeros((_SIDE, _SIDE, 4), np.uint8)
    noise = np.random.default_rng(5).integers(0, 256, (_SIDE, _SIDE), np.uint8)
    chosen = []
    for channel in range(4):
        one = pixels.copy()
        one[..., channel] = noise
        chosen.append(_effort(one))

    assert chosen[0] != REFERENCE
    assert chosen == [chosen[0]] * 4


@pytest.mark.parametrize(("width", "height"), [(1, 40_000), (40_000, 1), (2, 20_000), (20_000, 2), (8, 8)])
def test_narrow_low_and_small_pictures_have_an_answer(width: int, height: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)

    assert _effort(pixels).compression in range(2, 7)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0, 2.0, 4.0, 8.0, 16.0, 60.0])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_no_picture_becomes_a_tenth_larger(strength: float, bands: int) -> None:
    pixels = np.ascontiguousarray(_noisy(strength, bands))
    image = pyvips.Image.new_from_memory(pixels.data, _SIDE, _SIDE, bands, "uchar")
    chosen = _effort(pixels)

    reference = image.pngsave_buffer(filter="all", compression=6, keep="none")
    fast = image.pngsave_buffer(filter=chosen.filters, compression=chosen.compression, keep="none")
    assert len(fast) <= 1.1 * len(reference)
