"""The grammar under random input: only our own errors, and building is the inverse of parsing."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.errors import BildwerkError
from renderer.options.tables import PROCESSING
from renderer.request.build import Encoding, build_path
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path
from renderer.request.presets import parse_presets
from renderer.request.source_url import SourceGrammar

# Ten thousand examples take most of a minute on a busy machine.
pytestmark = pytest.mark.timeout(600)

KEY = bytes(range(16))
GRAMMAR = Grammar(
    now=lambda: 1_750_000_000.0,
    presets=parse_presets(["thumb=rs:fill:160:120/q:60", "loop=preset:loop/w:30", "both=pr:thumb:loop"], ":"),
    allows_security_options=True,
    sources=SourceGrammar(encryption_key=KEY),
)

ARGUMENTS = st.one_of(
    st.sampled_from(
        "|0|1|-1|0.5|1.5|100|99999999999999999999|1e999|NaN|inf|0x1p1|1_0|t|fp|ce|no|soea|sm|re|fit|fill-down|jpg|webp"
        "|fff|00ff00|thumb|loop|90|-90".split("|")
    ),
    st.integers(-(2**65), 2**65).map(str),
    st.floats().map(repr),
    st.text(max_size=6),
)
NAMES = st.one_of(st.sampled_from(sorted(PROCESSING.by_name)), st.text(max_size=8))
SEGMENTS = st.builds(lambda name, rest: ":".join([name, *rest]), NAMES, st.lists(ARGUMENTS, max_size=9))
SOURCES = st.one_of(
    st.sampled_from(
        ["plain/local:///a.jpg@png", "plain/http://x/y%20z", "bG9jYWw6Ly8vYQ.webp", "enc/AAAA", "plain/", ""]
    ),
    st.text(alphabet=string.printable, max_size=30),
    st.text(max_size=20),
)
PATHS = st.builds(lambda options, source: "/".join([*options, source]), st.lists(SEGMENTS, max_size=5), SOURCES)


@settings(max_examples=10_000, deadline=None, derandomize=True)
@given(PATHS)
def test_a_mutated_path_is_understood_or_refused(path: str) -> None:
    """Nothing but our own errors leaves the parser."""
    try:
        parse_request(path, GRAMMAR)
    except BildwerkError as error:
        assert 400 <= error.status < 500


@settings(max_examples=10_000, deadline=None, derandomize=True)
@given(st.text(max_size=60).map(lambda text: f"/{text}"))
def test_a_random_target_is_understood_or_refused(target: str) -> None:
    """The same for text that never was a path."""
    try:
        parse_request(split_path(target).signed, GRAMMAR)
    except BildwerkError as error:
        assert 400 <= error.status < 500


@pytest.mark.parametrize("encoding", ["plain", "base64", "encrypted"])
@settings(max_examples=1_500, deadline=None, derandomize=True)
@given(path=PATHS)
def test_a_built_path_reads_as_the_request_that_it_was_built_from(encoding: Encoding, path: str) -> None:
    """`parse(build(x)) == x` for every request that a path can say."""
    try:
        wanted = parse_request(path, GRAMMAR)
    except BildwerkError:
        return
    if not wanted.source_url or (encoding == "encrypted" and not _is_unicode(wanted.source_url)):
        return
    built = build_path(wanted, encoding=encoding, encryption_key=KEY)

    assert parse_request(split_path(f"/sig/{built}").signed, GRAMMAR) == wanted


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
