"""How much two pictures differ, as numbers."""

from __future__ import annotations

from typing import Any

import pytest
import pyvips

from renderer.errors import BildwerkError, BrokenImage, SourceResolutionTooLarge, UnsupportedFormat
from renderer.pipeline.geometry import Size
from renderer.vips.difference import MAX_PIXELS, PixelDifference, Shape, pixel_difference

pytestmark = pytest.mark.usefixtures("capabilities")


def gradient(width: int = 160, height: int = 120, *, alpha: int | None = None) -> pyvips.Image:
    """A picture without edges."""
    places = pyvips.Image.xyz(width, height)
    red, green = places[0] * (255 / width), places[1] * (255 / height)
    bands: list[Any] = [green, 128] + ([] if alpha is None else [alpha])
    return red.bandjoin(bands).cast("uchar").copy(interpretation="srgb")


def numbers(first: bytes, second: bytes) -> tuple[float, float]:
    """The mean and the worst block of pictures that have one shape."""
    found = pixel_difference(first, second)
    assert found.mean is not None
    assert found.worst_block is not None
    return found.mean, found.worst_block


@pytest.mark.parametrize("saver", ["pngsave_buffer", "jpegsave_buffer", "webpsave_buffer", "tiffsave_buffer"])
def test_a_picture_does_not_differ_from_itself(saver: str) -> None:
    """In any format."""
    data = getattr(gradient(), saver)()

    assert numbers(data, data) == (0.0, 0.0)


def test_another_encoding_of_the_same_picture_differs_little() -> None:
    """Less than anybody sees, everywhere."""
    mean, worst = numbers(gradient().pngsave_buffer(), gradient().jpegsave_buffer(Q=90))

    assert 0 < mean < 1
    assert worst < 3


def test_a_missing_detail_shows_in_the_worst_block() -> None:
    """Though it changes the mean of a large picture little."""
    marked = gradient(1600, 1200).draw_rect([0, 0, 0], 1584, 1184, 16, 16, fill=True)

    mean, worst = numbers(gradient(1600, 1200).pngsave_buffer(), marked.pngsave_buffer())

    assert mean < 0.05
    assert worst == pytest.approx((255 + 255 + 128) / 3, abs=5)


def test_a_shift_of_all_samples_is_the_mean() -> None:
    """Exactly."""
    grey = pyvips.Image.black(50, 50).linear(1, 100).cast("uchar").copy(interpretation="b-w")

    assert numbers(grey.pngsave_buffer(), (grey + 7).cast("uchar").pngsave_buffer()) == pytest.approx((7, 7))


def test_a_shift_of_one_sample_in_three_is_a_third_of_it() -> None:
    """Nothing is rounded away."""
    shifted = gradient().linear(1, [0, 0, 1]).cast("uchar").copy(interpretation="srgb")

    assert numbers(gradient().pngsave_buffer(), shifted.pngsave_buffer()) == pytest.approx((1 / 3, 1 / 3))


def test_what_cannot_be_seen_does_not_count() -> None:
    """The color of transparent pixels."""
    first, second = gradient(alpha=0), gradient(alpha=0).invert().copy()
    hidden = second.extract_band(0, n=3).bandjoin(0).copy(interpretation="srgb")

    assert numbers(first.pngsave_buffer(), hidden.pngsave_buffer()) == (0.0, 0.0)


def test_a_picture_that_lost_its_alpha_differs() -> None:
    """Also where its color stayed."""
    mean, _ = numbers(gradient(alpha=128).pngsave_buffer(), gradient().pngsave_buffer())

    assert mean > 60


def test_another_size_is_told_instead_of_a_number() -> None:
    """There is none."""
    found = pixel_difference(gradient().pngsave_buffer(), gradient(161).pngsave_buffer())

    assert found == PixelDifference(
        first=Shape(size=Size(160, 120), frames=1), second=Shape(size=Size(161, 120), frames=1)
    )


def animation(*levels: int) -> bytes:
    """A GIF with a frame for each grey level."""
    frames = [pyvips.Image.black(20, 10, bands=3).linear(1, level).cast("uchar") for level in levels]
    image = pyvips.Image.arrayjoin(frames, across=1).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "page-height", 10)
    image.set_type(pyvips.GValue.array_int_type, "delay", [100] * len(levels))
    data: bytes = image.gifsave_buffer(dither=0)
    return data


def test_all_frames_are_looked_at() -> None:
    """Their number, and what is in the last one."""
    first, second, third = animation(0, 100, 200), animation(0, 100, 230), animation(0, 100)

    assert numbers(first, first) == (0.0, 0.0)
    # 30 in one frame of three; animated GIFs have alpha, a fourth sample that does not differ.
    assert numbers(first, second)[0] == pytest.approx(30 / 3 * 3 / 4)
    assert pixel_difference(first, third).second == Shape(size=Size(20, 10), frames=2)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"<html>", UnsupportedFormat),
        (b"", UnsupportedFormat),
        (b"\xff\xd8\xff", BrokenImage),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, BrokenImage),
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{MAX_PIXELS // 1000 + 1}" height="1000"/>'.encode(),
            SourceResolutionTooLarge,
        ),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, error: type[BildwerkError]) -> None:
    """As everywhere else."""
    with pytest.raises(error):
        pixel_difference(gradient().pngsave_buffer(), data)


def test_a_file_that_ends_early_is_compared_as_far_as_it_goes() -> None:
    """The rest of it differs."""
    data = gradient(alpha=None).pngsave_buffer(compression=0)

    mean, worst = numbers(data, data[: len(data) // 2])

    assert mean > 20
    assert worst > 60
