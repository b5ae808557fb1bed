"""The grammar of processing paths: options, then the source, then the extension."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from renderer.errors import BildwerkError, InvalidURL, SecurityOptionForbidden
from renderer.formats import ImageFormat
from renderer.options.delivery import Delivery
from renderer.options.limits import Limits
from renderer.options.output import Output
from renderer.options.resize import Resize, ResizingType
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path
from renderer.request.presets import parse_presets
from renderer.request.values import NO_FEATURES, ClientFeatures, ClientHints, Pipeline, RenderRequest

MakeGrammar = Callable[..., Grammar]
Refused = Callable[[str, Grammar], str]

URL = "local:///a.jpg"
SOURCE = f"plain/{URL}"


def test_a_path_without_options_asks_for_nothing_special(grammar: MakeGrammar) -> None:
    """A path without options is a request with every default."""
    assert parse_request(SOURCE, grammar()) == RenderRequest(
        source_url=URL,
        pipelines=(Pipeline(),),
        output=Output(),
        delivery=Delivery(),
        limits=Limits(),
        features=NO_FEATURES,
    )


def test_options_are_read_from_left_to_right(grammar: MakeGrammar) -> None:
    """Options are read from left to right; later ones win."""
    request = parse_request(f"rs:fill:10:20/h:30/q:5/w:40/{SOURCE}", grammar())

    assert request.pipelines == (Pipeline(resize=Resize(resizing_type=ResizingType.FILL, width=40, height=30)),)
    assert request.output == Output(quality=5)


def test_the_client_features_are_handed_through(grammar: MakeGrammar) -> None:
    """What the client accepts is part of the request."""
    features = ClientFeatures(prefers_webp=True)

    assert parse_request(SOURCE, grammar(), features).features == features


@pytest.mark.parametrize(
    ("path", "format"),
    [
        (f"{SOURCE}@png", ImageFormat.PNG),
        (f"f:webp/{SOURCE}@png", ImageFormat.PNG),
        (f"f:webp/{SOURCE}", ImageFormat.WEBP),
        (f"f:webp/{SOURCE}@", ImageFormat.WEBP),
        (f"{SOURCE}@jpg", ImageFormat.JPEG),
        (f"{SOURCE}@svg", ImageFormat.SVG),
        (f"{SOURCE}@jxl", ImageFormat.JXL),
        ("bG9jYWw6Ly8vYS5qcGc.heic", ImageFormat.HEIC),
        (f"raw:1/{SOURCE}@png", None),
        (f"raw:1/{SOURCE}@nonsense", None),
        (f"raw:1/f:webp/{SOURCE}@png", ImageFormat.WEBP),
        (f"raw:1/raw:0/{SOURCE}@png", ImageFormat.PNG),
    ],
)
def test_the_extension_is_the_last_word_on_the_format(
    grammar: MakeGrammar, path: str, format: ImageFormat | None
) -> None:
    """The extension is the last word on the format; with `raw` nobody even reads it."""
    assert parse_request(path, grammar()).output.format is format


@pytest.mark.parametrize("extension", ["tif", "heif", "PNG", "raw", "unknown", "best", "p%6Eg", "png/", " "])
def test_an_unknown_extension_is_refused(grammar: MakeGrammar, refused: Refused, extension: str) -> None:
    """An unknown extension is refused."""
    text = f"Invalid format: {extension} (expected supported image format)"

    assert refused(f"{SOURCE}@{extension}", grammar()) == text


def test_the_extension_needs_no_permission(grammar: MakeGrammar) -> None:
    """The extension is no option, so the list of allowed options does not concern it."""
    assert parse_request(f"{SOURCE}@png", grammar(allowed="w")).output.format is ImageFormat.PNG


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"fit/100/100/{SOURCE}", "It looks like you're using the deprecated basic URL format"),
        (f"fill/100/100/ce/0/{SOURCE}", "It looks like you're using the deprecated basic URL format"),
        (f"fill-down/{SOURCE}", "It looks like you're using the deprecated basic URL format"),
        ("force", "It looks like you're using the deprecated basic URL format"),
        ("auto/", "It looks like you're using the deprecated basic URL format"),
        (f"w:10/fit/{SOURCE}", "Invalid url encoding: fitplainlocal:a"),
        ("w:10", "Image URL is empty"),
        ("w:10/", "Image URL is empty"),
        (f"rs/{SOURCE}", "Invalid url encoding: rsplainlocal:a"),
        (f"w:10//{SOURCE}", "Invalid url encoding: plainlocal:a"),
        (f"-/{SOURCE}", "Invalid url encoding: -plainlocal:a"),
        (f"foo:1/{SOURCE}", "Unknown processing option foo"),
        (f"W:10/{SOURCE}", "Unknown processing option W"),
        (f":1/{SOURCE}", "Unknown processing option "),
        (f" w:1/{SOURCE}", "Unknown processing option  w"),
        (f"gif_options:1/{SOURCE}", "Unknown processing option gif_options"),
        (f"w%3a10/{SOURCE}", "Invalid url encoding: w%3a10plainlocal:a"),
        (f"exp:1/{SOURCE}", "Expired URL"),
        (f"raw:1/f:nonsense/{SOURCE}", "Invalid format: nonsense (expected supported image format)"),
    ],
)
def test_a_path_that_is_no_processing_path_is_refused(
    grammar: MakeGrammar, refused: Refused, path: str, text: str
) -> None:
    """A path that is no processing path is refused with the developer's text."""
    assert refused(path, grammar()) == text


@pytest.mark.parametrize("name", ["adjust", "jpgo", "page", "dpi", "cp", "ct", "bc", "wmu", "co", "vts"])
def test_options_of_other_editions_are_unknown(grammar: MakeGrammar, refused: Refused, name: str) -> None:
    """Options that this edition does not have are unknown."""
    assert refused(f"{name}:1/{SOURCE}", grammar()) == f"Unknown processing option {name}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"w:x/plain/{URL}@nonsense", "Invalid width: x (expected positive number or 0)"),
        ("w:x/plain/", "Invalid width: x (expected positive number or 0)"),
        ("w:10/plain/@nonsense", "Image URL is empty"),
        ("foo:1/w:x/plain/a", "Unknown processing option foo"),
        ("w:x/foo:1/plain/a", "Invalid width: x (expected positive number or 0)"),
        ("plain/a@b@c", "Multiple formats are specified: a@b@c"),
    ],
)
def test_the_first_thing_that_is_wrong_is_told(grammar: MakeGrammar, refused: Refused, first: str, second: str) -> None:
    """Options fail in their order, before the source, and the source before the extension."""
    assert refused(first, grammar()) == second


def test_only_listed_names_may_be_used_and_an_alias_is_another_name(grammar: MakeGrammar, refused: Refused) -> None:
    """Only listed names may be used; an alias is another name, and an unknown one is just as forbidden."""
    listed = grammar(allowed="rs w quality")

    assert parse_request(f"rs:fill:10:20:1:1:so/w:5/quality:7/{SOURCE}", listed).output.quality == 7
    for name in ("q", "width", "resize", "h", "foo", "msr", "pr"):
        assert refused(f"{name}:1/{SOURCE}", listed) == f"Forbidden processing option {name}"


def test_a_forbidden_limit_is_403_only_where_its_name_is_allowed(grammar: MakeGrammar) -> None:
    """A limit without permission is 403, but the list of allowed names comes before that."""
    with pytest.raises(SecurityOptionForbidden):
        parse_request(f"msr:1/{SOURCE}", grammar(allowed="msr"))
    with pytest.raises(BildwerkError, match="Forbidden processing option msr"):
        parse_request(f"msr:1/{SOURCE}", grammar(allowed="w"))


@pytest.mark.parametrize("separator", [",", ";", "~~", "|", "%2C", "."])
def test_the_separator_is_configurable(grammar: MakeGrammar, refused: Refused, separator: str) -> None:
    """The separator is configurable; a colon is then an ordinary character."""
    other = grammar(separator=separator)
    path = f"rs:fill:10:20/cb:a/{SOURCE}".replace(f"/{SOURCE}", "").replace(":", separator)

    request = parse_request(f"{path}/{SOURCE}", other)
    assert (request.pipelines[0].resize.width, request.delivery.cachebuster) == (10, "a")
    assert parse_request(f"cb{separator}a:b/{SOURCE}", other).delivery.cachebuster == "a:b"
    assert refused(f"w:10/{SOURCE}", other).startswith("Invalid url encoding: w:10plain")


def test_escaped_colons_count_whatever_the_separator_is(grammar: MakeGrammar) -> None:
    """Escaped colons in options become colons even where something else separates arguments."""
    path = split_path(f"/sig/cb,a%3Ab/w,5/{SOURCE}")

    assert parse_request(path.signed, grammar(separator=",")).delivery.cachebuster == "a:b"


def test_an_observer_is_told_of_each_option_with_the_presets_it_stands_in(grammar: MakeGrammar) -> None:
    """An observer is told of each option in order, with its value so far and the presets that it stands in."""
    told: list[tuple[str, object, tuple[str, ...]]] = []

    parse_request(
        f"pr:a/rs:fill:5/{SOURCE}@png",
        grammar("default=el:1", "a=w:1/pr:b", "b=w:2"),
        observe=lambda row, value, presets: told.append((row.name, value, presets)),
    )
    assert told == [
        ("enlarge", True, ("default",)),
        ("width", 1, ("a",)),
        ("width", 2, ("a", "b")),
        ("resizing_type", ResizingType.FILL, ()),
        ("width", 5, ()),
        ("format", ImageFormat.PNG, ()),
    ]


def test_options_that_were_read_before_say_the_same_of_another_source(grammar: MakeGrammar) -> None:
    known = grammar("default=el:1")
    paths = [
        f"{options}plain/{end}" for options in ("w:5/", "w:5/raw:1/", "") for end in ("a", "b@png", "c@webp", "d@")
    ]

    for path in paths * 2:
        assert parse_request(path, known) == parse_request(path, grammar("default=el:1"))


def test_options_that_were_read_before_are_under_what_headers_ask_for(grammar: MakeGrammar) -> None:
    known, hints = grammar(), ClientHints(width=7, dpr=2.0)
    plain = parse_request(f"h:5/{SOURCE}", known)

    assert parse_request(f"h:5/{SOURCE}", known, hints=hints).pipelines[0].resize == Resize(width=7, height=5, dpr=2)
    assert parse_request(f"h:5/{SOURCE}", known) == plain


def test_a_time_that_has_passed_is_refused_although_the_url_was_read_before() -> None:
    now = 5.0
    known = Grammar(now=lambda: now, presets=parse_presets(["a=exp:10"], ":"))
    paths = [f"exp:10/{SOURCE}", f"exp:10/exp:0/{SOURCE}", f"pr:a/{SOURCE}"]
    for path in paths:
        parse_request(path, known)

    now = 15.0

    for path in paths:
        with pytest.raises(InvalidURL, match="Expired"):
            parse_request(path, known)


def test_many_options_are_read_without_all_being_remembered(grammar: MakeGrammar) -> None:
    known = grammar()
    for width in range(1, 1000):
        assert parse_request(f"w:{width}/{SOURCE}", known).pipelines[0].resize.width == width

    parse_request(f"fn:{'x' * 100_000}/{SOURCE}", known)

    assert len(known.known) <= 256
    assert all(len("/".join(options)) < 5000 for options in known.known)


@pytest.mark.parametrize(
    "path",
    [
        "w:" + "1" * 1_000_000,
        "w:" + "0" * 1_000_000 + "5/" + SOURCE,
        "z:0." + "1_1" * 300_000,
        "bl:0x1." + "f" * 1_000_000,
        "f:" + "x" * 1_000_000,
        "skp:" + "jpg:" * 250_000,
        "g:ce" + ":" * 1_000_000,
        "plain/" + "%20" * 330_000,
        "plain/" + "@" * 1_000_000,
        "a/" * 500_000,
        "." * 1_000_000,
        "A" * 1_000_000 + "=" * 5,
    ],
    ids=lambda path: path[:8],
)
def test_a_path_of_a_megabyte_is_read_or_refused_in_one_pass(grammar: MakeGrammar, path: str) -> None:
    """A path of a megabyte is read or refused without going over it again and again."""
    start = time.process_time()
    try:
        parse_request(path, grammar())
    except BildwerkError as error:
        assert error.status == 404
    assert time.process_time() - start < 1
