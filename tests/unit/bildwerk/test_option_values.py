"""Options as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from bildwerk.option_values import settled_options, shown
from renderer.formats import ImageFormat
from renderer.options.declare import Option
from renderer.options.tables import PROCESSING
from renderer.request.parse import Grammar, parse_request
from renderer.settings.load import load_settings

GRAMMAR = Grammar(now=lambda: 0.0, allows_security_options=True)


def row(name: str) -> Option:
    """One row of the table."""
    return next(row for row in PROCESSING.options if row.name == name)


def value_of(text: str) -> tuple[Option, Any]:
    """The row and the value of an option as it stands in a URL."""
    seen: list[tuple[Option, Any]] = []
    parse_request(f"{text}/plain/x", GRAMMAR, observe=lambda row, value, _: seen.append((row, value)))
    return seen[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w:300", "300"),
        ("rt:fill", "fill"),
        ("dpr:1.5", "1.5"),
        ("el:t", "true"),
        ("sm:0", "false"),
        ("pd:1:2", "1:2:1:2"),
        ("bg:f00", "ff0000"),
        ("bg:", "none"),
        ("c:100:0.5:sm", "100:0.5:sm"),
        ("t:10", "10::0:0"),
        ("g:fp:0.5:0.25", "fp:0.5:0.25"),
        ("f:jpg", "jpeg"),
        ("fq:jpg:80:webp:70", "jpeg:80:webp:70"),
        ("skp:webp:gif", "gif, webp"),
        ("fn:ZmlsZQ:1", "file"),
        ("cb:", "none"),
        ("msr:16.8", "16.8"),
        ("exp:123", "123"),
        ("wm:0.5:re", "0.5:re:0:0:0"),
    ],
)
def test_a_value_reads_as_in_a_url(text: str, expected: str) -> None:
    """Booleans in words, encoded texts decoded, megapixels as megapixels."""
    assert shown(*value_of(text)) == expected


def test_the_separator_of_the_server_stands_between_arguments() -> None:
    """A value can be copied into a URL."""
    assert shown(*value_of("z:2:3"), ",") == "2,3"


def test_every_option_of_the_table_is_settled() -> None:
    """At its default or by a setting; the format is not, because only the source settles it."""
    request = parse_request("plain/x", GRAMMAR)

    settled = {option.name for option in settled_options(request, load_settings({}), ())}

    assert settled == {row.name for row in PROCESSING.options} - {"format"}


def test_every_option_that_a_setting_decides_names_it() -> None:
    """None as a default means that a setting decides, but for those that have no setting."""
    request = parse_request("plain/x", GRAMMAR)
    undecided = {row.name for row in PROCESSING.options if row.default is None} - {"format", "background", "expires"}

    by_settings = {
        option.name: option.origin
        for option in settled_options(request, load_settings({}), ())
        if option.origin.startswith("IMGPROXY_")
    }

    assert by_settings.keys() == undecided | {"quality", "skip_processing"}
    assert by_settings["max_src_file_size"] == "IMGPROXY_MAX_SRC_FILE_SIZE"
    assert by_settings["skip_processing"] == "IMGPROXY_SKIP_PROCESSING_FORMATS"


@pytest.mark.parametrize(
    ("path", "settings", "expected"),
    [
        ("plain/x@webp", {}, "79"),
        ("plain/x@jpg", {"IMGPROXY_QUALITY": "60"}, "60"),
        ("fq:jpg:50/plain/x@jpg", {}, "50"),
        ("plain/x@png", {}, "none"),
        ("raw:1/plain/x", {}, "none"),
        ("plain/x", {"IMGPROXY_FORMAT_QUALITY": "jpeg=90,jxl=80"}, "80, jpeg 90, webp 79, avif 63"),
    ],
)
def test_the_quality_is_that_of_the_result(path: str, settings: dict[str, str], expected: str) -> None:
    """Where the format is open, every quality that may be used."""
    request = parse_request(path, GRAMMAR)

    options = {option.name: option for option in settled_options(request, load_settings(settings), ())}

    assert options["quality"].value == expected


def test_notable_is_what_somebody_chose() -> None:
    """A setting that is not at its default."""
    settings = load_settings({"IMGPROXY_SKIP_PROCESSING_FORMATS": "gif", "IMGPROXY_AUTO_ROTATE": "true"})
    request = parse_request("plain/x@png", GRAMMAR)

    notable = [option for option in settled_options(request, settings, ()) if option.is_notable]

    assert [(option.name, option.value) for option in notable] == [("skip_processing", ImageFormat.GIF.value)]
