"""How a setting is declared: one dataclass field is one row of the settings table.

The field says the variable's name, how its text is read, its default and what it does. The loader, the start-up check
for unknown names and `docs/settings.md` iterate the rows, so none of them can forget one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

T = TypeVar("T")

_KEY: Final = "setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How one kind of value is read: `read` raises ValueError on text it refuses; `expected` names the kind."""

    expected: str
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting: `names` are the variables that set it, the first one present wins."""

    names: tuple[str, ...]
    reader: Reader
    doc: str
    shown_default: str
    is_secret: bool
    is_empty_meaningful: bool


def setting(
    *names: str,
    read: Reader,
    doc: str,
    default: T,
    shown_default: str | None = None,
    secret: bool = False,
    empty_is_value: bool = False,
) -> T:
    """A dataclass field that an environment variable sets.

    Args:
        names: the variable, then other accepted spellings.
        read: the kind of value.
        doc: what it does, for `docs/settings.md`.
        default: the value when the variable is unset or blank.
        shown_default: how the documentation shows the default, where `str()` of it says little.
        secret: keeps the value out of `repr`.
        empty_is_value: an empty value counts as set, as that of `IMGPROXY_SOURCE_URL_QUERY_SEPARATOR`.
    """
    row = Row(
        names=names,
        reader=read,
        doc=doc,
        shown_default=_shown(default) if shown_default is None else shown_default,
        is_secret=secret,
        is_empty_meaningful=empty_is_value,
    )
    field: T = dataclasses.field(default=default, metadata={_KEY: row}, repr=not secret)
    return field


def rows(table: type[Any]) -> Mapping[str, Row]:
    """The rows of one settings class by attribute name."""
    return {field.name: field.metadata[_KEY] for field in dataclasses.fields(table) if _KEY in field.metadata}


def _shown(default: object) -> str:
    if default in (None, "", ()):
        return "blank"
    if isinstance(default, bool):
        return "true" if default else "false"
    return str(default)
