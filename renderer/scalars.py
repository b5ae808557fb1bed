"""Numbers, booleans, colours and base64 as Go's standard library reads them.

imgproxy is written in Go, and URLs in the wild were tried against it. Python's own `int()` and `float()` accept white
space, Unicode digits and underscores that Go refuses, so every kind has a pattern of its own (spec 01 section 4.1).
Each reader raises ValueError on text it does not accept.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_INT = re.compile(r"[+-]?[0-9]+")
# Go takes underscores only with a base prefix for integers, but for floats the recorded server took single ones between
# digits (spec 01 section 4.1). No two neighbors can match the same character, so a megabyte of digits costs one pass.
_DIGITS = r"[0-9](?:_?[0-9])*+"
_HEX_DIGITS = r"[0-9a-fA-F](?:_?[0-9a-fA-F])*+"
_DECIMAL = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEXADECIMAL = re.compile(rf"[+-]?0[xX](?:_?{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}")
_SPECIAL = re.compile(r"[+-]?(?:inf|infinity)|nan", re.IGNORECASE | re.ASCII)
_TO_URL = bytes.maketrans(b"+/", b"-_")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_HEX_COLOR = re.compile(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}")

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def parse_bool(text: str) -> bool:
    """Go's ParseBool: exactly twelve spellings, nothing else."""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(f"invalid boolean: {text[:40]!r}")


def parse_int(text: str) -> int:
    """Go's Atoi: a sign, ASCII digits, the range of 64 bits."""
    if not _INT.fullmatch(text):
        raise ValueError(f"invalid integer: {text[:40]!r}")
    # int() refuses thousands of digits, leading zeros among them; Atoi takes any number of leading zeros.
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(digits[:20]) * (-1 if text[0] == "-" else 1)
    if not INT64_MIN <= value <= INT64_MAX:
        raise ValueError(f"integer out of range: {text[:40]!r}")
    return value


def parse_float(text: str) -> float:
    """Go's ParseFloat with 64 bits: decimal, hexadecimal with an exponent, single underscores, inf and nan."""
    if _SPECIAL.fullmatch(text):
        return float(text)
    read: Callable[[str], float]
    if _DECIMAL.fullmatch(text):
        read = float
    elif _HEXADECIMAL.fullmatch(text):
        read = float.fromhex
    else:
        raise ValueError(f"invalid number: {text[:40]!r}")
    try:
        value = read(text.replace("_", ""))
    except OverflowError as error:
        raise ValueError(f"number out of range: {text[:40]!r}") from error
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number out of range: {text[:40]!r}")
    return value


def parse_hex_color(text: str) -> tuple[int, int, int]:
    """Three or six hexadecimal digits without `#`; a short digit counts twice."""
    if not _HEX_COLOR.fullmatch(text):
        raise ValueError(f"invalid colour: {text[:40]!r}")
    if len(text) == 3:
        return int(text[0] * 2, 16), int(text[1] * 2, 16), int(text[2] * 2, 16)
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def decode_base64url(text: str) -> bytes:
    """URL-safe base64 without padding; non-canonical trailing bits pass, foreign characters do not."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("invalid URL-safe base64")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("invalid URL-safe base64") from error


def encode_base64url(data: bytes) -> str:
    """URL-safe base64 without padding."""
    # What `base64.urlsafe_b64encode` does, in one call of Python less for each of its two layers.
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Standard base64 with padding, as settings carry pictures."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("invalid base64") from error
