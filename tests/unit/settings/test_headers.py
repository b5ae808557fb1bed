"""Lists of headers: their separator is a setting of its own."""

from __future__ import annotations

import pytest

from renderer.errors import ConfigurationError
from renderer.settings.headers import FRAMING_HEADERS, header_list
from renderer.settings.load import load_settings

REQUEST = "IMGPROXY_CUSTOM_REQUEST_HEADERS"
RESPONSE = "IMGPROXY_CUSTOM_RESPONSE_HEADERS"


def problems(environment: dict[str, str]) -> list[str]:
    """What is wrong with an environment."""
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environment)
    return refused.value.problems


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", ()),
        ("A=1", (("A", "1"),)),
        ("A=1\\;B=2", (("A", "1"), ("B", "2"))),
        (" A = 1 \\; B = 2 ", (("A", "1"), ("B", "2"))),
        ("A=1;2,3=4", (("A", "1;2,3=4"),)),
        ("A=\\;", (("A", ""),)),
        ("\\;A=1\\;\\;", (("A", "1"),)),
        ("Host=images.test", (("Host", "images.test"),)),
        ("X=ümlaut", (("X", "ümlaut"),)),
    ],
)
def test_a_list_of_headers_is_divided_by_backslash_and_semicolon(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    headers = load_settings({REQUEST: text, RESPONSE: text}).headers

    assert headers.custom_request == pairs
    assert headers.custom_response == pairs


def test_the_separator_is_configurable() -> None:
    environment = {"IMGPROXY_CUSTOM_HEADERS_SEPARATOR": "||", REQUEST: "A=1\\;2||B=3"}

    assert load_settings(environment).headers.custom_request == (("A", "1\\;2"), ("B", "3"))


@pytest.mark.parametrize(
    "text",
    ["A", "A: 1", "=1", "A B=1", "A=1\\;B", "Ä=1", "A=1\r\nB: 2", *(f"{name}=1" for name in sorted(FRAMING_HEADERS))],
)
@pytest.mark.parametrize("variable", [REQUEST, RESPONSE])
def test_what_is_no_header_stops_the_start(variable: str, text: str) -> None:
    assert [problem.partition(":")[0] for problem in problems({variable: text})] == [variable]


def test_a_problem_does_not_show_values() -> None:
    assert "secret" not in "".join(problems({REQUEST: "A=secret\\;B"}))


@pytest.mark.parametrize("text", ["A B", "A,Content-Length", "connection", "Ä"])
@pytest.mark.parametrize("variable", ["IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH"])
def test_a_name_that_cannot_be_passed_stops_the_start(variable: str, text: str) -> None:
    assert [problem.partition(":")[0] for problem in problems({variable: text})] == [variable]


def test_empty_names_do_not_matter() -> None:
    headers = load_settings({"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH": "A, ,B,"}).headers

    assert headers.request_passthrough == ("A", "B")


def test_header_list_names_the_item_that_is_wrong() -> None:
    with pytest.raises(ValueError, match="item 2"):
        header_list("A=1|B", "|")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IMGPROXY_ALLOW_ORIGIN", "https://a.test\r\nX: 1"),
        ("IMGPROXY_USER_AGENT", "agent\n"),
        ("BILDWERK_CACHE_TAG_HEADER", "Cache Tag"),
        ("BILDWERK_CACHE_TAG_HEADER", "Content-Length"),
    ],
)
def test_what_no_header_can_hold_is_refused_at_start(name: str, text: str) -> None:
    """It would fail every request that is to carry it."""
    assert [problem.partition(":")[0] for problem in problems({name: text})] == [name]


def test_headers_of_single_settings_are_taken_as_they_are() -> None:
    settings = load_settings(
        {"IMGPROXY_ALLOW_ORIGIN": "https://a.test", "IMGPROXY_USER_AGENT": "bildär/%current_version"}
    )

    assert settings.server.allow_origin == "https://a.test"
    assert settings.sources.user_agent == "bildär/%current_version"


@pytest.mark.parametrize("text", ["a,b", "a b", "ä", "x" * 101])
def test_a_release_that_no_tag_can_hold_is_refused_at_start(text: str) -> None:
    """A comma would make two tags of it."""
    assert [problem.partition(":")[0] for problem in problems({"BILDWERK_RELEASE": text})] == ["BILDWERK_RELEASE"]


@pytest.mark.parametrize(
    ("text", "name"), [("", ""), (" ", ""), ("Edge-Cache-Tag", "Edge-Cache-Tag"), (None, "Cache-Tag")]
)
def test_an_empty_name_of_the_header_for_tags_turns_it_off(text: str | None, name: str) -> None:
    environment = {} if text is None else {"BILDWERK_CACHE_TAG_HEADER": text}

    assert load_settings(environment).server.cache_tag_header == name
