"""SSIM: what the formula gives for pictures whose answer is known, and what must hold for all."""

from pathlib import Path

import numpy as np
import pytest
import pyvips

from benchmarks.pictures.similarity import reference, similarity, ssim


def picture(seed: int = 1) -> pyvips.Image:
    noise = pyvips.Image.gaussnoise(160, 120, mean=128, sigma=40, seed=seed)
    return noise.gaussblur(1).bandjoin([noise, noise.rot180()]).cast("uchar").copy(interpretation="srgb")


def png(image: pyvips.Image) -> bytes:
    data: bytes = image.pngsave_buffer()
    return data


def test_a_picture_is_wholly_like_itself() -> None:
    assert similarity(png(picture()), png(picture())) == pytest.approx(1)


def test_it_does_not_matter_which_one_is_the_reference() -> None:
    one, two = png(picture()), picture().jpegsave_buffer(Q=40)

    assert similarity(one, two) == pytest.approx(similarity(two, one))


def test_better_quality_is_more_alike() -> None:
    likenesses = [similarity(picture().jpegsave_buffer(Q=quality), png(picture())) for quality in (5, 20, 50, 80, 95)]

    assert likenesses == sorted(likenesses)
    assert likenesses[0] < 0.8 < likenesses[-1] < 1


def test_other_pictures_are_little_alike() -> None:
    assert abs(similarity(png(picture(1)), png(picture(2)))) < 0.2


@pytest.mark.parametrize(("one", "two"), [(0, 255), (100, 120), (50, 50)])
def test_flat_planes_have_the_likeness_of_their_means(one: int, two: int) -> None:
    c1 = (0.01 * 255) ** 2
    expected = (2 * one * two + c1) / (one**2 + two**2 + c1)

    assert ssim(np.full((20, 30), float(one)), np.full((20, 30), float(two))) == pytest.approx(expected)


def test_it_is_the_formula_with_a_gaussian_window() -> None:
    """One window, computed from its definition: weighted means, variances and covariance."""
    dice = np.random.default_rng(1)
    one, two = dice.uniform(0, 255, (11, 11)), dice.uniform(0, 255, (11, 11))
    y, x = np.mgrid[-5:6, -5:6]
    weights = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    weights /= weights.sum()
    mean_one, mean_two = (weights * one).sum(), (weights * two).sum()
    variance_one = (weights * (one - mean_one) ** 2).sum()
    variance_two = (weights * (two - mean_two) ** 2).sum()
    covariance = (weights * (one - mean_one) * (two - mean_two)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mean_one * mean_two + c1) * (2 * covariance + c2)
    expected /= (mean_one**2 + mean_two**2 + c1) * (variance_one + variance_two + c2)

    assert ssim(one, two) == pytest.approx(expected)


def test_other_sizes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="160, 120"):
        similarity(png(picture()), png(picture().crop(0, 0, 100, 100)))


def test_very_small_pictures_can() -> None:
    icon = picture().crop(0, 0, 4, 3)

    assert similarity(png(icon), png(icon)) == pytest.approx(1)


def test_grey_and_color_can_be_compared() -> None:
    grey = picture().colourspace("b-w")

    assert similarity(png(grey), png(grey.colourspace("srgb"))) == pytest.approx(1)


def test_transparent_parts_are_seen_on_white() -> None:
    clear = picture().bandjoin(0).copy(interpretation="srgb")
    white = (picture() * 0 + 255).cast("uchar").copy(interpretation="srgb")

    assert similarity(png(clear), png(white)) == pytest.approx(1)


@pytest.mark.parametrize("name", ["photo.jpg", "alpha.png", "drawing.svg", "moving.gif", "photo.avif"])
def test_a_reference_has_the_size_that_is_asked_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".svg":
        path.write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><rect width="20" height="30"/></svg>'
        )
    else:
        image = picture().bandjoin(200) if name == "alpha.png" else picture()
        image.copy(interpretation="srgb").write_to_file(str(path))

    made = pyvips.Image.pngload_buffer(reference(path, 80, 60))

    assert (made.width, made.height) == (80, 60)


def test_a_reference_is_turned_upright(tmp_path: Path) -> None:
    lying = picture().copy()
    lying.set_type(pyvips.GValue.gint_type, "orientation", 6)
    lying.jpegsave(str(tmp_path / "turned.jpg"), Q=95)

    made = reference(tmp_path / "turned.jpg", 60, 80)

    assert similarity(made, png(picture().rot90().resize(0.5))) > 0.9
