"""Bitstreams and metadata in one WebP file, byte for byte as libvips' muxer writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pyvips

from renderer.codecs.webp_container import Metadata, with_metadata

_SIZE = (33, 21)


def _image(bands: int) -> pyvips.Image:
    width, height = _SIZE
    pixels = np.random.default_rng(2).integers(0, 256, (height, width, bands), np.uint8)
    return pyvips.Image.new_from_memory(pixels.data, width, height, bands, "uchar").copy(interpretation="srgb").copy()


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("options", [{"Q": 60}, {"lossless": True}])
@pytest.mark.parametrize("xmp", [None, b"<odd/>?", b"<x/>"])
def test_a_file_is_put_together_as_libvips_does_it(bands: int, options: dict[str, Any], xmp: bytes | None) -> None:
    image = _image(bands)
    bare = image.webpsave_buffer(keep="none", **options)
    image = image.copy()
    if xmp is not None:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)
    own = image.webpsave_buffer(**options)
    start = own.index(b"EXIF") + 8
    exif = own[start : start + int.from_bytes(own[start - 4 : start], "little")]

    assert with_metadata(bare, _SIZE, Metadata(exif=exif, xmp=xmp)) == own


def test_without_metadata_the_file_stays_as_it_is() -> None:
    bare = _image(3).webpsave_buffer(keep="none")

    assert with_metadata(bare, _SIZE, Metadata()) is bare
