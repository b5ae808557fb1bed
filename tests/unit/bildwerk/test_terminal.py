"""How commands write."""

from __future__ import annotations

import pytest

from bildwerk.terminal import MAX_EXCERPT, columns, fail, pointed, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 図", "plain ü 図"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines\t", "two\\nlines\\t"),
        ("\udcff\u202e", "\\udcff\\u202e"),
        ("", ""),
    ],
)
def test_nothing_unprintable_reaches_the_terminal(text: str, shown: str) -> None:
    """Its escape does."""
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([("a", "long name", "x"), ("bcd", "s", "yz")], "  a    long name  x\n  bcd  s          yz"),
        ([("alone",)], "  alone"),
        ([("a", "b"), ("only one",), ("cc", "d")], "  a   b\n  only one\n  cc  d"),
        ([("a", "")], "  a"),
        ([("\x1b", "x"), ("a", "y")], "  \\x1b  x\n  a     y"),
        ([], ""),
    ],
)
def test_columns_stand_under_each_other(rows: list[tuple[str, ...]], text: str) -> None:
    """The last cell of a row sets no width, and no line ends with spaces."""
    assert columns(rows, indent="  ") == text


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        ("w:1/q:x/b", 4, 7, "  w:1/q:x/b\n      ^^^"),
        ("\x1b/q:x", 2, 5, "  \\x1b/q:x\n       ^^^"),
        ("ab", 2, 2, "  ab\n    ^"),
    ],
)
def test_carets_stand_under_the_place(text: str, start: int, end: int, expected: str) -> None:
    """Also behind characters that are shown as escapes; an empty place still gets one."""
    assert pointed(text, start, end) == expected


def test_a_long_text_is_cut_around_the_place() -> None:
    """The place itself stays in sight."""
    line, carets = pointed("a" * 5000 + "HERE" + "b" * 5000, 5000, 5004).splitlines()

    assert "aHEREb" in line
    assert len(line) < 3 * MAX_EXCERPT
    assert line.index("HERE") == carets.index("^")
    assert carets.count("^") == 4


def test_a_long_place_is_cut_itself() -> None:
    """Its beginning is enough."""
    line, carets = pointed("a" * 5000, 0, 5000).splitlines()

    assert line == f"  {'a' * MAX_EXCERPT}..."
    assert len(carets) == len(line)


def test_a_failure_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, line by line, and gives the status."""
    assert fail("sign", "why\x1b\n  more") == 1
    assert capsys.readouterr() == ("", "bildwerk sign: why\\x1b\n  more\n")
