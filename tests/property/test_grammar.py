"""The grammar under random paths and random values: only our own errors, and building is the inverse of parsing."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from renderer.errors import BildwerkError
from renderer.formats import ImageFormat
from renderer.options.arguments import ALL_GRAVITIES, COMPASS, MAX_PIXELS, WITH_FOCUS, Gravity, GravityType
from renderer.options.canvas import Canvas, Extend, Padding
from renderer.options.crop import Crop, Cropping, Trim
from renderer.options.delivery import Delivery
from renderer.options.filters import Filters
from renderer.options.limits import Limits
from renderer.options.orientation import Orientation
from renderer.options.output import Output
from renderer.options.resize import Resize, ResizingType
from renderer.options.tables import PROCESSING
from renderer.options.watermark import Watermark, WatermarkPlacement
from renderer.request.build import Encoding, build_path
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path
from renderer.request.presets import parse_presets
from renderer.request.source_url import SourceGrammar
from renderer.request.values import Pipeline, RenderRequest

NOW = 1_750_000_000
KEY = bytes(range(16))
PRESETS = ["default=q:50", "thumb=rs:fill:160:120/q:60", "loop=preset:loop:thumb/w:30", "deep=pr:loop/pr:thumb:loop"]
SEPARATORS = [":", ",", ";", "~~", "|"]


def grammar(separator: str = ":", **changes: Any) -> Grammar:
    """A grammar that allows everything, but for some changes."""
    texts = [text.replace(":", separator) for text in PRESETS]
    usual = Grammar(
        now=lambda: float(NOW),
        separator=separator,
        presets=parse_presets(texts, separator),
        allows_security_options=True,
        sources=SourceGrammar(encryption_key=KEY),
    )
    return dataclasses.replace(usual, **changes)


GRAMMARS = [
    grammar(),
    grammar(","),
    grammar("~~", is_presets_only=True),
    grammar(allowed_options=frozenset({"rs", "w", "pr", "fq", "exp"}), allows_security_options=False),
    grammar(sources=SourceGrammar(includes_filename=True, base_url="http://base/")),
]

ARGUMENTS = (
    "|0|1|-1|+7|0.5|-0.5|1.5|100|007|1_0|1__0|0x1p4|0x1|.5|5.|1e3|1e-400|1e308|1e999|-1e308|NaN|inf|-Infinity|t|TRUE|yes"
    "|9223372036854775807|9223372036854775808|-9223372036854775808|99999999999999999999999|ce|no|soea|sm|fp|re|ch|fit"
    "|fill-down|auto|jpg|webp|svg|tif|fff|00ff00|#fff|thumb|loop|deep|none|90|-450|45|w6Q|w6Q=|a+b|٣|１|\u2003|\udce4"
    "|\ud800|\x00|\n| |%|%20|%3A|%ZZ|@|.|-|plain|enc|📷"
).split("|")
VALID = [
    "rs:fill:300:200:1:1:so:10:0.1", "rs:auto::50", "s:10:20::1:fp:0.5:0.5", "w:10", "mw:5", "z:0.5:2", "dpr:2", "el:1",
    "t:10:fff:1:1", "t:", "c:0.5:100:nowe:1:2", "c:100", "g:fp:0.1:0.9", "g:so:0:40", "g:sm", "ar:0", "rot:-90",
    "fl::1", "ex:1:no", "exar:1:ce:5", "pd:1:2:3:4", "pd::10", "bg:1:2:3", "bg:fff", "bg:", "bl:1.5", "sh:0.5", "pix:8",
    "wm:0.5:re:10:-10:0.2", "f:png", "q:60", "fq:jpg:50:webp:60", "mb:1000", "sm:0", "kcr:1", "scp:0", "ph:1", "eth:1",
    "skp:jpg:png", "sp:gif", "raw:1", "cb:abc", "exp:1750000001", "exp:0", "fn:cat", "fn:Y2F0:1", "att:1", "msr:16.8",
    "msfs:-1", "maf:3", "mafr:0.5", "mrd:100", "pr:thumb:loop", "preset:deep",
]  # fmt: skip
SOURCES = [
    "plain/local:///a.jpg", "plain/http://h/a%20b@png", "plain/http:/h/a:/b@", "plain/", "plain/@", "plain",
    "bG9jYWw6Ly8vYS5qcGc.webp", "bG9j/YWw6Ly8v/YS5qcGc=.p/ng/", "enc/AAAA", "enc/", "a", "AAAA.png.gif", "", "-/w:1",
    "fit",
]  # fmt: skip

written_option = st.builds(
    lambda name, arguments: ":".join([name, *arguments]),
    st.sampled_from([*PROCESSING.by_name, "", "W", "min_width", "info", "\udce4"]),
    st.lists(st.sampled_from(ARGUMENTS), max_size=9),
)
segments = st.lists(st.sampled_from(VALID) | written_option | st.sampled_from(ARGUMENTS), max_size=5)
paths = st.builds(lambda options, source: "/".join([*options, source]), segments, st.sampled_from(SOURCES))


@st.composite
def mutated_paths(draw: st.DrawFn) -> str:
    """A path with a few pieces cut out, put in or doubled."""
    path = draw(paths)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(path)))
        end = min(len(path), start + draw(st.integers(0, 6)))
        path = (
            path[:start]
            + draw(st.sampled_from([*ARGUMENTS, "/", ":", "//", ",", "~~", path[start:end] * 2]))
            + path[end:]
        )
    return path


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """No warnings about booleans and presets: tens of thousands of them would be kept in memory."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def reads_or_is_refused(path: str) -> None:
    """Nothing but one of our errors may leave the parser, whatever the settings; every one is the client's."""
    for under in GRAMMARS:
        try:
            parse_request(path.replace(":", under.separator), under)
        except BildwerkError as error:
            assert 400 <= error.status < 500


@pytest.mark.parametrize("filler", ["", "1"])
def test_every_option_takes_or_refuses_every_argument_in_every_place(filler: str) -> None:
    """Every option takes or refuses every argument, in every place of its list."""
    for name, argument, place in itertools.product(PROCESSING.by_name, ARGUMENTS, range(8)):
        arguments = [*[filler] * place, argument]
        try:
            parse_request(f"{':'.join([name, *arguments])}/plain/a", GRAMMARS[0])
        except BildwerkError as error:
            assert error.status == 404


# Each example is read under all the grammars: 5,000 examples are 25,000 paths.


@settings(max_examples=2_000, deadline=None, derandomize=True)
@given(paths)
def test_a_path_of_likely_pieces_reads_or_is_refused(path: str) -> None:
    """A path of likely and unlikely pieces reads or is refused."""
    reads_or_is_refused(path)


@settings(max_examples=1_000, deadline=None, derandomize=True)
@given(mutated_paths())
def test_a_mutated_path_reads_or_is_refused(path: str) -> None:
    """A mutated path reads or is refused."""
    reads_or_is_refused(path)


@settings(max_examples=1_000, deadline=None, derandomize=True)
@given(st.sampled_from(["/", "//", "", "/img/", "/s/", "/s//"]), mutated_paths(), st.sampled_from(["", "/img", "/"]))
def test_a_mutated_target_splits_or_is_refused(start: str, path: str, prefix: str) -> None:
    """A mutated request target splits, and reads, or is refused."""
    try:
        signed = split_path(start + path, prefix).signed
    except BildwerkError as error:
        assert error.status == 404
        return
    assert signed
    reads_or_is_refused(signed)


@settings(max_examples=1_000, deadline=None, derandomize=True)
@given(st.text(max_size=80))
def test_any_text_reads_or_is_refused(text: str) -> None:
    """Any text at all reads or is refused."""
    reads_or_is_refused(text)


def survives(request: RenderRequest, encoding: Encoding, separator: str) -> None:
    """A request that is written, sent as a target, and read again is the same."""
    path = build_path(request, encoding=encoding, separator=separator, encryption_key=KEY)
    under = grammar(separator, presets={})

    assert parse_request(split_path(f"/sig/{path}").signed, under) == request


ENCODINGS = pytest.mark.parametrize("encoding", ["plain", "base64", "encrypted"])


@ENCODINGS
@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    options=st.lists(st.sampled_from(VALID), max_size=8),
    source=st.sampled_from([source for source in SOURCES[:9] if not source.endswith(("/", "@", "plain"))]),
    separator=st.sampled_from(SEPARATORS),
)
def test_what_a_path_says_can_be_written_as_a_path(
    encoding: Encoding, options: list[str], source: str, separator: str
) -> None:
    """What a valid path says can be written as a path that says the same, folds of repeated options included."""
    try:
        request = parse_request("/".join([*options, source]), GRAMMARS[0])
    except BildwerkError:
        assume(False)
    survives(request, encoding, separator)


counts = st.integers(0, 2**63 - 1)
flags = st.booleans()
choices = st.none() | flags
reals = st.floats(allow_nan=False, allow_infinity=False)
lengths = st.floats(0, allow_infinity=False)
factors = st.floats(0, exclude_min=True, allow_infinity=False)
units = st.floats(0, 1)
colors = st.tuples(*[st.integers(0, 255)] * 3)
formats = st.sampled_from(ImageFormat)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
writable = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=" /?#%:,;~|"), max_size=8)


def gravities(types: dict[str, GravityType]) -> st.SearchStrategy[Gravity]:
    """Gravities of some types with offsets; smart gravity has none."""
    placed = st.sampled_from([type for type in types.values() if type is not GravityType.SMART])
    moved = st.builds(Gravity, type=placed, x=reals | units, y=reals | units)
    return moved | st.just(Gravity(type=GravityType.SMART)) if "sm" in types else moved


def paddings() -> st.SearchStrategy[Padding]:
    """Paddings as reading leaves them: where the source of a copy was given, the copy is there too."""
    sides = st.none() | counts
    given_top = st.builds(Padding, top=counts, right=counts, bottom=counts, left=counts)
    given_right = st.builds(Padding, right=counts, bottom=sides, left=counts)
    return given_top | given_right | st.builds(Padding, bottom=sides, left=sides)


extends = st.builds(Extend, is_enabled=flags, gravity=gravities(WITH_FOCUS))
pipelines = st.builds(
    Pipeline,
    resize=st.builds(
        Resize,
        resizing_type=st.sampled_from(ResizingType),
        width=counts,
        height=counts,
        min_width=counts,
        min_height=counts,
        zoom=st.tuples(factors, factors),
        dpr=factors,
        enlarge=flags,
    ),
    cropping=st.builds(
        Cropping,
        trim=st.builds(Trim, threshold=st.none() | reals, color=st.none() | colors, equal_hor=flags, equal_ver=flags),
        crop=st.builds(Crop, width=lengths, height=lengths, gravity=st.just(Gravity()) | gravities(ALL_GRAVITIES)),
        gravity=gravities(ALL_GRAVITIES),
    ),
    orientation=st.builds(
        Orientation, auto_rotate=choices, rotate=st.sampled_from([0, 90, 180, 270]), flip=st.tuples(flags, flags)
    ),
    canvas=st.builds(
        Canvas,
        extend=extends,
        extend_aspect_ratio=extends,
        padding=paddings(),
        background=st.none() | colors,
    ),
    filters=st.builds(Filters, blur=lengths, sharpen=lengths, pixelate=counts),
    watermark=st.builds(
        Watermark,
        watermark=st.builds(
            WatermarkPlacement,
            opacity=units,
            position=st.none() | st.sampled_from(list(COMPASS.values())),
            x=reals,
            y=reals,
            scale=lengths,
        ),
    ),
)
outputs = st.builds(
    Output,
    format=st.none() | formats,
    quality=st.integers(0, 100),
    format_quality=st.dictionaries(formats, st.integers(0, 100), max_size=3).map(
        lambda qualities: tuple(sorted(qualities.items(), key=lambda item: item[0].value))
    ),
    max_bytes=counts,
    strip_metadata=choices,
    keep_copyright=choices,
    strip_color_profile=choices,
    preserve_hdr=choices,
    enforce_thumbnail=choices,
    skip_processing=st.frozensets(formats, max_size=3),
)
deliveries = st.builds(
    Delivery,
    raw=flags,
    cachebuster=writable,
    expires=st.none() | st.integers(NOW, 2**63 - 1) | st.integers(-(2**63), 0),
    filename=texts,
    return_attachment=choices,
)
pixels = st.none() | st.integers(0, MAX_PIXELS)
wholes = st.none() | st.integers(-(2**63), 2**63 - 1)
limits = st.builds(
    Limits,
    max_src_resolution=pixels,
    max_src_file_size=wholes,
    max_animation_frames=st.none() | st.integers(1, 2**63 - 1),
    max_animation_frame_resolution=pixels,
    max_result_dimension=wholes,
)
urls = st.sampled_from(["local:///a.jpg", "http://h/a?b=c@d:/e#f%20", "s3://b/k:/", "x"]) | texts.filter(bool)
requests = st.builds(
    RenderRequest,
    source_url=urls,
    pipelines=st.tuples(st.just(Pipeline()) | pipelines),
    output=st.just(Output()) | outputs,
    delivery=st.just(Delivery()) | deliveries,
    limits=st.just(Limits()) | limits,
)


@ENCODINGS
@settings(max_examples=400, deadline=None, derandomize=True)
@given(request=requests, separator=st.sampled_from(SEPARATORS))
def test_every_value_that_options_may_have_can_be_written(
    encoding: Encoding, request: RenderRequest, separator: str
) -> None:
    """Every value that options may have can be written and read again, whatever the separator is."""
    survives(request, encoding, separator)
