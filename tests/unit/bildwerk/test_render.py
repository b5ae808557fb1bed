"""`bildwerk render`: files in, files out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from bildwerk.main import main
from bildwerk.terminal import INTERRUPTED
from renderer.formats import ImageFormat, detect

Picture = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names() -> list[str]:
    """What is in the folder."""
    return sorted(path.name for path in Path().iterdir())


def format_of(path: str | Path) -> ImageFormat | None:
    """What a file really holds."""
    return detect(Path(path).read_bytes())


def test_one_file_becomes_another(picture: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    """Sizes, formats and bytes of both are printed."""
    source = picture("a.png")

    status = main(["render", "a.png", "small.webp", "--options", "rs:fill:20:20/g:ce"])

    result = Path("small.webp")
    image = pyvips.Image.new_from_file("small.webp")
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert (image.width, image.height) == (20, 20)
    assert lines[0].split() == ["a.png", "60", "x", "40", "png", f"{source.stat().st_size}", "bytes"]
    assert lines[1].split() == ["small.webp", "20", "x", "20", "webp", f"{result.stat().st_size}", "bytes"]


@pytest.mark.parametrize(
    ("arguments", "settings", "format"),
    [
        (["a.png", "out.tif"], {}, ImageFormat.TIFF),
        (["a.png", "out.tif", "--options", "f:webp"], {}, ImageFormat.WEBP),
        (["a.png", "out.tif", "--options", "f:webp", "--format", "gif"], {}, ImageFormat.GIF),
        (["a.png", "out.tif"], {"IMGPROXY_PRESETS": "default=f:webp"}, ImageFormat.TIFF),
        (["a.png", "out.tif", "--options", "pr:w"], {"IMGPROXY_PRESETS": "w=f:webp"}, ImageFormat.WEBP),
        (["a.png", "out.BMP"], {}, ImageFormat.BMP),
    ],
)
def test_the_format_is_what_was_said_last(
    arguments: list[str],
    settings: dict[str, str],
    format: ImageFormat,
    picture: Picture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`--format` before the options, the options before the name, the name before the default preset."""
    picture("a.png")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert main(["render", *arguments]) == 0
    assert format_of(arguments[1]) is format


def test_a_name_that_promises_another_format_is_mentioned(picture: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is written as it was asked for."""
    picture("a.png")

    assert main(["render", "a.png", "out.webp", "--format", "gif"]) == 0
    assert capsys.readouterr().err == "note: out.webp holds gif: as was asked for\n"


def test_a_picture_too_small_for_its_format_is_mentioned(picture: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    """AVIF encoders want 16 pixels a side."""
    picture("a.png")

    assert main(["render", "a.png", "out.avif", "--options", "w:12"]) == 0
    assert capsys.readouterr().err == "note: out.avif holds jpeg: the picture is too small for avif\n"


def test_several_files_go_to_a_folder_that_is_made(picture: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    """Options may stand between the files, and no progress bar is drawn where nobody looks."""
    picture("a.png")
    picture("x/b.jpg")

    status = main(["render", "a.png", "x/b.jpg", "--format", "webp", "--jobs", "2", "new/folder"])

    total = sum(path.stat().st_size for path in Path("new/folder").iterdir())
    assert status == 0
    assert {path.name: format_of(path) for path in Path("new/folder").iterdir()} == {
        "a.webp": ImageFormat.WEBP,
        "b.webp": ImageFormat.WEBP,
    }
    assert capsys.readouterr() == (f"2 of 2 pictures written to new/folder, {total:,} bytes\n", "")


def test_a_progress_bar_is_drawn_on_request(picture: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr."""
    picture("a.png")
    picture("b.png")

    assert main(["render", "a.png", "b.png", "out/", "--progress"]) == 0

    output = capsys.readouterr()
    assert "0/2" in output.err
    assert "0/2" not in output.out


def test_one_bad_file_does_not_stop_the_others(picture: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    """The errors are listed at the end, in the order of the inputs, and the status is 1."""
    picture("good.png")
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    Path("text.png").write_bytes(b"no picture")
    Path("folder.png").mkdir()

    status = main(["render", "missing.png", "broken.png", "good.png", "text.png", "folder.png", "out"])

    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert status == 1
    assert [path.name for path in Path("out").iterdir()] == ["good.png"]
    assert output.out.startswith("1 of 5 pictures written to out, ")
    assert lines[0] == "bildwerk render: 4 not rendered:"
    assert lines[1] == "  missing.png: No such file or directory"
    assert lines[2].startswith("  broken.png: Broken or unsupported image: ")
    assert lines[3] == "  text.png: Invalid source image: Source image type not supported"
    assert lines[4] == "  folder.png: Is a directory"


def test_one_bad_file_alone_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is on stdout."""
    assert main(["render", "missing.png", "out.png"]) == 1
    assert capsys.readouterr() == ("", "bildwerk render: missing.png: No such file or directory\n")


def test_a_failed_render_leaves_the_old_result_and_nothing_else(
    picture: Picture, capsys: pytest.CaptureFixture[str]
) -> None:
    """No half file, no temporary one."""
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    old = picture("old.webp").read_bytes()

    assert main(["render", "broken.png", "old.webp", "--force"]) == 1
    assert Path("old.webp").read_bytes() == old
    assert names() == ["broken.png", "old.webp"]
    capsys.readouterr()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_file(
    picture: Picture, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the system's own word; a name of 300 characters is one that no file system takes."""
    picture("a.png")

    assert main(["render", "a.png", f"{'n' * 300}.png"]) == 1
    assert "File name too long" in capsys.readouterr().err
    assert names() == ["a.png"]


def test_nothing_is_overwritten_unless_force_says_so(picture: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    """Then it is."""
    picture("a.png")
    Path("out.png").write_bytes(b"dear to me")

    assert main(["render", "a.png", "out.png"]) == 1
    assert "exists already (--force overwrites it)" in capsys.readouterr().err
    assert Path("out.png").read_bytes() == b"dear to me"

    assert main(["render", "a.png", "out.png", "--force"]) == 0
    assert format_of("out.png") is ImageFormat.PNG


def test_a_result_is_as_readable_as_any_new_file(picture: Picture) -> None:
    """The temporary file that it was has no modes of its own."""
    picture("a.png")
    Path("other").touch()

    main(["render", "a.png", "out.png"])

    assert Path("out.png").stat().st_mode == Path("other").stat().st_mode


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--options", "widht:1"], "Unknown processing option widht; is `width` meant?\n  widht:1\n  ^^^^^^^"),
        (["--options", "w1"], "'w1' is no option"),
        (["--options", "raw:1"], "raw returns a source as it is"),
        (["--format", "tif"], "Invalid format: tif (expected supported image format)"),
        (["--format", "heic"], "Resulting image format is not supported: heic (this build writes avif, bmp, gif"),
    ],
)
def test_a_mistake_is_told_before_any_work(
    arguments: list[str], text: str, picture: Picture, capsys: pytest.CaptureFixture[str]
) -> None:
    """No folder is made either."""
    picture("a.png")

    assert main(["render", "a.png", "new/", *arguments]) == 1
    assert text in capsys.readouterr().err
    assert names() == ["a.png"]


@pytest.mark.parametrize("jobs", ["0", "-1", "x", "1.5"])
def test_jobs_are_a_number_from_1(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is wrong usage."""
    with pytest.raises(SystemExit) as ended:
        main(["render", "a.png", "b.png", f"--jobs={jobs}"])

    assert ended.value.code == 2
    assert "expected a number from 1" in capsys.readouterr().err


def test_settings_hold_as_on_the_server(
    picture: Picture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Limits of sources among them."""
    picture("a.png")
    monkeypatch.setenv("IMGPROXY_MAX_SRC_RESOLUTION", "0.001")
    assert main(["render", "a.png", "out.png"]) == 1
    assert "Source image resolution is too big" in capsys.readouterr().err

    monkeypatch.setenv("IMGPROXY_MAX_SRC_FILE_SIZE", "10")
    assert main(["render", "a.png", "out.png"]) == 1
    assert "Source file is too big: over 10 bytes" in capsys.readouterr().err


def test_the_watermark_is_laid_over_files_too(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read from the settings as at the server's start."""
    picture("a.png")
    mark = pyvips.Image.black(10, 10, bands=3).draw_rect([0, 0, 255], 0, 0, 10, 10, fill=True)
    mark.copy(interpretation="srgb").write_to_file("mark.png")
    monkeypatch.setenv("IMGPROXY_WATERMARK_PATH", "mark.png")

    assert main(["render", "a.png", "out.png", "--options", "wm:1:ce"]) == 0
    assert pyvips.Image.new_from_file("out.png").getpoint(30, 20)[:3] == [0, 0, 255]


def test_a_watermark_that_is_none_stops_it(
    picture: Picture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stops the server."""
    picture("a.png")
    monkeypatch.setenv("IMGPROXY_WATERMARK_DATA", "bm8gcGljdHVyZQ==")

    assert main(["render", "a.png", "out.png"]) == 1
    assert "IMGPROXY_WATERMARK_DATA: expected a picture" in capsys.readouterr().err


def test_presets_alone_are_the_options_where_the_server_takes_nothing_else(
    picture: Picture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one the error says so."""
    picture("a.png")
    monkeypatch.setenv("IMGPROXY_PRESETS", "tiny=w:30")
    monkeypatch.setenv("IMGPROXY_ONLY_PRESETS", "1")

    assert main(["render", "a.png", "out.png", "--options", "tiny"]) == 0
    assert pyvips.Image.new_from_file("out.png").width == 30
    assert main(["render", "a.png", "two.png"]) == 1
    assert "IMGPROXY_ONLY_PRESETS is on" in capsys.readouterr().err


def test_as_a_process_it_keeps_stdout_for_results(bildwerk: Run, picture: Picture) -> None:
    """Warnings of the parser go to stderr."""
    picture("a.png")

    result = bildwerk("render", "a.png", "out.png", "--options", "el:yes")

    assert result.returncode == 0
    assert result.stdout.startswith(b"a.png ")
    assert result.stderr == b"Invalid enlarge: yes is no boolean and counts as false\n"


def test_an_interrupted_render_ends_soon_and_leaves_nothing_behind() -> None:
    """Also in the middle of an encoder that takes a minute and cannot be stopped."""
    noise = pyvips.Image.gaussnoise(1500, 1000, mean=128, sigma=40).cast("uchar").copy(interpretation="b-w")
    for name in ("a.png", "b.png"):
        noise.write_to_file(name)
    command = [sys.executable, "-m", "bildwerk.main", "render", "a.png", "b.png", "out", "--format=avif", "--progress"]
    environment = {**os.environ, "IMGPROXY_AVIF_SPEED": "0"}

    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stderr is not None
        seen = b""
        while b"0/2" not in seen:
            seen += process.stderr.read(1)
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=20) == INTERRUPTED
        assert b"Traceback" not in process.stderr.read()
    assert list(Path("out").iterdir()) == []
