"""HEIC sources whose pixels come from the extra `heif`, because the wheel's libvips has no HEVC decoder.

The samples in `tests/heic.json` were drawn for these tests: quarters in red, green, blue and white, coded by x265.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from renderer.errors import BildwerkError, BrokenImage, RequestTimeout, SourceResolutionTooLarge
from renderer.formats import ImageFormat
from renderer.vips.runtime import Capabilities, Deadline

pytest.importorskip("pi_heif", reason="the extra heif is not installed")

Render = Callable[..., Any]

_SAMPLES = json.loads((Path(__file__).parents[1] / "heic.json").read_text())


def _sample(name: str) -> bytes:
    return base64.b64decode(_SAMPLES[name])


def _without_pixels() -> bytes:
    """A file whose header is whole."""
    data = _sample("second")
    return data[: data.index(b"mdat") + 4] + bytes(len(data) - data.index(b"mdat") - 4)


def _near(pixel: tuple[int, ...], *color: int) -> bool:
    return len(pixel) == len(color) and all(abs(a - b) <= 4 for a, b in zip(pixel, color, strict=True))


def test_a_picture(rendered: Render) -> None:
    result = rendered("rs:fit:32:32/f:png", _sample("quarters"))

    assert (result.origin, result.size) == ((64, 64), (32, 32))
    assert _near(result.pixel(4, 4), 200, 30, 30)
    assert _near(result.pixel(28, 4), 30, 180, 30)
    assert _near(result.pixel(4, 28), 30, 30, 200)


def test_the_format_without_one_in_the_url(rendered: Render) -> None:
    """A HEIC source is not among the preferred formats: JPEG, and PNG with alpha (spec 02 section 7.2)."""
    assert rendered("", _sample("quarters")).format is ImageFormat.JPEG
    assert rendered("", _sample("alpha")).format is ImageFormat.PNG


def test_alpha(rendered: Render) -> None:
    result = rendered("f:png", _sample("alpha"))

    assert result.bands == 4
    assert result.pixel(8, 8)[3] < 8
    assert result.pixel(56, 8)[3] > 247
    assert _near(rendered("bg:ffffff/f:png", _sample("alpha")).pixel(8, 8), 255, 255, 255)


def test_grey_has_three_bands(rendered: Render) -> None:
    """As libvips loads it, so results do not depend on who decodes."""
    assert rendered("f:png", _sample("grey")).bands == 3


def test_more_than_eight_bits_are_kept_on_request(rendered: Render) -> None:
    assert rendered("f:png", _sample("ten bits")).image.format == "uchar"
    assert rendered("ph:1/f:png", _sample("ten bits")).image.format == "ushort"


def test_the_primary_picture_of_several(rendered: Render) -> None:
    result = rendered("f:png", _sample("second"))

    assert result.size == (96, 64)
    assert _near(result.pixel(50, 30), 20, 40, 200)


def test_orientation_is_not_applied_twice(rendered: Render) -> None:
    """The file turns its picture itself, and its EXIF says 6: that is history (spec 02 section 2.4)."""
    result = rendered("f:png", _sample("turned"))

    assert (result.origin, result.size) == ((128, 64), (128, 64))
    assert _near(result.pixel(8, 8), 240, 240, 240)
    assert _near(result.pixel(120, 56), 200, 30, 30)


def test_metadata_reaches_the_result_when_it_is_kept(rendered: Render) -> None:
    kept = rendered("sm:0/f:jpeg", _sample("quarters"))
    copyright = rendered("kcr:1/f:jpeg", _sample("quarters"))

    assert str(kept.field("exif-ifd0-Make")).startswith("Maker")
    assert kept.field("xmp-data") is not None
    assert copyright.field("exif-ifd0-Make") is None
    assert str(copyright.field("exif-ifd0-Copyright")).startswith("Somebody")
    assert rendered("f:jpeg", _sample("quarters")).field("exif-ifd0-Make") is None


def test_trim_crop_and_a_watermark(rendered: Render) -> None:
    """Steps that need pixels before the others, and a HEIC watermark."""
    assert rendered("t:10/f:png", _sample("quarters")).size == (64, 64)
    assert _near(rendered("c:32:32:nowe/f:png", _sample("quarters")).pixel(30, 30), 200, 30, 30)
    marked = rendered("wm:1:nowe/f:png", _sample("second"), watermark=_sample("quarters"))
    assert _near(marked.pixel(8, 8), 200, 30, 30)


def test_the_thumbnail_when_it_is_asked_for(rendered: Render) -> None:
    """Geometry, limits and reported sizes are the thumbnail's (spec 02 section 2.7)."""
    result = rendered("eth:1/f:png", _sample("thumbnail"))

    assert (result.origin, result.size) == ((64, 48), (64, 48))
    assert rendered("eth:1/f:png", _sample("quarters")).size == (64, 64)


def test_the_thumbnail_when_it_is_large_enough(rendered: Render) -> None:
    """Changing the main picture's pixels shows which of the two was decoded."""
    data = _sample("thumbnail")
    no_main = data.replace((256).to_bytes(4, "big") + (192).to_bytes(4, "big"), bytes((0, 0, 1, 0, 0, 0, 0, 193)))

    assert rendered("rs:fit:32:24/f:png", no_main).size[0] == 32
    with pytest.raises(BrokenImage):
        rendered("rs:fit:128:96/f:png", no_main)


def test_limits_come_before_pixels(rendered: Render) -> None:
    """The pixels of this file do not decode; nobody asks for them."""
    with pytest.raises(SourceResolutionTooLarge):
        rendered("msr:0.001/f:png", _without_pixels())
    with pytest.raises(BrokenImage):
        rendered("f:png", _without_pixels())


def test_a_source_that_is_skipped_is_not_decoded(rendered: Render) -> None:
    assert rendered("skp:heic", _without_pixels()).data == _without_pixels()


def test_a_deadline_that_passed(rendered: Render) -> None:
    deadline = Deadline()
    deadline.kill()

    with pytest.raises(RequestTimeout):
        rendered("f:png", _sample("quarters"), deadline=deadline)


@pytest.mark.parametrize("length", [12, 30, 100, 300, 600])
def test_files_that_are_cut_short(length: int, rendered: Render) -> None:
    with pytest.raises(BildwerkError) as raised:
        rendered("f:png", _sample("quarters")[:length])
    assert raised.value.status == 422


def test_without_the_extra_the_answer_names_it() -> None:
    """In another process, where the extra's module cannot be found."""
    code = f"""
import base64, sys
sys.modules["pi_heif"] = sys.modules["imagecodecs"] = None
from renderer.errors import UnsupportedFormat
from renderer.formats import ImageFormat
from renderer.vips import runtime
from renderer.vips.loader import Loader, LoaderSettings
capabilities = runtime.start()
assert not capabilities.decodes_hevc
assert ImageFormat.JXL not in capabilities.loadable | capabilities.savable
try:
    Loader(base64.b64decode({_SAMPLES["quarters"]!r}), ImageFormat.HEIC, LoaderSettings(), runtime.Deadline()).open()
except UnsupportedFormat as error:
    print(error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "bildwerk[heif]" in printed


def test_extras_are_imported_by_the_first_picture_that_needs_them() -> None:
    code = """
import sys
from renderer.vips import runtime
assert runtime.start().foreign_loads
assert not {"pi_heif", "imagecodecs", "numpy", "PIL"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_what_the_extra_adds(capabilities: Capabilities) -> None:
    assert capabilities.decodes_hevc
    assert ImageFormat.HEIC in capabilities.loadable
    assert ImageFormat.HEIC not in capabilities.savable
