"""Options of how a result is delivered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.options.delivery import Delivery
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("raw:1", Delivery(raw=True)),
        ("raw:1/raw:0", Delivery()),
        ("raw:maybe", Delivery()),
        ("cb:abc", Delivery(cachebuster="abc")),
        ("cb:100% täst", Delivery(cachebuster="100% täst")),
        ("cb:abc/cb:", Delivery()),
        ("exp:4102444800", Delivery(expires=4_102_444_800)),
        ("exp:1700000000", Delivery(expires=1_700_000_000)),
        ("exp:0", Delivery(expires=0)),
        ("exp:-5", Delivery(expires=-5)),
        ("exp:4102444800/exp:0", Delivery(expires=0)),
        ("fn:cat", Delivery(filename="cat")),
        ("fn:cat:0", Delivery(filename="cat")),
        ("fn:cat:", Delivery(filename="cat")),
        ("fn:te%20st", Delivery(filename="te%20st")),
        ("fn:Y2F0:1", Delivery(filename="cat")),
        ("fn:w6Q=:t", Delivery(filename="ä")),
        ("fn:", Delivery()),
        ("fn::1", Delivery()),
        ("fn:cat/fn:", Delivery()),
        ("att:1", Delivery(return_attachment=True)),
        ("att:0", Delivery(return_attachment=False)),
    ],
)
def test_each_option_of_delivery_sets_its_value(read: Read, options: str, expected: Delivery) -> None:
    """Each option of delivery sets its value; names are decoded only when they say so."""
    assert read(options).delivery == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("raw:1:1", "Invalid raw arguments: [1 1]"),
        ("cb:a:b", "Invalid cachebuster arguments: [a b]"),
        ("exp:", "Invalid expires:  (expected unix timestamp)"),
        ("exp:tomorrow", "Invalid expires: tomorrow (expected unix timestamp)"),
        ("exp:1.5", "Invalid expires: 1.5 (expected unix timestamp)"),
        ("exp:9223372036854775808", "Invalid expires: 9223372036854775808 (expected unix timestamp)"),
        ("exp:1:2", "Invalid expires arguments: [1 2]"),
        ("exp:1699999999", "Expired URL"),
        ("exp:1", "Expired URL"),
        ("exp:1/exp:4102444800", "Expired URL"),
        ("exp:1/no_such_option:1", "Expired URL"),
        ("fn:a:1:1", "Invalid filename arguments: [a 1 1]"),
        ("fn:a b:1", "Invalid filename: a b (expected URL-safe base64-encoded string)"),
        ("att:1:1", "Invalid return_attachment arguments: [1 1]"),
    ],
)
def test_a_bad_option_of_delivery_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad option of delivery is refused; a time that is past is an error even when a later one follows."""
    assert refused(options) == text
