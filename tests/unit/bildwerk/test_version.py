"""`bildwerk version`."""

from __future__ import annotations

import platform
from importlib.util import find_spec

import pytest

from bildwerk.main import main
from renderer.formats import ImageFormat
from renderer.version import IMGPROXY_VERSION, VERSION
from renderer.vips.runtime import Capabilities


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """The printed lines: what follows the first word, by that word."""
    assert main(["version"]) == 0
    rows = (line.split() for line in capsys.readouterr().out.splitlines() if line)
    return {name: rest for name, *rest in rows}


def test_everything_that_shapes_a_result_has_its_version(lines: dict[str, list[str]]) -> None:
    """Ours, imgproxy's, Python's and the libraries'."""
    assert lines["bildwerk"] == [VERSION]
    assert lines["answers"][-1] == IMGPROXY_VERSION
    assert lines["Python"] == [platform.python_version()]
    assert lines["libvips"][0].startswith("8.18.")
    assert {"pyvips", "aiohttp"} <= lines.keys()


@pytest.mark.parametrize(("module", "name"), [("pi_heif", "pi-heif"), ("imagecodecs", "imagecodecs")])
def test_extras_that_read_pictures_have_theirs(module: str, name: str, lines: dict[str, list[str]]) -> None:
    """Where they are installed."""
    assert (name in lines) == (find_spec(module) is not None)


def test_every_format_says_whether_it_is_read_and_written(
    lines: dict[str, list[str]], capabilities: Capabilities
) -> None:
    """As this build can."""
    table = {format: lines[format.value] for format in ImageFormat}

    assert {format for format, (reads, _) in table.items() if reads == "yes"} == capabilities.loadable
    assert {format for format, (_, writes) in table.items() if writes == "yes"} == capabilities.savable
    assert table[ImageFormat.SVG] == ["yes", "copies"]
