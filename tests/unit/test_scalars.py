"""Numbers, booleans, colours and base64 are read as Go reads them, to the letter."""

from __future__ import annotations

import math
import time

import pytest

from renderer.scalars import (
    INT64_MAX,
    INT64_MIN,
    decode_base64url,
    encode_base64url,
    parse_bool,
    parse_float,
    parse_hex_color,
    parse_int,
)

MEBIBYTE = 1 << 20


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_six_spellings_are_true(text: str) -> None:
    """Six spellings are true."""
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_six_spellings_are_false(text: str) -> None:
    """Six spellings are false."""
    assert parse_bool(text) is False


@pytest.mark.parametrize(
    "text", ["", "yes", "no", "on", "off", "tRUE", "fALSE", " true", "true\n", "01", "\u0661", "\uff12"]
)
def test_every_other_boolean_is_refused(text: str) -> None:
    """Every other boolean is refused."""
    with pytest.raises(ValueError, match="invalid boolean"):
        parse_bool(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("+10", 10),
        ("-7", -7),
        ("007", 7),
        ("+007", 7),
        ("9223372036854775807", INT64_MAX),
        ("-9223372036854775808", INT64_MIN),
        ("0" * 10_000 + "1", 1),
        ("-" + "0" * 10_000 + "1", -1),
        ("0" * 10_000, 0),
    ],
)
def test_integers_have_a_sign_and_ascii_digits_with_any_number_of_leading_zeros(text: str, value: int) -> None:
    """Integers have a sign and ASCII digits, with any number of leading zeros."""
    assert parse_int(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "-",
        "+-1",
        "--1",
        " 1",
        "1 ",
        "1\n",
        "1_0",
        "0x10",
        "1.0",
        "1e1",
        "a",
        "\u0661",
        "\uff11",
        "²",
        "1\0",
        "#1",
    ],
)
def test_what_is_no_integer_in_go_is_refused(text: str) -> None:
    """What is no integer in Go is refused."""
    with pytest.raises(ValueError, match="invalid integer"):
        parse_int(text)


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775809", "99999999999999999999", "+" + "9" * MEBIBYTE]
)
def test_integers_beyond_64_bits_are_refused(text: str) -> None:
    """Integers beyond 64 bits are refused."""
    with pytest.raises(ValueError, match="out of range"):
        parse_int(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("+1", 1.0),
        ("-1", -1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("5.e1", 50.0),
        ("1e1", 10.0),
        ("1E+1", 10.0),
        ("1e-1", 0.1),
        ("007.50", 7.5),
        ("1e-9999", 0.0),
        ("0e9999999999999999999999", 0.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("0x1p1", 2.0),
        ("0X1P1", 2.0),
        ("-0x.8p0", -0.5),
        ("0x1.p-1", 0.5),
        ("0xfFp0", 255.0),
        ("0x1p-99999999999999999999", 0.0),
        ("0x0p99999999999999999999", 0.0),
    ],
)
def test_floats_are_decimal_or_hexadecimal_with_an_exponent(text: str, value: float) -> None:
    """Floats are decimal, or hexadecimal with an exponent."""
    assert parse_float(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_0", 10.0),
        ("1e0_1", 10.0),
        ("1_23.50_0_0e+1_2", 1.235e14),
        ("0x_1_2.3_4_5p+1_2", 74565.0),
        ("0x_1p1", 2.0),
        ("0x1_0p1_0", 16384.0),
    ],
)
def test_single_underscores_between_digits_are_skipped(text: str, value: float) -> None:
    """Single underscores between digits are skipped, and one after the base prefix."""
    assert parse_float(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("_1", "+_1", "1_", "1__0", "1_.5", "1._5", ".5_", "1_e5", "1e_5", "1e5_", "1e1__2", "1e_+1", "1e+_1"),
        *("0_x1p1", "0x__1p1", "0x1_p1", "0x1p_1", "0x1p1_", "0x_.8p1", "0x1_.8p1", "0x1._8p1", "0x1.8_p1"),
        *("in_f", "na_n", "_"),
    ],
)
def test_other_underscores_are_refused(text: str) -> None:
    """Other underscores are refused."""
    with pytest.raises(ValueError, match="invalid number"):
        parse_float(text)


@pytest.mark.parametrize("text", ["inf", "Inf", "INF", "+inf", "infinity", "+INFINITY", "iNfInItY"])
def test_infinity_has_two_names_in_any_case(text: str) -> None:
    """Infinity has two names in any case."""
    assert parse_float(text) == math.inf
    assert parse_float("-" + text.lstrip("+")) == -math.inf


@pytest.mark.parametrize("text", ["nan", "NaN", "NAN"])
def test_nan_has_one_name_in_any_case_and_no_sign(text: str) -> None:
    """Not-a-number has one name in any case and no sign."""
    assert math.isnan(parse_float(text))
    for sign in "+-":
        with pytest.raises(ValueError, match="invalid number"):
            parse_float(sign + text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "+", "-", "e1", ".e1", "1e", "1e+", "1.2.3", "1,5", " 1", "1 ", "1\n", "1f", "0b1", "0o7"),
        *(
            "0x",
            "0x1",
            "0x.p1",
            "0x1p",
            "0xgp1",
            "x1p1",
            "1p1",
            "\u0661",
            "1.\uff15",
            "\u0130nf",
            "\u0131nf",
            "infi",
            "infinit",
        ),
    ],
)
def test_what_is_no_float_in_go_is_refused(text: str) -> None:
    """What is no float in Go is refused."""
    with pytest.raises(ValueError, match="invalid number"):
        parse_float(text)


@pytest.mark.parametrize("text", ["1e309", "-1e309", "1e999", "0x1p1024", "0x1p99999999999999999999", "9" * 400])
def test_floats_that_overflow_are_refused(text: str) -> None:
    """Floats that overflow are refused, while a written infinity is not."""
    with pytest.raises(ValueError, match="out of range"):
        parse_float(text)


@pytest.mark.parametrize(
    "text",
    ["1" * MEBIBYTE, "1_" * (MEBIBYTE // 2), "0." + "1" * MEBIBYTE, "0x" + "1" * MEBIBYTE, "1e" + "1" * MEBIBYTE],
)
def test_a_mebibyte_of_digits_with_an_error_at_its_end_is_refused_in_one_pass(text: str) -> None:
    """A mebibyte of digits with an error at its end is refused in one pass."""
    started = time.process_time()
    for read in (parse_float, parse_int):
        with pytest.raises(ValueError, match="invalid"):
            read(text + "x")

    # Measured 0.07 s. A pattern that tries two ways of dividing the digits needs hours.
    assert time.process_time() - started < 2


@pytest.mark.parametrize("read", [parse_bool, parse_int, parse_float, parse_hex_color])
def test_a_message_shows_no_more_than_the_start_of_a_long_text(read: object) -> None:
    """A message shows no more than the start of a long text."""
    assert callable(read)
    with pytest.raises(ValueError, match="xxx") as refused:
        read("x" * MEBIBYTE)

    assert len(str(refused.value)) < 100


@pytest.mark.parametrize(
    ("text", "color"),
    [("000", (0, 0, 0)), ("fA3", (255, 170, 51)), ("ff8000", (255, 128, 0)), ("0Aa0FF", (10, 160, 255))],
)
def test_colors_have_three_or_six_hexadecimal_digits(text: str, color: tuple[int, int, int]) -> None:
    """Colours have three or six hexadecimal digits; a short digit counts twice."""
    assert parse_hex_color(text) == color


@pytest.mark.parametrize("text", ["", "f", "ff", "ffff", "fffff", "fffffff", "#fff", "ggg", "fff\n", " fff", "٣٣٣"])
def test_other_colors_are_refused(text: str) -> None:
    """Other colours are refused."""
    with pytest.raises(ValueError, match="invalid colour"):
        parse_hex_color(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [("", b""), ("YQ", b"a"), ("YR", b"a"), ("YWI", b"ab"), ("YWJj", b"abc"), ("-_-_", b"\xfb\xff\xbf")],
)
def test_base64_is_url_safe_without_padding_and_its_spare_bits_may_be_set(text: str, data: bytes) -> None:
    """Base64 is URL-safe without padding, and its spare bits may be set."""
    assert decode_base64url(text) == data


@pytest.mark.parametrize("text", ["Y", "YWJjY", "YQ==", "Y Q", "YQ\n", "+_+_", "ab/d", "YWJ%", "ÿÿÿÿ", "YW.J"])
def test_other_base64_is_refused(text: str) -> None:
    """Padding, foreign characters and impossible lengths are refused."""
    with pytest.raises(ValueError, match="invalid URL-safe base64"):
        decode_base64url(text)


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_encoded_base64_reads_back(data: bytes) -> None:
    """Encoded base64 reads back and holds no padding."""
    text = encode_base64url(data)

    assert "=" not in text
    assert decode_base64url(text) == data
