"""A proxy event as a request: bodies in either coding, headers in either form, keys from the path as it was sent."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from api.access.principal import Principal
from api.problems import InvalidRequest, TooLarge
from api.requests.event import MOST_BYTES, header_of, request_of

ALL = Principal(name="all")


def event(**members: Any) -> dict[str, Any]:
    """A proxy event with the members that every one has."""
    return {"httpMethod": "PUT", "path": "/images/a.jpg", "headers": {}, "body": None, **members}


@pytest.mark.parametrize(
    ("members", "body"),
    [
        ({"body": None}, b""),
        ({"body": "plain", "isBase64Encoded": False}, b"plain"),
        ({"body": "half \ud800", "isBase64Encoded": False}, b"half \xed\xa0\x80"),
        ({"body": base64.b64encode(b"\xff\x00").decode(), "isBase64Encoded": True}, b"\xff\x00"),
    ],
)
def test_a_body_is_decoded_as_the_event_says(members: dict[str, Any], body: bytes) -> None:
    assert request_of(event(**members), ALL).body == body


@pytest.mark.parametrize("text", ["abc", "a\u00e9==", "!!!!"])
def test_a_body_that_is_not_the_base64_it_is_said_to_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        request_of(event(body=text, isBase64Encoded=True), ALL)


def test_a_body_larger_than_an_event_is_not_even_decoded() -> None:
    with pytest.raises(TooLarge) as refused:
        request_of(event(body="A" * (MOST_BYTES + 1), isBase64Encoded=True), ALL)

    assert refused.value.members == {"uploads": "/uploads"}


def test_headers_have_lower_case_names_and_their_values_are_joined() -> None:
    many = {"X-One": ["1", "2"], "Content-Type": ["image/png"]}

    assert request_of(event(multiValueHeaders=many), ALL).headers == {"x-one": "1, 2", "content-type": "image/png"}


@pytest.mark.parametrize(
    "many",
    [{"Content-Type": ["image/png", "text/html"]}, {"If-Match": ['"a"'], "if-match": ['"b"']}, {"If-Match": []}],
)
def test_headers_that_contradict_themselves_are_refused(many: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidRequest):
        request_of(event(multiValueHeaders=many), ALL)


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/images/a/b.jpg", "a/b.jpg"),
        ("/images/a%2Fb%2520.jpg", "a%2Fb%2520.jpg"),
        ("/v1/images/images/a", "images/a"),
        ("/images/", ""),
    ],
)
def test_the_key_is_what_stands_behind_the_route_as_it_was_sent(path: str, encoded: str) -> None:
    """A custom domain may put a path of its own before ours."""
    assert request_of(event(path=path), ALL, below="/images/").encoded_key == encoded


def test_parameters_and_single_headers_may_be_missing() -> None:
    assert request_of(event(queryStringParameters=None, headers=None), ALL).query == {}
    assert header_of(event(headers={"ORIGIN": "https://a.example"}), "origin") == "https://a.example"
    assert not header_of(event(headers=None), "origin")
