"""Kinds of arguments: what each takes, what it refuses and how it says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import InvalidURL
from renderer.formats import ImageFormat
from renderer.options import arguments
from renderer.options.arguments import Gravity, GravityType, read_gravity, write_gravity, written

Reader = Callable[[str, str], Any]

INT64_MAX = 2**63 - 1


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_six_words_are_true(text: str) -> None:
    """Six words are true."""
    assert arguments.boolean(text, "enlarge") is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_six_words_are_false_without_a_warning(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Six words are false, and nobody is warned about them."""
    assert arguments.boolean(text, "enlarge") is False
    assert not caplog.records


@pytest.mark.parametrize("text", ["", "yes", "on", "tRUE", "2", " 1", "1 ", "-1", "１"])
def test_any_other_word_counts_as_false_with_a_warning(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Any other word counts as false with a warning; it is never an error."""
    with caplog.at_level(logging.WARNING):
        assert arguments.boolean(text, "enlarge") is False
    assert "enlarge" in caplog.text


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (arguments.integer, "12", 12),
        (arguments.integer, "-12", -12),
        (arguments.integer, "+12", 12),
        (arguments.integer, "0012", 12),
        (arguments.integer, "9223372036854775807", INT64_MAX),
        (arguments.integer, "-9223372036854775808", -INT64_MAX - 1),
        (arguments.uint, "0", 0),
        (arguments.uint, "-0", 0),
        (arguments.uint, "+10", 10),
        (arguments.pint, "1", 1),
        (arguments.quality, "0", 0),
        (arguments.quality, "100", 100),
        (arguments.real, "-1.5", -1.5),
        (arguments.real, ".5", 0.5),
        (arguments.real, "5.", 5.0),
        (arguments.real, "1e1", 10.0),
        (arguments.real, "1_0", 10.0),
        (arguments.real, "0x1p1", 2.0),
        (arguments.ufloat, "0", 0.0),
        (arguments.ufloat, "-0", 0.0),
        (arguments.ufloat, "1e-400", 0.0),
        (arguments.pfloat, "0.001", 0.001),
        (arguments.unit, "0", 0.0),
        (arguments.unit, "1", 1.0),
        (arguments.offset, "-0.5", -0.5),
        (arguments.megapixels, "0", 0),
        (arguments.megapixels, "16.8", 16_800_000),
        (arguments.megapixels, "0.0000019", 1),
        (arguments.megapixels, "1e305", 10**15),
        (arguments.hex_color, "fa0", (255, 170, 0)),
        (arguments.hex_color, "FFaa07", (255, 170, 7)),
        (arguments.image_format, "jpg", ImageFormat.JPEG),
        (arguments.base64_text, "w6Q", "ä"),
        (arguments.base64_text, "w6Q====", "ä"),
        (arguments.base64_text, "_w", "\udcff"),
        (arguments.base64_text, "", ""),
    ],
)
def test_what_a_kind_takes_becomes_a_value(reader: Reader, text: str, value: object) -> None:
    """What a kind takes becomes a value of its type."""
    read = reader(text, "key")

    assert read == value
    assert type(read) is type(value)


NO_INTEGER = ["", " 1", "1 ", "1_0", "1.0", "1e1", "0x1", "a", "--1", "٣", "9223372036854775808", "1" * 5000]
NO_NUMBER = ["", " 1", "1,5", "1__0", "_1", "0x1", "a", "1e999", "-1e999", "٣.٥"]
NO_FINITE = ["nan", "NaN", "inf", "-inf", "+Infinity"]


@pytest.mark.parametrize(
    ("reader", "texts", "expected"),
    [
        (arguments.integer, NO_INTEGER, "integer number"),
        (arguments.uint, [*NO_INTEGER, "-1"], "positive number or 0"),
        (arguments.pint, [*NO_INTEGER, "-1", "0", "-0"], "positive number"),
        (arguments.quality, [*NO_INTEGER, "-1", "101"], "number in range 0-100"),
        (arguments.ufloat, [*NO_NUMBER, *NO_FINITE, "-0.1"], "positive number or 0"),
        (arguments.pfloat, [*NO_NUMBER, *NO_FINITE, "-0.1", "0", "1e-400"], "positive number"),
        (arguments.unit, [*NO_NUMBER, *NO_FINITE, "-0.1", "1.1"], "number in range 0-1"),
        (arguments.megapixels, [*NO_NUMBER, *NO_FINITE, "-1"], "positive number or 0"),
        (arguments.hex_color, ["", "#fff", "ff", "ffff", "fffff", "fffffff", "ggg", " fff"], "hex-encoded color"),
        (arguments.image_format, ["", "tif", "heif", "JPEG", "raw", "unknown"], "supported image format"),
        (arguments.base64_text, ["a", "a+b/", "a b", "w6Q%3D"], "URL-safe base64-encoded string"),
    ],
)
def test_what_a_kind_refuses_is_named_with_what_was_expected(reader: Reader, texts: list[str], expected: str) -> None:
    """What a kind refuses is named, at most a hundred characters of it, with what was expected."""
    for text in texts:
        with pytest.raises(InvalidURL) as refused:
            reader(text, "some.key")
        assert str(refused.value) == f"Invalid some.key: {text[:100]} (expected {expected})", text


@pytest.mark.parametrize("text", [*NO_NUMBER, *NO_FINITE])
def test_a_number_that_may_be_anything_is_refused_as_an_argument_list(text: str) -> None:
    """A number that may be anything is refused as an argument list, as imgproxy does."""
    with pytest.raises(InvalidURL) as refused:
        arguments.real(text, "trim.threshold")
    assert str(refused.value) == f"Invalid trim.threshold arguments: [{text}]"


@pytest.mark.parametrize("text", ["", "a", "nan", "inf", "1e999"])
def test_a_bad_offset_is_named_without_what_was_expected(text: str) -> None:
    """A bad offset is named without what was expected, as imgproxy does."""
    with pytest.raises(InvalidURL) as refused:
        arguments.offset(text, "gravity.x_offset")
    assert str(refused.value) == f"Invalid gravity.x_offset: {text}"


def test_a_word_of_several_is_named_with_all_of_them() -> None:
    """A word that is none of several is named with all of them."""
    read = arguments.member({"so": GravityType.SOUTH, "no": GravityType.NORTH})

    assert read("no", "key") is GravityType.NORTH
    with pytest.raises(InvalidURL) as refused:
        read("NO", "key")
    assert str(refused.value) == "Invalid key: NO (expected so, no)"


def test_a_long_argument_list_is_shown_in_part() -> None:
    """A long argument list is shown in part."""
    assert len(str(arguments.invalid_arguments("zoom", ["x" * 1000] * 1000))) < 300


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (False, "0"),
        (None, ""),
        (0, "0"),
        (-12, "-12"),
        (2.0, "2"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e16, "1e+16"),
        (5e-324, "5e-324"),
        ("text", "text"),
        (GravityType.SMART, "sm"),
    ],
)
def test_values_are_written_as_short_as_they_read(value: object, text: str) -> None:
    """Values are written as short as they read, and equal numbers alike."""
    assert written(value) == text


@pytest.mark.parametrize(
    ("color", "text"), [((1, 2, 3), "010203"), ((255, 170, 0), "ffaa00"), (None, "")], ids=["dark", "orange", "none"]
)
def test_a_color_is_written_as_six_digits(color: arguments.Color | None, text: str) -> None:
    """A color is written as six digits."""
    assert arguments.written_color(color) == text


@pytest.mark.parametrize(
    ("gravity", "lists"),
    [
        (Gravity(), []),
        (Gravity(type=GravityType.SMART), [["sm"]]),
        (Gravity(type=GravityType.SOUTH, x=1.5, y=-2), [["so", "1.5", "-2"]]),
        (Gravity(type=GravityType.FOCUS_POINT, x=0.5, y=1), [["fp", "0.5", "1"]]),
        (Gravity(type=GravityType.FOCUS_POINT, x=40, y=0.5), [["ce", "40", "0.5"], ["fp", "", ""]]),
    ],
)
def test_a_gravity_is_written_as_the_arguments_that_give_it(gravity: Gravity, lists: list[list[str]]) -> None:
    """A gravity is written as the arguments that give it, a focus point outside the picture as a leak."""
    assert write_gravity(gravity) == lists
    read = Gravity()
    for texts in lists:
        read = read_gravity(read, texts, "gravity")
    assert read == gravity
