"""Conditions of writes."""

from __future__ import annotations

import pytest

from api.problems import InvalidRequest
from api.requests.conditions import Wanted, wanted


@pytest.mark.parametrize(
    ("headers", "meaning"),
    [
        ({}, Wanted()),
        ({"if-none-match": " * "}, Wanted(is_absent=True)),
        ({"if-match": "*"}, Wanted(is_present=True)),
        ({"if-match": '"abc"'}, Wanted(etags=('"abc"',))),
        ({"if-match": '"a", W/"b" ,"c-2"'}, Wanted(etags=('"a"', 'W/"b"', '"c-2"'))),
    ],
)
def test_they_say_what_is_to_be_there(headers: dict[str, str], meaning: Wanted) -> None:
    assert wanted(headers) == meaning


@pytest.mark.parametrize(
    "headers",
    [
        {"if-none-match": '"abc"'},
        {"if-none-match": ""},
        {"if-match": "abc"},
        {"if-match": ""},
        {"if-match": '"a" "b"'},
        {"if-match": '"a", *'},
        {"if-match": ", ".join(f'"{number}"' for number in range(17))},
        {"if-match": '"a"', "if-none-match": "*"},
    ],
)
def test_what_a_write_cannot_keep_is_refused_instead_of_ignored(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        wanted(headers)
