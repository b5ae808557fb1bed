"""Presets: how they are defined, when they apply, and what they may not do."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from renderer.errors import ConfigurationError, SecurityOptionForbidden
from renderer.formats import ImageFormat
from renderer.options.resize import Resize, ResizingType
from renderer.request.parse import Grammar, check_presets, parse_request
from renderer.request.presets import parse_presets
from renderer.request.values import RenderRequest

MakeGrammar = Callable[..., Grammar]
Refused = Callable[[str, Grammar], str]

SOURCE = "plain/local:///a.jpg"
THUMB = "thumb=rs:fill:160:120/q:60"
VARIABLES = "IMGPROXY_PRESETS, IMGPROXY_PRESETS_PATH"


def read(options: str, grammar: Grammar) -> RenderRequest:
    """The request that options mean."""
    return parse_request(f"{options}/{SOURCE}", grammar)


@pytest.mark.parametrize(
    ("definitions", "names"),
    [
        (["a=w:1"], {"a": (("w", ["1"]),)}),
        ([" a = w:1/h:2 "], {"a": (("w", ["1"]), ("h", ["2"]))}),
        (["", "  ", "# a=w:1", "#", "b=w:"], {"b": (("w", [""]),)}),
        (["a=w:1", "a=w:2"], {"a": (("w", ["2"]),)}),
        (["a:b=w:1"], {"a:b": (("w", ["1"]),)}),
        (["a=pr:b:c"], {"a": (("pr", ["b", "c"]),)}),
        ([], {}),
    ],
)
def test_definitions_are_names_and_options(definitions: list[str], names: dict[str, object]) -> None:
    """Definitions are a name and options; blank ones and comments are skipped, the later of two wins."""
    assert parse_presets(definitions, ":") == names


def test_definitions_use_the_configured_separator() -> None:
    """Definitions use the configured separator, of any length."""
    assert parse_presets(["a=w~~1~~:"], "~~") == {"a": (("w", ["1", ":"]),)}


def test_every_definition_that_is_none_is_told_at_once() -> None:
    """Every definition that is none is told at once, with the variables that it may stand in."""
    bad = ["a", "b=w:1=2", "=w:1", "c=", "d=w", "e=/w:1", "f=w:1/", "g=w:1/-/w:2"]
    with pytest.raises(ConfigurationError) as refused:
        parse_presets([*bad, "good=w:1"], ":")

    assert refused.value.problems == [
        f"{VARIABLES}: expected name=option/option/... (invalid preset string: a)",
        f"{VARIABLES}: expected name=option/option/... (invalid preset string: b=w:1=2)",
        f"{VARIABLES}: expected name=option/option/... (empty preset name: =w:1)",
        f"{VARIABLES}: expected name=option/option/... (empty preset value: c=)",
        f"{VARIABLES}: expected name=option/option/... (invalid preset value: d=w)",
        f"{VARIABLES}: expected name=option/option/... (invalid preset value: e=/w:1)",
        f"{VARIABLES}: expected name=option/option/... (invalid preset value: f=w:1/)",
        f"{VARIABLES}: expected name=option/option/... (invalid preset value: g=w:1/-/w:2)",
    ]


@pytest.mark.parametrize(
    ("presets", "options", "written_out"),
    [
        ([THUMB], "pr:thumb", "rs:fill:160:120/q:60"),
        ([THUMB], "preset:thumb", "rs:fill:160:120/q:60"),
        ([THUMB], "w:10/pr:thumb/q:70", "w:10/rs:fill:160:120/q:60/q:70"),
        ([THUMB], "pr:thumb/w:10", "rs:fill:160:120/q:60/w:10"),
        (["a=w:1/h:1", "b=w:2"], "pr:a:b", "w:1/h:1/w:2"),
        (["a=w:1/h:1", "b=w:2"], "pr:b:a", "w:2/w:1/h:1"),
        (["a=pd:5"], "pr:a/pd::7", "pd:5/pd::7"),
        (["a=g:so:0:40"], "pr:a/g:no", "g:so:0:40/g:no"),
        (["a=skp:jpg"], "pr:a/skp:png", "skp:jpg/skp:png"),
        (["a=pr:b/h:1", "b=w:2"], "pr:a", "w:2/h:1"),
        (["default=w:1/el:1"], "h:2", "w:1/el:1/h:2"),
        (["default=w:1/el:1"], "w:2/el:", "w:1/el:1/w:2/el:"),
        (["default=w:1", "b=w:2"], "pr:b/pr:default", "w:1"),
        (["default=w:1", "b=w:2"], "pr:b", "w:1/w:2"),
        (["default=pr:b/h:1", "b=w:2"], "q:1", "w:2/h:1/q:1"),
    ],
)
def test_a_preset_reads_as_if_its_options_were_written_out(
    grammar: MakeGrammar, presets: list[str], options: str, written_out: str
) -> None:
    """A preset reads as if its options were written out where it stands; `default` stands before everything."""
    assert read(options, grammar(*presets)) == read(written_out, grammar())


@pytest.mark.parametrize(
    ("presets", "options", "width"),
    [
        (["loop=preset:loop/w:30"], "pr:loop", 30),
        (["a=pr:b/w:1", "b=pr:a/w:2"], "pr:a", 1),
        (["a=pr:b/w:1", "b=pr:a/w:2"], "pr:b", 2),
        (["a=w:1/pr:a:a:a"], "pr:a", 1),
    ],
)
def test_a_preset_that_calls_itself_is_skipped_with_a_warning(
    grammar: MakeGrammar, presets: list[str], options: str, width: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A preset that calls itself is skipped with a warning, here and when presets are checked."""
    with caplog.at_level(logging.WARNING):
        assert read(options, grammar(*presets)).pipelines[0].resize.width == width
    assert "Recursive preset" in caplog.text
    check_presets(grammar(*presets))


def test_a_preset_may_be_used_twice_in_a_row(grammar: MakeGrammar, caplog: pytest.LogCaptureFixture) -> None:
    """A preset may be used twice in a row, directly or by others; that is no recursion."""
    presets = grammar("a=w:1", "b=pr:a/w:2/pr:a")

    assert read("pr:b:a/w:3/pr:a", presets).pipelines[0].resize.width == 1
    assert not caplog.records


@pytest.mark.parametrize(
    ("presets", "options", "text"),
    [
        ([], "pr:x", "Unknown preset: x"),
        ([THUMB], "pr:", "Unknown preset: "),
        ([THUMB], "pr:thumb:", "Unknown preset: "),
        ([THUMB], "pr:Thumb", "Unknown preset: Thumb"),
        (["a:b=w:1"], "pr:a:b", "Unknown preset: a"),
        (["a=pr:missing"], "pr:a", "Unknown preset: missing"),
        (["a=w:x"], "pr:a", "Invalid width: x (expected positive number or 0)"),
        (["default=exp:5"], "w:1", "Expired URL"),
        (["default=exp:5"], "exp:4102444800", "Expired URL"),
    ],
)
def test_a_preset_that_does_not_read_is_refused(
    grammar: MakeGrammar, refused: Refused, presets: list[str], options: str, text: str
) -> None:
    """A preset that is unknown or does not read is refused."""
    assert refused(f"{options}/{SOURCE}", grammar(*presets)) == text


def test_presets_are_exempt_from_the_list_of_allowed_options(grammar: MakeGrammar, refused: Refused) -> None:
    """Presets are exempt from the list of allowed options, but using one is an option itself."""
    presets = ["a=w:1/pr:b", "b=q:5", "default=h:7"]
    allowing = grammar(*presets, allowed="preset bl")

    request = read("preset:a", allowing)
    assert request.pipelines[0].resize == Resize(width=1, height=7)
    assert request.output.quality == 5
    assert refused(f"pr:a/{SOURCE}", allowing) == "Forbidden processing option pr"
    assert refused(f"preset:a/w:5/{SOURCE}", allowing) == "Forbidden processing option w"


def test_presets_are_not_exempt_from_the_permission_of_limits(grammar: MakeGrammar) -> None:
    """Presets are not exempt from the permission that limits need."""
    with pytest.raises(SecurityOptionForbidden):
        read("pr:a", grammar("a=msr:5"))


def test_every_preset_that_does_not_read_stops_the_start(grammar: MakeGrammar) -> None:
    """Every preset that does not read stops the start, all of them named at once."""
    bad = grammar("a=w:x", "b=foo:1", "c=pr:none", "d=exp:5", "e=msr:5", "f=pr:a", "good=w:1", "default=pr:good")
    with pytest.raises(ConfigurationError) as refused:
        check_presets(bad)

    assert refused.value.problems == [
        f"{VARIABLES}: error in preset `a`: Invalid width: x (expected positive number or 0)",
        f"{VARIABLES}: error in preset `b`: Unknown processing option foo",
        f"{VARIABLES}: error in preset `c`: Unknown preset: none",
        f"{VARIABLES}: error in preset `d`: Expired URL",
        f"{VARIABLES}: error in preset `e`: Security processing options are not allowed",
        f"{VARIABLES}: error in preset `f`: Invalid width: x (expected positive number or 0)",
    ]
    check_presets(grammar("good=w:1/exp:4102444800", allowed="h"))


PRESETS = ["small=rs:fit:80:80", "grey=bg:888888", "webp=f:webp", "default=q:50"]


@pytest.mark.parametrize(
    ("path", "written_out"),
    [
        (f"small/{SOURCE}", f"rs:fit:80:80/{SOURCE}"),
        (f"small:grey/{SOURCE}", f"rs:fit:80:80/bg:888888/{SOURCE}"),
        (f"webp/{SOURCE}@png", f"{SOURCE}@png"),
        (f"default/{SOURCE}", SOURCE),
        ("small/bG9jYWw6Ly8vYS5qcGc.png", f"rs:fit:80:80/{SOURCE}@png"),
    ],
)
def test_where_only_presets_are_allowed_the_first_segment_names_them(
    grammar: MakeGrammar, path: str, written_out: str
) -> None:
    """Where only presets are allowed, the first segment names them; `default` still comes first."""
    assert parse_request(path, grammar(*PRESETS, presets_only=True)) == parse_request(
        written_out, grammar("default=q:50")
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (SOURCE, "Unknown preset: plain"),
        (f"small/w:10/{SOURCE}", "Invalid url encoding: w:10plainlocal:a"),
        (f"pr:small/{SOURCE}", "Unknown preset: pr"),
        (f"small:/{SOURCE}", "Unknown preset: "),
        (f"fit/{SOURCE}", "Unknown preset: fit"),
        ("small", "Image URL is empty"),
        ("small/", "Image URL is empty"),
        ("", "Unknown preset: "),
    ],
)
def test_where_only_presets_are_allowed_options_are_no_grammar(
    grammar: MakeGrammar, refused: Refused, path: str, text: str
) -> None:
    """Where only presets are allowed, options, and the names of resizing types, mean nothing."""
    assert refused(path, grammar(*PRESETS, presets_only=True)) == text


def test_presets_of_any_name_work_where_only_presets_are_allowed(grammar: MakeGrammar) -> None:
    """A preset named like a resizing type or like an option works where only presets are allowed."""
    presets = grammar("fit=rt:fill", "pr=f:png", presets_only=True)

    request = parse_request(f"fit:pr/{SOURCE}", presets)
    assert request.pipelines[0].resize.resizing_type is ResizingType.FILL
    assert request.output.format is ImageFormat.PNG
