"""Operations called without pyvips' own way: the same answers, the same errors, and memory that stays."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from renderer.storage.held_file import HeldFile
from renderer.vips import runtime
from renderer.vips.operations import call
from renderer.vips.tracked import tracked_memory

PICTURE = pyvips.Image.xyz(40, 30).bandjoin(7).cast("uchar").copy(interpretation="srgb")


@pytest.mark.parametrize(
    ("operation", "arguments", "options"),
    [
        ("resize", (0.5,), {"vscale": 0.25, "kernel": "cubic"}),
        ("cast", ("ushort",), {"shift": True}),
        ("copy", (), {"xres": 2.5, "interpretation": "hsv"}),
        ("colourspace", ("b-w",), {}),
        ("premultiply", (), {"max_alpha": 200}),
        ("unpremultiply", (), {}),
        ("flatten", (), {"background": [9.0, 8.0]}),
        ("affine", ([1.5, 0.0, 0.5, 1.0],), {"interpolate": pyvips.Interpolate.new("nearest"), "odx": 3}),
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


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif"])
def test_sources_are_read_as_pyvips_reads_them(format: str) -> None:
    file = PICTURE.write_to_buffer(f".{format}")
    ours = call(f"{format}load_source", file, access="sequential")

    theirs = pyvips.Image.new_from_source(pyvips.Source.new_from_memory(file), "", access="sequential")

    assert (ours.get_fields(), ours.get("vips-loader")) == (theirs.get_fields(), theirs.get("vips-loader"))
    assert np.array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize(
    ("operation", "arguments", "options"),
    [
        ("copy", (PICTURE,), {"no_such": 1}),
        ("copy", (), {}),
        ("copy", (PICTURE, PICTURE), {}),
        ("extract_area", (PICTURE, 1, 2, 3, 4.5), {}),
        ("resize", (PICTURE, "half"), {}),
        ("avg", (PICTURE,), {}),
        ("draw_rect", (PICTURE, [1.0], 1, 2, 3, 4), {}),
        ("shrink", (PICTURE, 2.0, 2.0), {}),
    ],
    ids=repr,
)
def test_what_c_would_take_for_something_else_is_refused(
    operation: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        call(operation, *arguments, **options)


@pytest.mark.parametrize("value", [None, 3, "picture", b"picture"])
def test_what_is_no_picture_is_not_taken_for_one(value: object) -> None:
    with pytest.raises(AttributeError):
        call("copy", value)


def test_a_picture_is_all_that_pyvips_knows_of_one() -> None:
    picture = call("copy", PICTURE)

    known = {name for kind in pyvips.Image.__mro__ for name in getattr(kind, "__slots__", ())}
    assert known
    assert all(type(getattr(picture, name)) is type(getattr(PICTURE, name)) for name in known)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_stays_of_calls_that_fail_and_of_pictures_that_end(tmp_path: Path) -> None:
    runtime.start()  # libvips keeps operations, and what they hold, until it is told not to
    path = tmp_path / "file"
    path.write_bytes(b"no picture")
    stored = path.stat()
    file = HeldFile(os.open(path, os.O_RDONLY), b"", size=stored.st_size, modified_ns=stored.st_mtime_ns)
    gc.collect()
    opened, held = _descriptors(), tracked_memory().allocations

    picture = call("linear", PICTURE, [2.0], [1.0]).copy_memory()
    for operation, arguments in (("pngload_source", (file,)), ("extract_area", (picture, 30, 20, 30, 30))):
        with pytest.raises(pyvips.Error):
            call(operation, *arguments)
    assert call("jpegsave_buffer", call("extract_area", picture, 1, 1, 9, 9))
    during = tracked_memory().allocations
    del picture, arguments
    gc.collect()

    assert _descriptors() == opened
    assert held == tracked_memory().allocations < during
    file.close()


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
