"""`bildwerk version`."""

from __future__ import annotations

import platform

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


def test_every_format_says_whether_it_is_read_and_written(
    lines: dict[str, list[str]], capabilities: Capabilities
) -> None:
    """As this build can."""
    table = {format: lines[format.value] for format in ImageFormat}

    assert {format for format, (reads, _) in table.items() if reads == "yes"} == capabilities.loadable
    assert {format for format, (_, writes) in table.items() if writes == "yes"} == capabilities.savable
    assert table[ImageFormat.SVG] == ["yes", "copies"]
