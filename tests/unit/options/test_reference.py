"""The page about options says what the tables say."""

from __future__ import annotations

import re

import pytest

from renderer.options.declare import MetaOption, Option
from renderer.options.reference import options_markdown
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING

ROWS = (*PROCESSING.options, *PROCESSING.metas)


def cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table; a bar after a backslash is text."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """The page by line."""
    return options_markdown().splitlines()


def test_the_page_says_that_it_is_generated_from_where_and_by_what(lines: list[str]) -> None:
    """The page says that it is generated, from where and by which command."""
    assert lines[0].startswith("<!-- Generated from the tables in renderer/options by `make docs`.")


def test_each_family_is_a_section_that_says_whose_options_they_are(lines: list[str]) -> None:
    """Each family is a section under the first line of its docstring; it says whether pipelines share the options."""
    headings = [(number, line) for number, line in enumerate(lines) if line.startswith("## ")]

    assert [line for _, line in headings] == [
        *(
            f"## {str(kind.__doc__).splitlines()[0].partition(';')[0].removesuffix('.')}"
            for kind in PROCESSING.families.values()
        ),
        "## Options that stand for others",
    ]
    for (number, _), family in zip(headings, PROCESSING.families, strict=False):
        assert ("pipeline" in lines[number + 2]) is (family in PIPELINE_FAMILIES), family
        assert ("request" in lines[number + 2]) is (family not in PIPELINE_FAMILIES), family


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_option_is_one_line_with_its_usage_its_aliases_and_its_effect(
    row: Option | MetaOption, lines: list[str]
) -> None:
    """Each option is one line with its usage, its aliases and its effect."""
    (line,) = [line for line in lines if line.startswith(f"| `{row.name}:")]
    usage, aliases, *_, doc = cells(line)

    assert [form.strip("`").removeprefix(f"{row.name}:") for form in usage.split(" or ")] == row.usage.split(" or ")
    assert aliases == ", ".join(f"`{alias}`" for alias in row.aliases)
    assert doc.startswith(row.doc)


def test_security_options_are_marked_and_no_others(lines: list[str]) -> None:
    """Security options are marked, and no others."""
    marked = [line for line in lines if "IMGPROXY_ALLOW_SECURITY_OPTIONS" in line]

    assert [cells(line)[0].split(":")[0].strip("`") for line in marked] == [
        row.name for row in PROCESSING.options if row.is_security
    ]


def test_defaults_are_shown_as_arguments(lines: list[str]) -> None:
    """Defaults are shown as arguments; what has no value is unset."""
    rows = [cells(line) for line in lines if line.startswith("| `")]
    defaults = {row[0].partition(":")[0].strip("`"): row[2] for row in rows if len(row) == 4}

    assert defaults["width"] == "`0`"
    assert defaults["dpr"] == "`1`"
    assert defaults["zoom"] == "`1:1`"
    assert defaults["gravity"] == "`ce:0:0`"
    assert defaults["extend"] == "`0:ce:0:0`"
    assert defaults["flip"] == "`0:0`"
    for name in ("padding", "trim", "background", "auto_rotate", "skip_processing", "format_quality", "filename"):
        assert defaults[name] == "unset", name


def test_a_usage_with_two_forms_shows_both_with_the_name(lines: list[str]) -> None:
    """A usage with two forms shows both with the name."""
    (line,) = [line for line in lines if line.startswith("| `background")]

    assert cells(line)[0] == "`background:%R:%G:%B` or `background:%hex_color`"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_option_is_told_in_sentences_on_one_line(row: Option | MetaOption) -> None:
    """Each option is told in sentences, on one line, without a bar that would end the cell."""
    assert row.doc[0].isupper() or row.doc[0] in "`1"
    assert row.doc.endswith(".")
    assert not set(row.doc) & set("\n|")


def test_the_page_ends_with_one_line_end(lines: list[str]) -> None:
    """The page ends with one line end and has no trailing blanks."""
    assert options_markdown().endswith("|\n")
    assert not any(line.endswith(" ") for line in lines)
