"""AVIF sources: results do not depend on who decodes. Strict sources and missing extras are decoded by libvips."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import PIL.features
import PIL.Image
import pytest

from renderer.errors import BildwerkError, RequestTimeout, SourceResolutionTooLarge
from renderer.vips.runtime import Capabilities, Deadline

if not PIL.features.check("avif"):
    pytest.skip("the extra avif is not installed", allow_module_level=True)

Render = Callable[..., Any]


@pytest.fixture(scope="module")
def plain(draw: Any) -> bytes:
    return draw.scene(301, 199).heifsave_buffer(compression="av1", Q=70, effort=1)


@pytest.fixture(scope="module")
def with_metadata(draw: Any) -> bytes:
    """A file with a profile, EXIF with a copyright, and XMP."""
    image = PIL.Image.fromarray(draw.scene(301, 199).numpy())
    exif = PIL.Image.Exif()
    exif[0x10F], exif[0x8298] = "Maker", "Somebody"
    profile = PIL.Image.open(
        io.BytesIO(draw.flat(8, 8, (1, 2, 3)).heifsave_buffer(compression="av1", profile="p3"))
    ).info["icc_profile"]
    file = io.BytesIO()
    image.save(file, "AVIF", subsampling="4:2:0", speed=9, exif=exif, icc_profile=profile, xmp=b"<x/>")
    return file.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        "f:png",
        "rs:fit:64:64/f:png",
        "rs:fill:80:80/g:nowe/f:png",
        "c:100:90:soea/rs:fit:50:50/f:png",
        "t:10/f:png",
        "rot:90/f:png",
        "bl:2/f:png",
        "sm:0/f:jpeg",
        "scp:0/f:png",
        "kcr:1/f:jpeg",
        "eth:1/f:png",
        "f:avif",
    ],
)
@pytest.mark.parametrize("source", ["plain", "with_metadata"])
def test_results_do_not_depend_on_the_decoder(
    options: str, source: str, rendered: Render, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(source)

    assert rendered(options, data).data == rendered(options, data, BILDWERK_STRICT_SOURCES="1").data


def test_alpha_is_decoded_by_libvips(draw: Any, rendered: Render) -> None:
    data = draw.flat(40, 30, (200, 60, 30, 128)).heifsave_buffer(compression="av1", Q=95)

    assert rendered("f:png", data).bands == 4


def test_a_watermark(plain: bytes, geometry: bytes, rendered: Render) -> None:
    marked = rendered("wm:1:nowe:0:0:0.5/f:png", geometry, watermark=plain)
    strict = rendered("wm:1:nowe:0:0:0.5/f:png", geometry, watermark=plain, BILDWERK_STRICT_SOURCES="1")

    assert marked.data == strict.data


def test_limits_come_before_pixels(plain: bytes, rendered: Render) -> None:
    """The pixels of this file do not decode; nobody asks for them."""
    start = plain.index(b"mdat") + 4
    broken = plain[:start] + bytes(len(plain) - start)

    with pytest.raises(SourceResolutionTooLarge):
        rendered("msr:0.001/f:png", broken)
    with pytest.raises(BildwerkError) as raised:
        rendered("f:png", broken)
    assert raised.value.status == 422


@pytest.mark.parametrize("kept", [30, 200, 280, 400, -1])
def test_files_that_are_cut_short(kept: int, plain: bytes, rendered: Render) -> None:
    with pytest.raises(BildwerkError) as raised:
        rendered("f:png", plain[:kept])
    assert raised.value.status == 422


def test_a_deadline_that_passed(plain: bytes, rendered: Render) -> None:
    deadline = Deadline()
    deadline.kill()

    with pytest.raises(RequestTimeout):
        rendered("f:png", plain, deadline=deadline)


@pytest.mark.parametrize("missing", ["PIL", "PIL._avif"])
def test_without_the_extra(missing: str, plain: bytes, rendered: Render) -> None:
    """In another process, where the module cannot be found."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
from renderer.formats import ImageFormat
from renderer.vips import runtime
from renderer.vips.loader import Loader, LoaderSettings
assert runtime.start().has_fast_avif is ({missing!r} != "PIL")
loader = Loader(sys.stdin.buffer.read(), ImageFormat.AVIF, LoaderSettings(), runtime.Deadline())
sys.stdout.buffer.write(loader.decoded(loader.open()).write_to_memory())
"""
    pixels = subprocess.run([sys.executable, "-c", code], input=plain, capture_output=True, check=True).stdout

    assert pixels == rendered("f:png", plain).image.write_to_memory()


def test_what_the_extra_adds(capabilities: Capabilities) -> None:
    assert capabilities.has_fast_avif
