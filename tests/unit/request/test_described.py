"""What logs and traces are told of a request's options: those that were asked for, as plain values."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from renderer.request.described import described
from renderer.request.parse import Grammar, parse_request
from renderer.request.values import ClientFeatures

Make = Callable[..., Grammar]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("plain/local:///a.png", {}),
        ("w:300/plain/local:///a.png", {"width": 300}),
        ("w:0/plain/local:///a.png", {}),
        ("raw:1/plain/local:///a.png", {"raw": True}),
        ("bl:2.5/plain/local:///a.png", {"blur": 2.5}),
        ("rt:fill/plain/local:///a.png", {"resizing_type": "fill"}),
        ("plain/local:///a.png@webp", {"format": "webp"}),
    ],
)
def test_only_what_differs_from_nothing_asked_is_told(grammar: Make, path: str, expected: dict[str, Any]) -> None:
    assert described(parse_request(path, grammar())) == expected


@pytest.mark.parametrize(
    "path",
    [
        "rs:fill:300:200:1:1/g:fp:0.2:0.3/c:100:0.5:we/plain/local:///a.png@avif",
        "pd:1:2:3:4/bg:ff0000/sh:1/wm:0.5:soea:10:20:0.3/plain/local:///a.png",
        "q:50/fq:webp:10:jpeg:20/mb:10000/skp:png:svg/cb:x/exp:1900000000/fn:name/plain/local:///a.png",
        "t:10:ff00ff:1:1/rot:90/fl:1:1/el:1/ex:1:no:1:2/exar:1/dpr:2/z:0.5:0.6/plain/local:///a.png",
    ],
)
def test_everything_is_plain(grammar: Make, path: str) -> None:
    """It can be written as JSON, whatever an option holds, and each option that was asked for is there."""
    told = described(parse_request(path, grammar()))

    assert json.loads(json.dumps(told)) == told
    assert len(told) >= 4


def test_parts_of_an_option_have_names(grammar: Make) -> None:
    told = described(parse_request("g:fp:0.2:0.3/plain/local:///a.png", grammar()))

    assert isinstance(told["gravity"], dict)
    assert {0.2, 0.3} <= set(told["gravity"].values())


def test_chained_pipelines_are_numbered(grammar: Make) -> None:
    first, second = (
        parse_request(f"{options}/plain/local:///a.png", grammar()) for options in ("w:300", "w:200/h:100/q:50")
    )
    chained = dataclasses.replace(second, pipelines=(*first.pipelines, *second.pipelines))

    assert described(chained) == {"quality": 50, "0": {"width": 300}, "1": {"width": 200, "height": 100}}


def test_what_the_client_takes_is_told(grammar: Make) -> None:
    features = ClientFeatures(prefers_webp=True, enforces_avif=True)

    assert described(parse_request("plain/local:///a.png", grammar(), features)) == {
        "prefer_webp": True,
        "enforce_avif": True,
    }
