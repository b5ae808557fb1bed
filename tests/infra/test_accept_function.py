"""The CDN's Accept function and the server agree: its own tests in node, then the real chooser on both headers.

The function answers in one node process, a line per header; `client_features` and `result_format` are the server's.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.delivery.accept.source import NEGOTIABLE, function_source
from renderer.formats import ImageFormat
from renderer.options.output import Output
from renderer.pipeline.output import SourceFacts, result_format
from renderer.request.client_features import client_features
from renderer.request.values import ClientFeatures, RenderRequest
from renderer.settings.processing import FormatSettings
from tests.infra.node import node

HERE = Path(__file__).parent / "accept"
SUITES = sorted(HERE.glob("*.test.js"))
ROWS: list[dict[str, str | None]] = json.loads((HERE / "headers.json").read_text("utf-8"))

SUBSETS = [frozenset(names) for count in range(4) for names in itertools.combinations(NEGOTIABLE, count)]
SWITCHES = [f"{kind}_{format}" for kind in ("auto", "enforce") for format in NEGOTIABLE]
SETTINGS = [
    FormatSettings(**dict(zip(SWITCHES, on, strict=True)))  # type: ignore[arg-type]  # each of the names is a switch
    for on in itertools.product((False, True), repeat=len(SWITCHES))
]

ALL = frozenset(NEGOTIABLE)
KEPT_OF_ALL = {
    frozenset(named.split()): frozenset(kept.split())
    for named, kept in {
        "": "",
        "webp": "webp",
        "webp avif": "webp avif",
        "webp avif jxl": "webp avif jxl",
        "webp jxl": "webp",
        "avif": "",
        "jxl": "",
        "avif jxl": "",
    }.items()
}
"""What is kept of the formats that a client names, with all three switched on."""


class Function:
    """The function, by the formats that are filled in."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._write([function_source(formats) for formats in SUBSETS])

    def _write(self, value: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def values(self, accept: str | None) -> dict[frozenset[str], str]:
        """The header that the server gets, by the formats that are switched on."""
        assert self._process.stdout is not None
        self._write(accept)
        return dict(zip(SUBSETS, json.loads(self._process.stdout.readline()), strict=True))


@pytest.fixture(scope="module")
def function() -> Iterator[Function]:
    """The function in a node process that ends with the module's tests."""
    with subprocess.Popen(
        [node(), str(HERE / "batch.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        yield Function(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def switched_on(settings: FormatSettings) -> frozenset[str]:
    """The formats that the server answers by `Accept`."""
    return frozenset(
        format for format in NEGOTIABLE if getattr(settings, f"auto_{format}") or getattr(settings, f"enforce_{format}")
    )


def named(accept: str) -> frozenset[str]:
    """The formats that a client names, as the server reads it."""
    return frozenset(format for format in NEGOTIABLE if f"image/{format}" in accept)


def choices(features: ClientFeatures, settings: FormatSettings) -> list[ImageFormat]:
    """What the server makes of a photograph and of an animation, without a format in the URL and with one."""
    return [
        result_format(
            RenderRequest(source_url="s3://pictures/a", output=Output(format=wanted), features=features),
            SourceFacts(format=source, is_animated=source is ImageFormat.GIF, has_alpha=False),
            settings,
            frozenset(ImageFormat),
        )
        for source in (ImageFormat.JPEG, ImageFormat.GIF)
        for wanted in (None, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF)
    ]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_unit_tests_of_the_function_pass_in_node(suite: Path) -> None:
    """Each file of tests in JavaScript passes, and has tests."""
    done = subprocess.run(
        [node(), "--test", "--test-reporter=tap", str(suite)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass [1-9]", done.stdout, re.MULTILINE), done.stdout


def test_there_are_unit_tests() -> None:
    """Three files; without them the test above would pass by having nothing to run."""
    assert [suite.name for suite in SUITES] == ["events.test.js", "headers.test.js", "runtime.test.js"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.get("client") or row["rule"])
def test_the_server_chooses_for_known_clients_as_it_did(function: Function, row: dict[str, str | None]) -> None:
    """The same formats by the header that came and by the one that goes on, under all settings but the known gaps."""
    raw = row["accept"] or ""
    values = function.values(row["accept"])
    assert values[ALL] == row["value"]
    for settings in SETTINGS:
        formats = switched_on(settings)
        if formats == ALL and KEPT_OF_ALL[named(raw)] != named(raw):
            assert "rule" in row, "a real client falls into a gap of the four values"
            continue
        before, after = client_features(raw, settings), client_features(values[formats], settings)
        assert choices(after, settings) == choices(before, settings), settings


PIECES = st.sampled_from(
    [f"image/{format}" for format in NEGOTIABLE]
    + ["IMAGE/WEBP", "image/*", "*/*", ";q=0", ";q=0.8", ",", ", ", "image/"]
)
HEADERS = st.lists(st.one_of(PIECES, PIECES, st.text(max_size=8)), max_size=12).map("".join)


@given(accept=HEADERS)
@example(accept="image/jxl,image/avif")
@example(accept="image/avif")
def test_the_server_understands_any_header_as_before(function: Function, accept: str) -> None:
    """Up to two formats switched on: nothing changes. All three: what is left is the documented part of it."""
    values = function.values(accept)

    for settings in SETTINGS:
        formats = switched_on(settings)
        raw = client_features(accept, settings)
        kept = KEPT_OF_ALL[named(accept)] if formats == ALL else named(accept)
        expected = {
            f"{name}_{format}": getattr(raw, f"{name}_{format}") for name in ("prefers", "enforces") for format in kept
        }
        assert client_features(values[formats], settings) == ClientFeatures(**expected), settings


def test_no_set_of_formats_has_more_than_four_values(function: Function) -> None:
    """All combinations of names give four values at the most, and with all three exactly four."""
    answers = [function.values(",".join(f"image/{format}" for format in names)) for names in SUBSETS]

    counts = {formats: len({answer[formats] for answer in answers}) for formats in SUBSETS}
    assert counts == {formats: min(2 ** len(formats), 4) for formats in SUBSETS}


def test_a_format_that_is_off_does_not_divide_the_cache(function: Function) -> None:
    """With JPEG XL off, a browser that names it has the key of one that does not."""
    safari, chrome = function.values("image/webp,image/avif,image/jxl"), function.values("image/avif,image/webp")

    assert safari[frozenset({"webp", "avif"})] == chrome[frozenset({"webp", "avif"})]
    assert safari[ALL] != chrome[ALL]


@pytest.mark.parametrize("formats", SUBSETS, ids=lambda formats: "+".join(sorted(formats)) or "none")
def test_every_source_fits_in_what_cloudfront_takes(formats: frozenset[str]) -> None:
    """10 KB (Amazon CloudFront Developer Guide, Quotas on CloudFront Functions)."""
    assert len(function_source(formats).encode()) <= 10 * 1024


def test_a_format_that_is_not_negotiated_is_refused() -> None:
    """The text says what there is instead."""
    with pytest.raises(ValueError, match="heic, png: clients choose among webp, avif, jxl only"):
        function_source(["png", "webp", "heic"])
