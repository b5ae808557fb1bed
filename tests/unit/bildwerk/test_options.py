"""Options as people type them."""

from __future__ import annotations

import logging

import pytest

from bildwerk.options import collected_warnings, hint, offending_segment, option_segments, read_options
from renderer.errors import InvalidURL
from renderer.formats import ImageFormat
from renderer.request.parse import Grammar
from renderer.request.presets import parse_presets


def grammar(**changes: object) -> Grammar:
    """The grammar at noon of some day."""
    return Grammar(now=lambda: 1000.0, **changes)  # type: ignore[arg-type]


PRESETS = parse_presets(["thumb=w:100/h:100", "large=w:2000"], ":")


def test_options_are_read_by_the_servers_grammar() -> None:
    """With the extension as the last word on the format."""
    request = read_options("w:30/f:png/", grammar(), extension="webp")

    assert request.pipelines[0].resize.width == 30
    assert request.output.format is ImageFormat.WEBP


def test_no_options_are_options_too() -> None:
    """Everything is at its default then."""
    assert read_options("", grammar()).pipelines[0].resize.width == 0


def test_presets_alone_are_read_where_only_they_are_allowed() -> None:
    """As in a URL of such a server."""
    request = read_options("thumb:large", grammar(presets=PRESETS, is_presets_only=True))

    assert (request.pipelines[0].resize.width, request.pipelines[0].resize.height) == (2000, 100)


@pytest.mark.parametrize("text", ["", "thumb/large"])
def test_presets_alone_are_one_segment(text: str) -> None:
    """Anything else would be taken for the source."""
    with pytest.raises(InvalidURL, match="IMGPROXY_ONLY_PRESETS is on"):
        option_segments(text, grammar(presets=PRESETS, is_presets_only=True))


def test_a_mistake_shows_its_place() -> None:
    """Under the whole list."""
    with pytest.raises(InvalidURL) as raised:
        read_options("w:1/hight:2/q:3", grammar())

    assert str(raised.value) == (
        "Unknown processing option hight; is `height` meant?\n  w:1/hight:2/q:3\n      ^^^^^^^"
    )


def test_a_bad_extension_is_no_options_fault() -> None:
    """There is no place to show."""
    with pytest.raises(InvalidURL) as raised:
        read_options("w:1", grammar(), extension="tif")

    assert str(raised.value) == "Invalid format: tif (expected supported image format)"


@pytest.mark.parametrize(
    ("segments", "text", "index"),
    [
        (["w:1", "h:x", "q:y"], "Invalid height: x (expected positive number or 0)", 1),
        (["w:x"], "Invalid width: x (expected positive number or 0)", 0),
        (["w:1", "exp:1"], "Expired URL", 1),
        (["w:1"], "Invalid width: x (expected positive number or 0)", None),
        (["w:1", "h:x"], "some other error", None),
        ([], "Expired URL", None),
    ],
)
def test_the_segment_to_blame_is_the_first_that_is_refused(segments: list[str], text: str, index: int | None) -> None:
    """With that very text."""
    assert offending_segment(segments, grammar(), text) == index


def test_forty_thousand_segments_are_searched_in_no_time() -> None:
    """By halves, not one after another."""
    segments = ["w:1"] * 20_000 + ["w:x"] + ["w:1"] * 20_000

    assert offending_segment(segments, grammar(), "Invalid width: x (expected positive number or 0)") == 20_000


def test_presets_alone_have_one_segment_to_blame() -> None:
    """The names."""
    only = grammar(presets=PRESETS, is_presets_only=True)

    assert offending_segment(["tumb"], only, "Unknown preset: tumb") == 0
    assert offending_segment(["thumb"], only, "Unknown preset: tumb") is None


@pytest.mark.parametrize(
    ("segment", "changes", "expected"),
    [
        ("widht:1", {}, "; is `width` meant?"),
        ("zzzzzz:1", {}, ""),
        ("width:1", {"allowed_options": frozenset({"w", "h"})}, "; is `w` meant?"),
        ("blur:1", {"allowed_options": frozenset({"w", "h"})}, ""),
        ("pr:tumb", {"presets": PRESETS}, "; is `thumb` meant?"),
        ("pr:thumb:larg", {"presets": PRESETS}, "; is `large` meant?"),
        ("pr:thumb", {"presets": PRESETS}, ""),
        ("pr:tumb", {}, "; IMGPROXY_PRESETS defines none"),
        ("thumb:larg", {"presets": PRESETS, "is_presets_only": True}, "; is `large` meant?"),
        ("msr:1", {}, "; IMGPROXY_ALLOW_SECURITY_OPTIONS is off"),
        ("msr:x", {"allows_security_options": True}, ""),
        ("w:x", {}, ""),
    ],
)
def test_a_hint_says_what_may_have_been_meant(segment: str, changes: dict[str, object], expected: str) -> None:
    """The nearest name that would do here, or the setting that is in the way."""
    assert hint("any text", segment, grammar(**changes)) == expected


@pytest.mark.parametrize(
    ("separator", "segment", "usage"), [(":", "rt:1:2", "rt:type"), (",", "z,1,2,3", "z,zoom_x,zoom_y")]
)
def test_a_wrong_number_of_arguments_is_told_the_usage(separator: str, segment: str, usage: str) -> None:
    """In the name that was typed and with the separator that holds."""
    text = f"Invalid x arguments: [{segment}]"

    assert hint(text, segment, grammar(separator=separator)) == f"; usage: {usage}"


def test_warnings_of_the_renderer_are_collected(caplog: pytest.LogCaptureFixture) -> None:
    """And are not logged meanwhile; afterwards they are again."""
    with collected_warnings() as warnings:
        read_options("el:yes", grammar())
    assert warnings == ["Invalid enlarge: yes is no boolean and counts as false"]
    assert caplog.records == []

    with caplog.at_level(logging.WARNING):
        read_options("el:yes", grammar())
    assert len(caplog.records) == 1
    assert len(warnings) == 1
