"""Recordings: the same bytes again, from any thread, with nothing had for nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import pyvips

from benchmarks.pictures.limit_operations import Operations, Request, recording, rendered
from benchmarks.pictures.limit_recording import NotRecorded, recorded
from renderer.vips import runtime

runtime.start()


def picture(bands: int = 3) -> pyvips.Image:
    """Noise, large enough to be decoded at one eighth."""
    planes = [pyvips.Image.gaussnoise(640, 480, mean=128, sigma=50, seed=seed).cast("uchar") for seed in range(bands)]
    return planes[0].bandjoin(planes[1:]).copy(interpretation="srgb" if bands > 2 else "b-w")


def turned(image: pyvips.Image) -> pyvips.Image:
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return image


def described(image: pyvips.Image) -> pyvips.Image:
    """With fields that results do not keep."""
    image = image.copy()
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-ImageDescription", "a long description of noise")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>")
    return image


SOURCES = {
    "JPEG": picture().jpegsave_buffer(),
    "progressive JPEG": picture().jpegsave_buffer(interlace=True),
    "grey JPEG": picture(1).jpegsave_buffer(),
    "turned JPEG": turned(picture()).jpegsave_buffer(),
    "JPEG with metadata": described(picture()).jpegsave_buffer(),
    "JPEG in Display P3": picture().jpegsave_buffer(profile="p3"),
    "PNG with alpha": picture(4).pngsave_buffer(),
    "PNG with a palette": picture().pngsave_buffer(palette=True),
    "WebP": picture().webpsave_buffer(),
    "AVIF": picture().heifsave_buffer(compression="av1", effort=0),
}
RESULTS = [("rs:fit:64:64", "jpg"), ("rs:fit:301:0", "png"), ("rs:fit:200:200", "webp"), ("rs:fit:64:64", "avif")]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("options", "format"), RESULTS)
def test_a_replay_makes_what_the_renderer_makes(source: str, options: str, format: str) -> None:
    request = Request.read(SOURCES[source], options, format, {})

    replayed, first = recording(request, Operations.PLAN)

    assert rendered(request) == first == replayed.replay()


@pytest.mark.parametrize("source", SOURCES)
def test_imgproxys_operations_make_the_same_pixels(source: str) -> None:
    request = Request.read(SOURCES[source], "rs:fit:200:200", "png", {})

    replayed, _ = recording(request, Operations.IMGPROXY)

    one, two = (pyvips.Image.pngload_buffer(data) for data in (replayed.replay(), rendered(request)))
    assert (one.width, one.height, one.bands) == (two.width, two.height, two.bands)
    assert (one - two).abs().max() == 0


def test_a_recording_replays_on_several_threads_at_once() -> None:
    replayed, first = recording(Request.read(SOURCES["JPEG"], "rs:fit:100:100", "jpg", {}), Operations.PLAN)

    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda _: replayed.replay(), range(12)))

    assert results == [first] * 12


def test_a_header_that_was_opened_for_its_size_is_not_opened_again() -> None:
    replayed, _ = recording(Request.read(SOURCES["JPEG"], "rs:fit:70:70", "jpg", {}), Operations.PLAN)

    loads = [call.arguments[0] for call in replayed.calls if call.arguments[0] == "jpegload_source"]
    assert loads == ["jpegload_source"]


def test_a_picture_from_elsewhere_is_refused() -> None:
    before = picture().copy_memory()

    with pytest.raises(NotRecorded):
        recorded(before.jpegsave_buffer)


def test_a_result_from_elsewhere_is_refused() -> None:
    with pytest.raises(NotRecorded):
        recorded(lambda: b"bytes")


def test_nothing_stays_between_pyvips_and_its_callers() -> None:
    before = pyvips.Operation.call, pyvips.Image.copy_memory, pyvips.Image.remove

    with pytest.raises(NotRecorded):
        recorded(lambda: b"bytes")

    assert before == (pyvips.Operation.call, pyvips.Image.copy_memory, pyvips.Image.remove)
