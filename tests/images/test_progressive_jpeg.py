"""Progressive JPEGs at one eighth: the scans that do not show are left out, and nothing but the time shows it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from renderer.codecs.jpeg_eighth import without_unseen_scans
from renderer.codecs.jpeg_scans import read_progressive
from renderer.errors import BrokenImage
from renderer.formats import ImageFormat
from renderer.vips.loader import Loader, LoaderSettings
from renderer.vips.runtime import Capabilities, Deadline
from tests.images.progressive import FACTORS, Encoder, Factors, ScanHeader, shuffled_scans

Render = Callable[..., Any]

_ANY_SIZE = 1 << 30


@pytest.fixture(scope="module", autouse=True)
def libvips(capabilities: Capabilities) -> Capabilities:
    """The server's own set-up: no operation cache, one thread."""
    return capabilities


def _pixels(data: bytes, **options: Any) -> np.ndarray | None:
    """The picture at one eighth as libvips decodes it; None if it refuses."""
    try:
        return pyvips.Image.jpegload_buffer(data, shrink=8, access="sequential", **options).numpy()
    except pyvips.Error:
        return None


def _is_equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)


def _shortened(data: bytes) -> bytes:
    shortened = without_unseen_scans(data, max_bytes=_ANY_SIZE)
    assert shortened is not None
    return shortened


@pytest.mark.parametrize("factors", FACTORS.values(), ids=FACTORS)
@settings(max_examples=12, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    seed=st.integers(0, 1 << 32),
    adobe=st.sampled_from([None, 0, 1, 2]),
)
def test_any_order_of_scans_gives_the_pixels_of_the_whole_file(
    factors: Factors, size: tuple[int, int], seed: int, adobe: int | None
) -> None:
    """The marker of Adobe chooses between RGB and YCbCr, CMYK and YCCK."""
    randomness = random.Random(seed)
    color = b"" if adobe is None else b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0" + bytes([adobe])
    scans = shuffled_scans(len(factors), randomness)
    data = Encoder(size, factors, randomness).picture(scans, before_frame=color)

    assert _is_equal(_pixels(data), _pixels(_shortened(data)))


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (15, 17), (16, 16), (40, 33)])
@pytest.mark.parametrize("factors", FACTORS.values(), ids=FACTORS)
def test_libjpeg_has_no_complaint_about_what_is_written(
    factors: Factors, size: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    """The whole file is sound as well, so the pixels compared here are those of a sound file."""
    randomness = random.Random(8)
    data = Encoder(size, factors, randomness).picture(shuffled_scans(len(factors), randomness))

    shortened = _shortened(data)

    assert _pixels(data) is not None
    assert _is_equal(_pixels(data), _pixels(shortened))
    assert not _complaints(caplog)


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("pyvips")]


@pytest.mark.parametrize("size", [(1728, 1208), (1736, 1208), (2048, 1024), (2048, 2048), (2056, 2056)])
def test_nor_about_pictures_of_more_blocks_than_a_run_has(
    size: tuple[int, int], draw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A run has at most 32,767 blocks, as many as a picture of 1,736 by 1,208 pixels."""
    data = draw.coordinates(*size).jpegsave_buffer(interlace=True, subsample_mode="off")

    assert _is_equal(_pixels(data), _pixels(_shortened(data)))
    assert not _complaints(caplog)


def _plain_scans(count: int) -> list[ScanHeader]:
    details = [ScanHeader(components=(index,), first=1, last=63) for index in range(count)]
    return [ScanHeader(components=(index,)) for index in range(count)] + details


@pytest.mark.parametrize(
    ("name", "detailed"),
    [
        ("grey", 0),
        ("4:4:4", 0),
        ("4:2:2", 0),
        ("4:4:0", 0),
        ("4:1:1", 0),
        ("thirds", 0),
        ("a third and a half", 0),
        ("4:2:0", 2),
        ("4:1:0", 2),
        ("cmyk with halves", 2),
        ("each component otherwise", 0),
        ("the first is the smallest", 1),
    ],
)
def test_only_components_subsampled_both_ways_keep_their_detail(name: str, detailed: int) -> None:
    """One scan of detail for each of these; the others have the scan that says zero, with hardly a byte in it."""
    factors = FACTORS[name]
    data = Encoder((80, 80), factors, random.Random(1)).picture(_plain_scans(len(factors)))

    shortened = read_progressive(_shortened(data))

    assert shortened is not None
    lengths = [scan.end - scan.start for scan in shortened.scans if scan.first]
    assert len(lengths) == len(factors)
    assert sum(length > 30 for length in lengths) == detailed


def _saved_by_pillow(image: pyvips.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(image.numpy()).save(file, "JPEG", progressive=True, **options)
    return file.getvalue()


_BY_LIBVIPS: dict[str, dict[str, Any]] = {
    "libvips 4:4:4": {"subsample_mode": "off"},
    "libvips 4:2:0": {"subsample_mode": "on"},
    "libvips with restarts": {"restart_interval": 5},
    "libvips with restarts 4:4:4": {"subsample_mode": "off", "restart_interval": 1},
    "libvips with its own scans": {"optimize_scans": True, "trellis_quant": True, "overshoot_deringing": True},
    "libvips at 100": {"Q": 100},
    "libvips at 3": {"Q": 3},
}
_BY_PILLOW = ("4:4:4", "4:2:2", "4:2:0")
_NAMES = [*_BY_LIBVIPS, *_BY_PILLOW, "cmyk", "grey", "large"]


@pytest.fixture(scope="module")
def photographs(draw: Any) -> dict[str, bytes]:
    """Progressive files as encoders write them."""
    scene = draw.scene(203, 154)
    others = {
        "cmyk": scene.icc_transform("cmyk", input_profile="srgb"),
        "grey": scene.colourspace("b-w"),
        "large": draw.scene(2000, 1501),
    }
    return (
        {name: scene.jpegsave_buffer(interlace=True, **options) for name, options in _BY_LIBVIPS.items()}
        | {mode: _saved_by_pillow(scene, subsampling=mode) for mode in _BY_PILLOW}
        | {name: image.jpegsave_buffer(interlace=True) for name, image in others.items()}
    )


@pytest.mark.parametrize("name", _NAMES)
def test_what_encoders_write_is_shortened_and_stays_the_same(name: str, photographs: dict[str, bytes]) -> None:
    data = photographs[name]

    shortened = _shortened(data)

    assert len(shortened) < len(data) or name == "libvips at 3"
    assert _is_equal(_pixels(data), _pixels(shortened))


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 8), (15, 17), (16, 8), (8, 4001), (4001, 8), (1017, 1031)])
@pytest.mark.parametrize("mode", ["4:4:4", "4:2:2", "4:2:0"])
def test_odd_sizes_stay_the_same(mode: str, size: tuple[int, int], draw: Any) -> None:
    data = _saved_by_pillow(draw.scene(*size), subsampling=mode)

    assert _is_equal(_pixels(data), _pixels(_shortened(data)))


@pytest.mark.parametrize("options", ["rs:fit:20:20", "w:9/rot:90", "rs:fill:12:18/g:no", "c:160:120/w:12"])
@pytest.mark.parametrize("name", _NAMES)
def test_a_thumbnail_is_byte_for_byte_that_of_the_whole_file(
    name: str, options: str, photographs: dict[str, bytes], rendered: Render
) -> None:
    """A file that is left alone stands for the whole file."""
    data = photographs[name]

    thumbnail = rendered(f"{options}/f:png", data)
    reference = rendered(f"{options}/f:png", _left_alone(data))

    assert thumbnail.data == reference.data


def _left_alone(data: bytes) -> bytes:
    """The same pixels in a file that is read whole: a byte that belongs nowhere stands near its start."""
    changed = data[:2] + b"\xff\xfe\x00\x02\x00" + data[2:]
    assert without_unseen_scans(changed, max_bytes=_ANY_SIZE) is None
    return changed


def test_metadata_comes_along(draw: Any, rendered: Render) -> None:
    image = draw.scene(320, 240).icc_transform("p3", input_profile="srgb").copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Copyright", "somebody")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    data = image.jpegsave_buffer(interlace=True)
    options = "w:15/sm:0/scp:0/f:jpg"

    thumbnail = rendered(options, data)

    assert thumbnail.origin == (240, 320)
    assert thumbnail.field("exif-ifd0-Copyright")
    assert thumbnail.field("xmp-data")
    assert thumbnail.field("icc-profile-data")
    assert thumbnail.data == rendered(options, _left_alone(data)).data


def _opened(data: bytes, *, is_strict: bool) -> np.ndarray | None:
    loader = Loader(data, ImageFormat.JPEG, LoaderSettings(is_strict=is_strict), Deadline())
    try:
        return loader.open(shrink=8).numpy()
    except (BrokenImage, pyvips.Error):
        return None


@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("name", ["4:4:4", "4:2:0"])
def test_a_file_that_is_cut_anywhere_gives_what_it_gave(name: str, draw: Any, *, is_strict: bool) -> None:
    """With strict sources that is an error up to the last byte."""
    whole = _saved_by_pillow(draw.scene(24, 17), subsampling=name, quality=50)
    options = {"fail_on": "truncated"} if is_strict else {}

    for end in range(2, len(whole) + 1):
        assert _is_equal(_opened(whole[:end], is_strict=is_strict), _pixels(whole[:end], **options))
        ended = whole[:end] + b"\xff\xd9"
        assert _is_equal(_opened(ended, is_strict=is_strict), _pixels(ended, **options))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from([*_BY_LIBVIPS, "cmyk", "grey"]), is_strict=st.booleans())
def test_damage_changes_nothing_that_libvips_shows(
    data: st.DataObject, name: str, photographs: dict[str, bytes], *, is_strict: bool
) -> None:
    """Where libvips draws a damaged file, the same pixels come out.

    It gives up after a hundred complaints. Those about scans that are left out are not made, so a few files more are
    drawn.
    """
    broken = bytearray(photographs[name])
    where = st.integers(2, len(broken) - 1) | st.integers(2, 700)
    for place, value in data.draw(st.lists(st.tuples(where, st.integers(0, 255)), min_size=1, max_size=6)):
        broken[place] = value
    options = {"fail_on": "truncated"} if is_strict else {}

    whole = _pixels(bytes(broken), **options)
    ours = _opened(bytes(broken), is_strict=is_strict)

    assert whole is None or _is_equal(whole, ours)


def test_damage_that_does_not_show_is_not_seen(draw: Any, rendered: Render) -> None:
    """Libvips gives up on a file after a hundred complaints; about what it does not read it has none."""
    data = draw.scene(480, 320).jpegsave_buffer(interlace=True, subsample_mode="off", restart_interval=1)
    picture = read_progressive(data)
    assert picture is not None
    scan = next(scan for scan in picture.scans if scan.first)
    damaged = data[: scan.start] + data[scan.start : scan.end].replace(b"\xff\xd3", b"\xff\xd0") + data[scan.end :]

    assert rendered("w:40/f:png", damaged).data == rendered("w:40/f:png", data).data
    with pytest.raises(BrokenImage):
        rendered("w:400/f:png", damaged)


@pytest.mark.parametrize("shrunk", ["w:60", "w:40", "w:200"])
def test_other_sizes_read_the_whole_file(shrunk: str, draw: Any, rendered: Render) -> None:
    data = draw.scene(203, 154).jpegsave_buffer(interlace=True)

    assert rendered(f"{shrunk}/f:png", data).data == rendered(f"{shrunk}/f:png", _left_alone(data)).data
