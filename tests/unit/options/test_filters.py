"""Options of filters: their arguments. What they do to pixels is tested on pictures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.options.filters import Filters
from renderer.options.tables import FILTERS
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("bl:0.2", Filters(blur=0.2)),
        ("sh:0.2", Filters(sharpen=0.2)),
        ("pix:10", Filters(pixelate=10)),
        ("blur:1/sharpen:2/pixelate:3", Filters(blur=1, sharpen=2, pixelate=3)),
        ("bl:1/bl:0", Filters()),
    ],
)
def test_each_filter_takes_one_number(read: Read, options: str, expected: Filters) -> None:
    """Each filter takes one number."""
    assert read(options).pipelines[0].filters == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("bl:", "Invalid blur:  (expected positive number or 0)"),
        ("bl:-1", "Invalid blur: -1 (expected positive number or 0)"),
        ("bl:nan", "Invalid blur: nan (expected positive number or 0)"),
        ("bl:1:2", "Invalid blur arguments: [1 2]"),
        ("sh:inf", "Invalid sharpen: inf (expected positive number or 0)"),
        ("sh:1:", "Invalid sharpen arguments: [1 ]"),
        ("pix:1.5", "Invalid pixelate: 1.5 (expected positive number or 0)"),
        ("pix:-1", "Invalid pixelate: -1 (expected positive number or 0)"),
    ],
)
def test_a_bad_filter_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad filter is refused."""
    assert refused(options) == text


def test_filters_act_in_one_order_whatever_the_url_says() -> None:
    """Filters act in one order: blur, sharpen, pixelate. Only the first two want premultiplied colors."""
    assert [(row.name, row.is_premultiplied) for row in FILTERS] == [
        ("blur", True),
        ("sharpen", True),
        ("pixelate", False),
    ]
