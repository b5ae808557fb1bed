"""How a processing option is declared: one dataclass field is one row of the option table.

The field says the option's names, how its arguments are read and written, its default, which package acts on it, and
what it does. Parser, allow-list, presets, URL builder, cache key and `docs/options.md` iterate the rows.

A reader is a fold `(previous, arguments, key) -> value`, because imgproxy keeps sub-arguments that a later occurrence
leaves out (spec 01 section 4.1). A writer is its inverse: the argument lists that give the value when read in order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")

Arguments = Sequence[str]

_KEY = "option"


class Stage(Enum):
    """The package or module that reads an option without `apply`; a house test checks that it does."""

    PLANNING = "renderer.pipeline"
    PIXELS = "renderer.vips"
    FETCHING = "renderer.making"
    RESPONSE = "renderer.handlers"
    CACHING = "renderer.cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a value is read from arguments and written back."""

    read: Callable[[Any, Arguments, str], Any]
    write: Callable[[Any], Iterable[Arguments]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row: everything that is known of an option."""

    name: str
    aliases: tuple[str, ...]
    usage: str
    kind: Kind
    default: Any
    stage: Stage
    doc: str
    apply: Callable[[Any, Any], Any] | None
    is_premultiplied: bool
    is_security: bool
    changes_bytes: bool
    family: str = ""
    attribute: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaOption:
    """An option that only stands for others: `expand` gives their names and arguments in order."""

    name: str
    aliases: tuple[str, ...]
    usage: str
    doc: str
    expand: Callable[[Arguments, str], Iterable[tuple[str, Arguments]]]


def option(
    name: str,
    *aliases: str,
    usage: str,
    kind: Kind,
    default: T,
    stage: Stage,
    doc: str,
    apply: Callable[[Any, Any], Any] | None = None,
    premultiplied: bool = False,
    security: bool = False,
    changes_bytes: bool = True,
) -> T:
    """A dataclass field that is a row of the option table.

    Args:
        name: the long name.
        aliases: further names.
        usage: the arguments as the documentation shows them.
        kind: how they are read and written.
        default: the value without the option; None where a setting decides.
        stage: the package that reads it, or in which `apply` runs.
        doc: what it does.
        apply: for image -> image options, the effect; it is called with the image and the value when the value is
            not the default.
        premultiplied: the effect wants colors multiplied with alpha.
        security: needs `IMGPROXY_ALLOW_SECURITY_OPTIONS`.
        changes_bytes: whether the result's bytes depend on it, so that it belongs into the cache key.
    """
    row = Option(
        name=name,
        aliases=aliases,
        usage=usage,
        kind=kind,
        default=default,
        stage=stage,
        doc=doc,
        apply=apply,
        is_premultiplied=premultiplied,
        is_security=security,
        changes_bytes=changes_bytes,
    )
    field: T = dataclasses.field(default=default, metadata={_KEY: row})
    return field


def rows(family: str, table: type[Any]) -> Iterable[Option]:
    """The rows of one family, each knowing its family and attribute."""
    for field in dataclasses.fields(table):
        yield dataclasses.replace(field.metadata[_KEY], family=family, attribute=field.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All options by every name that URLs may use."""

    families: Mapping[str, type[Any]]
    options: tuple[Option, ...]
    metas: tuple[MetaOption, ...]
    by_name: Mapping[str, Option | MetaOption]


def table(families: Mapping[str, type[Any]], metas: tuple[MetaOption, ...]) -> Table:
    """Assembles a table and refuses a name that two rows claim."""
    options = tuple(row for family, kind in families.items() for row in rows(family, kind))
    by_name: dict[str, Option | MetaOption] = {}
    rows_of_both: tuple[Option | MetaOption, ...] = (*options, *metas)
    for row in rows_of_both:
        for name in (row.name, *row.aliases):
            if name in by_name:
                raise ValueError(f"two options are called {name!r}: {by_name[name].name} and {row.name}")
            by_name[name] = row
    return Table(families=families, options=options, metas=metas, by_name=by_name)
