"""The settings tables as the page `docs/settings.md`.

The page says nothing that the tables do not say, so it cannot differ from what the loader reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from renderer.settings.declare import Row, rows
from renderer.settings.load import TABLES

_HEAD: Final = """\
<!-- Generated from the tables in renderer/settings by `make docs`. Those of the API are in api/settings.py. -->

# Settings

Every setting is an environment variable. Unset, empty or blank, it keeps its default, unless its row says what empty
means. A value that is not what the setting expects stops the start, and all such values are named at once. Where
several names stand in one row, all of them work and the first one that is set wins. Variables that start with
`IMGPROXY_` or `BILDWERK_` and are not on this page are reported with a warning.
"""
_COLUMNS: Final = """\
| Variable | Expects | Default | What it does |
|---|---|---|---|
"""
_WORDS: Final = frozenset({"blank", "all"})
"""Defaults that stand for themselves instead of quoting a value."""


def settings_markdown(others: Iterable[type[Any]] = ()) -> str:
    """The whole page: a section for each settings class, a line for each setting.

    Args:
        others: further tables, of programs beside the server.
    """
    return "\n".join([_HEAD, *(_section(table) for table in (*TABLES.values(), *others))])


def _section(table: type[Any]) -> str:
    title = str(table.__doc__).strip().partition("\n")[0].rstrip(".")
    return f"## {title}\n\n{_COLUMNS}" + "".join(f"{_line(row)}\n" for row in rows(table).values())


def _line(row: Row) -> str:
    names = "<br>".join(f"`{name}`" for name in row.names)
    is_words = row.shown_default in _WORDS or " " in row.shown_default
    default = row.shown_default if is_words else f"`{row.shown_default}`"
    cells = (names, row.reader.expected, default, row.doc)
    # A vertical bar would end the cell, in code as well as in text.
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
