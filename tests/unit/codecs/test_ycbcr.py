"""Luma and chroma to RGB: every pair of chroma samples under every matrix, against the rule in whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

from renderer.codecs.ycbcr import MATRICES, rgb

_KR_KB = {1: (0.2126, 0.0722), 2: (0.299, 0.114), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""How much red and blue weigh in luma (H.273 table 4)."""


def _expected(luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, number: int) -> np.ndarray:
    """Each product in 256ths, rounded once for a channel, and held to a byte."""
    kr, kb = _KR_KB[number]
    kg = 1 - kr - kb
    height, width = luma.shape
    blue, red = (np.repeat(np.repeat(plane, 2, 0), 2, 1)[:height, :width].astype(int) - 128 for plane in (cb, cr))
    added = (
        round(512 * (1 - kr)) * red,
        round(-512 * kb * (1 - kb) / kg) * blue + round(-512 * kr * (1 - kr) / kg) * red,
        round(512 * (1 - kb)) * blue,
    )
    channels = [np.clip(luma.astype(int) + ((products + 128) >> 8), 0, 255) for products in added]
    return np.dstack(channels).astype(np.uint8)


@pytest.mark.parametrize("number", MATRICES)
def test_every_pair_of_chroma_samples(number: int) -> None:
    cb, cr = (plane.astype(np.uint8) for plane in np.mgrid[0:256, 0:256])
    for seed in range(6):
        luma = np.random.default_rng(seed).integers(0, 256, (512, 512)).astype(np.uint8)
        assert np.array_equal(rgb(luma, (cb, cr), MATRICES[number]), _expected(luma, cb, cr, number))


@pytest.mark.parametrize("luma", [0, 1, 128, 254, 255])
def test_the_ends_of_luma(luma: int) -> None:
    cb, cr = (plane.astype(np.uint8) for plane in np.mgrid[0:256, 0:256])
    flat = np.full((512, 512), luma, np.uint8)

    assert np.array_equal(rgb(flat, (cb, cr), MATRICES[6]), _expected(flat, cb, cr, 6))


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 5), (5, 4), (129, 3), (3, 5001), (5001, 3), (700, 900)]
)
def test_odd_sizes_and_several_strips(shape: tuple[int, int]) -> None:
    height, width = shape
    random = np.random.default_rng(height)
    half = (height + 1) // 2, (width + 1) // 2
    luma, cb, cr = (random.integers(0, 256, size).astype(np.uint8) for size in (shape, half, half))

    assert np.array_equal(rgb(luma, (cb, cr), MATRICES[6]), _expected(luma, cb, cr, 6))


def test_planes_inside_wider_memory() -> None:
    """Decoders leave room behind each row."""
    random = np.random.default_rng(1)
    luma = random.integers(0, 256, (40, 64)).astype(np.uint8)[:, :51]
    cb, cr = (random.integers(0, 256, (20, 64)).astype(np.uint8)[:, :26] for _ in range(2))

    assert np.array_equal(rgb(luma, (cb, cr), MATRICES[1]), _expected(luma, cb, cr, 1))
