"""The sample pictures are what the examples and the documentation promise of them."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from bildwerk.examples import EXAMPLES
from renderer.formats import NAMES, detect
from renderer.options.tables import PROCESSING
from scripts.samples.__main__ import main
from scripts.samples.files import FILES, FRAMES
from scripts.samples.folder import STAMP, draw_samples, is_current

SIZES = {
    "landscape.jpg": (2400, 1600),
    "portrait.jpg": (1200, 1600),
    "turned.jpg": (1200, 900),
    "p3.jpg": (1200, 800),
    "photo.avif": (1200, 800),
    "scan.tiff": (1200, 900),
    "logo.png": (480, 480),
    "shapes.webp": (900, 600),
    "drawing.svg": (800, 600),
    "wave.gif": (320, 200),
    "wave.webp": (480, 300),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sample pictures, drawn once for all tests of this file."""
    drawn = tmp_path_factory.mktemp("parent") / "samples"
    draw_samples(drawn)
    return drawn


def opened(folder: Path, name: str, **options: Any) -> Any:
    """A sample as libvips reads it."""
    return pyvips.Image.new_from_file(str(folder / name), **options)


def test_every_picture_is_drawn_and_nothing_else(folder: Path) -> None:
    """Every picture is drawn, and nothing else but the stamp."""
    assert {path.name for path in folder.iterdir()} == {*SIZES, STAMP}
    assert set(FILES) == set(SIZES)


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_a_picture_has_its_size_and_the_format_that_its_name_says(
    folder: Path, name: str, size: tuple[int, int]
) -> None:
    """A picture has its size, and the format that its name says."""
    image = opened(folder, name)

    assert (image.width, image.height) == size
    assert detect((folder / name).read_bytes()) is NAMES[Path(name).suffix.removeprefix(".")]


@pytest.mark.parametrize("name", ["logo.png", "shapes.webp", "wave.webp"])
def test_alpha_runs_from_none_to_all_with_steps_between(folder: Path, name: str) -> None:
    """Alpha runs from none to all or nearly all, with steps between."""
    alpha = opened(folder, name)[3]
    levels = np.flatnonzero(alpha.hist_find().numpy())

    assert levels[0] == 0
    assert levels[-1] > 240
    assert len(levels) > 10


@pytest.mark.parametrize("name", ["landscape.jpg", "portrait.jpg", "photo.avif", "p3.jpg", "scan.tiff"])
def test_photographs_have_no_alpha_and_are_not_flat(folder: Path, name: str) -> None:
    """Photographs have no alpha, and no channel of them is flat."""
    image = opened(folder, name)

    assert image.bands == 3
    assert all(image[band].deviate() > 0.05 * image[band].max() for band in range(3))


@pytest.mark.parametrize("name", ["wave.gif", "wave.webp"])
def test_animations_have_their_frames_loop_forever_and_move(folder: Path, name: str) -> None:
    """Animations have their frames, loop for ever, and move."""
    image = opened(folder, name, n=-1)
    height = image.get("page-height")
    first, second = (image.crop(0, height * frame, image.width, height) for frame in (0, 1))

    assert (image.get("n-pages"), image.get("loop"), height) == (FRAMES, 0, SIZES[name][1])
    assert image.height == FRAMES * height
    assert len(set(image.get("delay"))) == 1
    assert (first - second).abs().max() > 50


def test_the_turned_picture_stands_upright_when_its_orientation_is_heeded(folder: Path) -> None:
    """The turned picture lies on its side; turned as its EXIF says, the sky is above and brighter than the ground."""
    lying = opened(folder, "turned.jpg")
    upright = lying.autorot()
    sky, ground = upright.crop(0, 0, 900, 200), upright.crop(0, 1000, 900, 60)

    assert lying.get("orientation") == 6
    assert (upright.width, upright.height) == (900, 1200)
    assert sky[2].avg() > sky[0].avg() + 20
    assert sky.avg() > ground.avg()


def test_the_wide_gamut_picture_carries_its_profile_and_colors_beyond_srgb(folder: Path) -> None:
    """The wide-gamut picture carries its profile, and its colours lie beyond sRGB: converted, they are cut off."""
    image = opened(folder, "p3.jpg")
    profile = image.get("icc-profile-data")
    converted = image.icc_transform("srgb", embedded=True)

    assert b"acsp" in profile[:64]
    assert (image == 255).avg() < (converted == 255).avg()
    assert (image == 0).avg() < (converted == 0).avg()


@pytest.mark.parametrize(
    "name", ["landscape.jpg", "portrait.jpg", "logo.png", "shapes.webp", "photo.avif", "scan.tiff"]
)
def test_other_pictures_carry_no_profile(folder: Path, name: str) -> None:
    """Other pictures carry no profile."""
    assert "icc-profile-data" not in opened(folder, name).get_fields()


def test_the_scan_uses_sixteen_bits_and_its_margin_can_be_trimmed(folder: Path) -> None:
    """The scan uses 16 bits, and its margin is one colour, so that it can be trimmed."""
    image = opened(folder, "scan.tiff")
    trimmed = image.cast("ushort").find_trim(threshold=500, background=[65_535] * 3)

    assert (image.format, image.interpretation) == ("ushort", "rgb16")
    assert (image % 256).deviate() > 40
    assert trimmed == [110, 110, 980, 680]


def test_the_drawing_is_svg_with_text_and_gradients(folder: Path) -> None:
    """The drawing is SVG with text and gradients, and fetches nothing."""
    text = (folder / "drawing.svg").read_text(encoding="utf-8")

    assert {"<text", "<linearGradient", "<radialGradient", "<clipPath", "<pattern"} <= set(re.findall(r"<\w+", text))
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_drawing_again_changes_nothing(folder: Path) -> None:
    """Drawing again changes nothing and takes no time."""
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    started = time.process_time()

    assert not draw_samples(folder)
    assert main([str(folder)]) == 0
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert time.process_time() - started < 0.5


def test_a_folder_with_a_picture_missing_or_another_stamp_is_not_current(folder: Path, tmp_path: Path) -> None:
    """A folder with a picture missing, another stamp or none is not current."""
    assert is_current(folder)
    assert not is_current(tmp_path / "nowhere")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (*FILES, STAMP):
        (copy / name).write_bytes((folder / name).read_bytes())
    assert is_current(copy)

    (copy / "logo.png").rename(copy / "moved.png")
    assert not is_current(copy)
    (copy / "moved.png").rename(copy / "logo.png")
    (copy / STAMP).write_text("0" * 64 + "\nlogo.png", encoding="utf-8")
    assert not is_current(copy)


@pytest.mark.parametrize(("title", "path"), EXAMPLES)
def test_an_example_names_a_sample_and_known_options(title: str, path: str) -> None:
    """An example names a sample that is drawn, options that the server knows, and a format that it can write."""
    options, _, source = path.removeprefix("/unsafe/").partition("/plain/local:///")
    name, _, extension = source.partition("@")

    assert title.strip()
    assert name in FILES
    assert extension in {"", "jpg", "png", "webp", "avif"}
    assert all(option.split(":")[0] in PROCESSING.by_name for option in options.split("/"))


def test_examples_are_at_hand_without_libvips_and_numpy() -> None:
    """Examples are at hand without libvips and numpy, because a command prints them."""
    code = "import sys, bildwerk.examples; sys.exit(bool({'pyvips', 'numpy'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
