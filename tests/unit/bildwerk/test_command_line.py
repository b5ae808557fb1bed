"""The commands as a person types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import pyvips

from bildwerk.main import imgproxy, main
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path

GRAMMAR = Grammar(now=lambda: 0.0)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a fresh shell."""
    for name in ("IMGPROXY_KEY", "IMGPROXY_SALT", "IMGPROXY_BIND", "PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A JPEG of 120 x 80."""
    path = tmp_path / "photo.jpg"
    pyvips.Image.black(120, 80, bands=3).copy(interpretation="srgb").jpegsave(str(path))
    return path


def test_sign_gives_the_documented_signature(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The first test vector of spec 01 section 2."""
    monkeypatch.setenv("IMGPROXY_KEY", "736563726574")
    monkeypatch.setenv("IMGPROXY_SALT", "68656C6C6F")

    assert main(["sign", "/w:10/plain/local:///jpg/jpg.jpg@png"]) == 0
    assert capsys.readouterr().out.strip() == (
        "/nxqBSZ4jN_Jq60Y2JHLKKqUGFL066zuVRyQ2THGlsZg/w:10/plain/local:///jpg/jpg.jpg@png"
    )


def test_sign_without_a_key_says_what_to_set(capsys: Capture) -> None:
    """No signature is made up."""
    assert main(["sign", "w:10/plain/x"]) == 1
    assert "IMGPROXY_KEY" in capsys.readouterr().err


def test_url_writes_what_the_server_reads(capsys: Capture) -> None:
    """Options, source and format in one URL."""
    assert main(["url", "local:///a.jpg", "--options", "rs:fill:30:40/g:sm", "--format", "webp"]) == 0
    written = capsys.readouterr().out.strip()
    assert parse_request(split_path(written).signed, GRAMMAR) == parse_request(
        "rs:fill:30:40/g:sm/plain/local:///a.jpg@webp", GRAMMAR
    )


def test_url_names_the_option_that_was_meant(capsys: Capture) -> None:
    """A typing error is told at once."""
    assert main(["url", "local:///a.jpg", "--options", "blurr:3"]) == 1
    assert "blur" in capsys.readouterr().err


def test_explain_shows_where_options_come_from(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Preset and URL are told apart."""
    monkeypatch.setenv("IMGPROXY_PRESETS", "thumb=w:160")

    assert main(["explain", "/unsafe/pr:thumb/bl:2/plain/local:///a.jpg@webp"]) == 0
    shown = capsys.readouterr().out
    assert "preset thumb" in shown
    assert "local:///a.jpg" in shown
    assert "o-" in shown


def test_explain_says_why_a_url_is_refused(capsys: Capture) -> None:
    """The status and the developer's text."""
    assert main(["explain", "/unsafe/foo:1/plain/local:///a.jpg"]) == 1
    captured = capsys.readouterr()
    assert "404" in captured.out + captured.err
    assert "Unknown processing option foo" in captured.out + captured.err


def test_render_writes_the_result_under_the_servers_rules(photo: Path, tmp_path: Path) -> None:
    """One file, with options; the output's name decides the format."""
    output = tmp_path / "thumb.webp"

    assert main(["render", str(photo), str(output), "--options", "rs:fit:60:60"]) == 0
    image = pyvips.Image.new_from_file(str(output))
    assert (image.width, image.height, image.get("vips-loader")) == (60, 40, "webpload")


def test_render_never_overwrites_by_accident(photo: Path, tmp_path: Path) -> None:
    """An output that exists stays unless it is forced; an input stays always."""
    output = tmp_path / "there.png"
    output.write_bytes(b"mine")
    before = photo.read_bytes()

    assert main(["render", str(photo), str(output)]) == 1
    assert output.read_bytes() == b"mine"
    assert main(["render", str(photo), str(photo), "--force"]) == 1
    assert photo.read_bytes() == before


def test_render_goes_on_after_a_broken_file(photo: Path, tmp_path: Path, capsys: Capture) -> None:
    """The others are written, the broken one is named."""
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    folder = tmp_path / "out"

    assert main(["render", str(photo), str(broken), str(folder), "--options", "w:30"]) == 1
    assert [path.name for path in folder.iterdir()] == ["photo.jpg"]
    assert "broken.png" in capsys.readouterr().err


def test_version_names_libvips_and_the_formats(capsys: Capture) -> None:
    """What shapes a result."""
    assert imgproxy(["version"]) == 0
    shown = capsys.readouterr().out
    assert "8.18.7" in shown
    assert "4.0.12" in shown


def test_health_says_no_when_nothing_listens(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Exit status 1, and where it asked."""
    monkeypatch.setenv("IMGPROXY_BIND", "127.0.0.1:1")

    assert main(["health"]) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_the_command_line_loads_neither_libvips_nor_aiohttp() -> None:
    """`bildwerk health` runs every few seconds."""
    code = "import sys, bildwerk.main, bildwerk.health; print(sorted({'pyvips', 'aiohttp'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
