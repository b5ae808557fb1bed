"""The page about settings says what the tables say."""

from __future__ import annotations

import re

import pytest

from renderer.settings.declare import Row, rows
from renderer.settings.load import TABLES
from renderer.settings.reference import settings_markdown

ALL_ROWS = [row for table in TABLES.values() for row in rows(table).values()]


def cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table; a bar after a backslash is text."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """The page by line."""
    return settings_markdown().splitlines()


def test_the_page_says_that_it_is_generated_from_where_and_by_what(lines: list[str]) -> None:
    """The page says that it is generated, from where and by which command."""
    assert lines[0].startswith("<!-- Generated from the tables in renderer/settings by `make docs`.")


def test_each_table_is_a_section_under_the_first_line_of_its_docstring(lines: list[str]) -> None:
    """Each table is a section under the first line of its docstring."""
    headings = [line for line in lines if line.startswith("## ")]

    assert headings == [f"## {str(table.__doc__).splitlines()[0].removesuffix('.')}" for table in TABLES.values()]
    assert headings[0] == "## How requests come in and how answers are headed"


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.names[0])
def test_each_setting_is_one_line_with_its_names_its_kind_its_default_and_its_effect(
    row: Row, lines: list[str]
) -> None:
    """Each setting is one line with its names, its kind, its default and its effect."""
    (line,) = [line for line in lines if line.startswith(f"| `{row.names[0]}`")]
    names, expected, default, doc = cells(line)

    assert names.split("<br>") == [f"`{name}`" for name in row.names]
    assert (expected, default.strip("`"), doc) == (row.reader.expected, row.shown_default, row.doc)


def test_a_default_is_quoted_when_it_can_be_typed_and_not_when_it_is_words(lines: list[str]) -> None:
    """A default is quoted when it can be typed and not when it is words."""
    defaults = {names: default for names, _, default, _ in (cells(line) for line in lines if line.startswith("| `"))}

    assert defaults["`IMGPROXY_TTL`"] == "`31536000`"
    assert defaults["`IMGPROXY_FORMAT_QUALITY`"] == "`webp=79,avif=63,jxl=77`"
    assert defaults["`IMGPROXY_ALLOWED_SOURCES`"] == "all"
    assert defaults["`IMGPROXY_KEY`"] == "blank"
    assert defaults["`IMGPROXY_WORKERS`"] == "twice the usable CPUs"


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.names[0])
def test_each_setting_is_told_in_sentences_on_one_line(row: Row) -> None:
    """Each setting is told in sentences, on one line, without a bar that would end the cell."""
    assert row.doc[0].isupper() or row.doc.startswith(("`", "libwebp"))
    assert row.doc.endswith(".")
    assert not set(row.doc) & set("\n|")


def test_the_page_ends_with_one_line_end(lines: list[str]) -> None:
    """The page ends with one line end and has no trailing blanks."""
    page = settings_markdown()

    assert page.endswith("|\n")
    assert not any(line.endswith(" ") for line in lines)
