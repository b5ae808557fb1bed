"""Operations called without pyvips' own way: the same answers, the same errors, and memory that stays."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest
import pyvips

from renderer.vips.operations import call

PICTURE = pyvips.Image.xyz(40, 30).bandjoin(7).cast("uchar").copy(interpretation="srgb")


@pytest.mark.parametrize(
    ("operation", "arguments", "options"),
    [
        ("resize", (0.5,), {"vscale": 0.25, "kernel": "cubic"}),
        ("cast", ("ushort",), {"shift": True}),
        ("extract_area", (1, 2, 3, 4), {}),
        ("linear", ([1.5, 2.0, 1.0], [0.0, 1.0, 2.0]), {}),
        ("embed", (1, 1, 50, 50), {"extend": "background", "background": [1.0, 2.0, 3.0]}),
        ("jpegsave_buffer", (), {"Q": 71, "optimize_coding": True}),
        ("pngsave_buffer", (), {"filter": "all", "interlace": True, "compression": 3}),
        ("pngsave_buffer", (), {"filter": 0x10, "palette": True, "bitdepth": 4}),
    ],
)
def test_it_answers_what_pyvips_answers(operation: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    ours = call(operation, PICTURE, *arguments, **options)
    theirs: Any = pyvips.Operation.call(operation, PICTURE, *arguments, **options)

    if isinstance(ours, pyvips.Image):
        assert (ours.format, ours.interpretation) == (theirs.format, theirs.interpretation)
        assert np.array_equal(ours.numpy(), theirs.numpy())
    else:
        assert ours == theirs


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("jpegload_buffer", (b"no picture",)), ("extract_area", (PICTURE, 30, 20, 30, 30)), ("no_such", ())],
)
def test_it_fails_as_pyvips_does(operation: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(pyvips.Error) as theirs:
        pyvips.Operation.call(operation, *arguments)

    with pytest.raises(pyvips.Error) as ours:
        call(operation, *arguments)

    assert (ours.value.message, ours.value.detail) == (theirs.value.message, theirs.value.detail)


def test_a_source_is_read_where_its_bytes_are_and_keeps_them() -> None:
    """The bytes are held by what is made of them, by pyvips' own operations too, and let go with it."""
    file = bytes(PICTURE.pngsave_buffer())
    free = sys.getrefcount(file)
    image = call("pngload_source", file, access="sequential")
    half = image.extract_area(0, 0, 20, 30)
    del image
    gc.collect()

    assert sys.getrefcount(file) > free
    assert np.array_equal(half.numpy(), PICTURE.extract_area(0, 0, 20, 30).numpy())
    del half
    gc.collect()
    assert sys.getrefcount(file) == free


def test_memory_that_a_picture_reads_from_stays_with_what_is_made_of_it() -> None:
    samples = np.full((300, 400, 3), 9, np.uint8)
    image = call("copy", pyvips.Image.new_from_memory(samples.data, 400, 300, 3, "uchar"), interpretation="srgb")
    half = call("extract_area", image, 0, 0, 200, 300)
    del samples, image
    gc.collect()
    np.full((300, 400, 3), 1, np.uint8)

    assert half.avg() == 9
