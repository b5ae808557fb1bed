"""WebP by another libwebp than libvips': pixels and files are equal to the last bit."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.features
import pytest
import pyvips

from renderer.codecs.webp import PRESETS, Encoder
from renderer.errors import BildwerkError, RequestTimeout
from renderer.vips import webp
from renderer.vips.runtime import Capabilities, Deadline

if not PIL.features.check("webp"):
    pytest.skip("the extra webp is not installed", allow_module_level=True)

Render = Callable[..., Any]


@pytest.fixture(scope="module")
def sources(draw: Any) -> dict[str, bytes]:
    """301 x 199: a photograph, the same without loss, and with alpha."""
    scene = draw.scene(301, 199)
    alpha = scene.bandjoin(draw.scene(301, 199)[1])
    return {
        "lossy": scene.webpsave_buffer(Q=85),
        "lossless": scene.webpsave_buffer(lossless=True),
        "alpha": alpha.webpsave_buffer(Q=70),
        "lossless alpha": alpha.webpsave_buffer(lossless=True),
    }


@pytest.mark.parametrize("scale", [1, 0.8, 0.5, 0.26, 0.03, 1.7])
@pytest.mark.parametrize("source", ["lossy", "lossless", "alpha", "lossless alpha"])
def test_pixels_are_those_of_libvips(source: str, scale: float, sources: dict[str, bytes]) -> None:
    header = pyvips.Image.webpload_buffer(sources[source], scale=scale)

    read = webp.pixels(sources[source], header)

    assert read is not None
    assert np.array_equal(read.numpy(), header.numpy())
    assert sorted(read.get_fields()) == sorted(header.get_fields())
    assert read.interpretation == header.interpretation


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("effort", [1, 4, 6])
@pytest.mark.parametrize("bands", [3, 4])
def test_files_are_those_of_libvips(bands: int, effort: int, preset: str, draw: Any) -> None:
    image = draw.scene(131, 67)
    if bands == 4:
        image = image.bandjoin(draw.scene(131, 67)[0])

    file = webp.save(image, Encoder(quality=79, effort=effort, preset=preset), Deadline())

    assert file == image.webpsave_buffer(Q=79, effort=effort, preset=preset)


@pytest.mark.parametrize(
    "fields",
    [
        {"exif-ifd0-Copyright": "Somebody (Somebody, ASCII, 9 components, 9 bytes)"},
        {"xmp-data": b"<x/>"},
        {"orientation": 6},
    ],
)
def test_metadata_is_that_of_libvips(fields: dict[str, object], draw: Any) -> None:
    image = draw.scene(131, 67).copy(xres=300 / 25.4, yres=72 / 25.4)
    types = {str: pyvips.GValue.gstr_type, bytes: pyvips.GValue.blob_type, int: pyvips.GValue.gint_type}
    for name, value in fields.items():
        image.set_type(types[type(value)], name, value)

    file = webp.save(image, Encoder(quality=50, effort=2, preset="default"), Deadline())

    assert file == image.webpsave_buffer(Q=50, effort=2)


def test_a_profile_is_written_by_libvips(draw: Any) -> None:
    """It leaves out what is none."""
    image = draw.scene(20, 10).copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", b"no profile")

    assert webp.save(image, Encoder(quality=50, effort=2, preset="default"), Deadline()) is None


@pytest.mark.parametrize("space", ["b-w", "grey16", "rgb16"])
def test_what_has_to_be_converted_is_written_by_libvips(space: str, draw: Any) -> None:
    image = draw.scene(20, 10).colourspace(space)

    assert webp.save(image, Encoder(quality=50, effort=2, preset="default"), Deadline()) is None


def test_animations_are_read_and_written_by_libvips(draw: Any, rendered: Render) -> None:
    frames = draw.scene(40, 60).copy()
    frames.set_type(pyvips.GValue.gint_type, "page-height", 20)
    frames.set_type(pyvips.GValue.array_int_type, "delay", [50, 60, 70])
    source = frames.webpsave_buffer()

    assert webp.pixels(source, pyvips.Image.webpload_buffer(source)) is None
    assert rendered("f:webp", source).size == (40, 20)
    assert rendered("w:20/f:webp", source, IMGPROXY_MAX_ANIMATION_FRAMES="9").field("n-pages") == 3


@pytest.mark.parametrize("kept", [11, 30, 200, -1])
def test_files_that_are_cut_short(kept: int, sources: dict[str, bytes], rendered: Render) -> None:
    with pytest.raises(BildwerkError) as raised:
        rendered("w:50/f:webp", sources["lossy"][:kept])
    assert raised.value.status == 422


def test_a_deadline_that_passed(sources: dict[str, bytes], rendered: Render) -> None:
    deadline = Deadline()
    deadline.kill()

    with pytest.raises(RequestTimeout):
        rendered("f:webp", sources["lossy"], deadline=deadline)


def test_an_encoder_at_work_is_stopped(draw: Any) -> None:
    """Several seconds of work; the first percent that libwebp tells after the kill is its last."""
    image = draw.scene(1000, 750).replicate(4, 4).copy_memory()
    deadline = Deadline()
    timer = threading.Timer(0.3, deadline.kill)
    timer.start()

    with pytest.raises(RequestTimeout):
        webp.save(image, Encoder(quality=90, effort=6, preset="default"), deadline)
    timer.join()


@pytest.mark.parametrize("missing", ["PIL", "PIL._webp"])
def test_without_the_extra(missing: str, sources: dict[str, bytes]) -> None:
    """In another process, where the module cannot be found: libvips reads and writes the same."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
from renderer.formats import ImageFormat
from renderer.settings.processing import FormatSettings
from renderer.vips import runtime
from renderer.vips.loader import Loader, LoaderSettings
from renderer.vips.saver import Encoding, save
assert runtime.start().has_fast_webp is ({missing!r} != "PIL")
deadline = runtime.Deadline()
loader = Loader(sys.stdin.buffer.read(), ImageFormat.WEBP, LoaderSettings(), deadline)
image = loader.decoded(loader.open(shrink=2))
sys.stdout.buffer.write(save(image, Encoding(format=ImageFormat.WEBP, quality=79), FormatSettings(), deadline))
"""
    source = sources["lossy"]
    file = subprocess.run([sys.executable, "-c", code], input=source, capture_output=True, check=True).stdout

    image = pyvips.Image.webpload_buffer(source, scale=0.5)
    assert file == image.webpsave_buffer(Q=79, effort=4)


def test_what_the_extra_adds(capabilities: Capabilities) -> None:
    assert capabilities.has_fast_webp
    assert webp.is_usable()
