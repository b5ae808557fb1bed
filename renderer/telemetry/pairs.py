"""Pairs `key=value` of a log line: text always quoted, groups flattened with dots (spec 03 section 7.5).

Lines have the same keys and kinds of values again and again. What they share is made once, as a template of `%`; a line
then takes one look at all its texts together and one `%`.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from renderer.telemetry.durations import Duration, go_duration
from renderer.telemetry.quoting import go_number, quoted, quoted_if_needed

_is_harmless: Final = re.compile(r"[ !#-\[\]-~\xa1-\xac\xae-\xff]*").fullmatch
"""Whether a text stands between quotes as it is: Latin-1 that is printable. Other such texts are found one by one."""

_BOOLEANS: Final = {False: "false", True: "true"}
_SIMPLE: Final = frozenset({str, int, bool, float, Duration})


class Lasting(dict[str, Any]):
    """A group that many lines have, such as the options of a URL that comes again; how it is written stays with it.

    It must not change. `written` is its text as `pairs_text` writes it, after what its names begin with.
    """

    __slots__ = ("written",)

    def __init__(self, *args: Any, **values: Any) -> None:  # noqa: ANN401  as `dict` takes them
        super().__init__(*args, **values)
        self.written: tuple[str, str] | None = None


class _Shape(NamedTuple):
    """What lines with the same names and kinds share.

    Attributes:
        template: has a place for each value.
        texts: takes the texts out of the values; None if there are none.
        easy: makes each value fit for its place if the texts are harmless; None if they all are already.
        careful: the same whatever the texts are.
    """

    template: str
    texts: Callable[[tuple[object, ...]], Any] | None
    easy: Callable[[tuple[object, ...]], Iterable[object]] | None
    careful: Callable[[tuple[object, ...]], Iterable[object]]


def pairs_text(prefix: str, names: tuple[str, ...], values: tuple[object, ...]) -> str:
    """The pairs of a line, or of a group if there is a prefix: then with a space before each."""
    template, texts, easy, careful = _shape(prefix, names, tuple(map(type, values)))
    if texts is not None and not _is_harmless("".join(texts(values))):
        easy = careful
    return template % (values if easy is None else tuple(easy(values)))


@functools.lru_cache(maxsize=256)
def _shape(prefix: str, names: tuple[str, ...], kinds: tuple[type, ...]) -> _Shape:
    template = ""
    careful = []
    for name, kind in zip(names, kinds, strict=True):
        place, writer = _place(kind, prefix + name)
        template += place
        careful.append(writer)
    texts = [index for index, kind in enumerate(kinds) if kind is str]
    easy = [str if kind is str else writer for kind, writer in zip(kinds, careful, strict=True)]
    return _Shape(
        template if prefix else template[1:],
        operator.itemgetter(*texts) if texts else None,
        None if {str, int}.issuperset(kinds) else _each(easy),
        _each(careful),
    )


def _each(writers: Sequence[Callable[[Any], object]]) -> Callable[[tuple[object, ...]], Iterable[object]]:
    """What calls each writer with its value."""
    if len(set(writers)) == 1:
        return functools.partial(map, writers[0])
    return functools.partial(map, operator.call, tuple(writers))


def _place(kind: type, name: str) -> tuple[str, Callable[[Any], object]]:
    """A value's place in a template, and what makes the value fit for it."""
    key = quoted_if_needed(name).replace("%", "%%")
    if kind is str:
        return f' {key}="%s"', _inside
    if kind is int:
        return f" {key}=%s", str
    if kind is bool:
        return f" {key}=%s", _BOOLEANS.__getitem__
    if kind is Duration:
        return f' {key}="%s"', go_duration
    if kind is dict:
        return "%s", functools.partial(_group, f"{name}.")
    return "%s", functools.partial(_lasting if kind is Lasting else _other, name)


def _inside(text: str) -> str:
    return quoted(text)[1:-1]


def _lasting(name: str, value: Lasting) -> str:
    written = value.written
    if written is None or written[0] != name:
        written = value.written = (name, _group(f"{name}.", value))
    return written[1]


def _group(prefix: str, members: Mapping[str, object]) -> str:
    return pairs_text(prefix, tuple(members), tuple(members.values()))


def _other(name: str, value: object) -> str:
    members = members_of(value)
    if members is None:
        return f" {quoted_if_needed(name)}={text_of(value, quoted)}"
    return _group(f"{name}.", members)


def members_of(value: object) -> Mapping[str, object] | None:
    """The members of a value that is a group, else None."""
    # Exact types first: asking an abstract class costs more than writing the value.
    kind = type(value)
    if kind is dict or kind is Lasting:
        return value  # type: ignore[return-value]  # mypy does not narrow by type()
    if kind in _SIMPLE:
        return None
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def text_of(value: object, quote: Callable[[str], str]) -> str:
    """A value in a text format; numbers and booleans are never quoted."""
    kind = type(value)
    if kind is str:
        return quote(value)  # type: ignore[arg-type]  # mypy does not narrow by type()
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, Duration):
        return quote(go_duration(value))
    return go_number(value) if isinstance(value, float) else quote(_bare(value))


def _bare(value: object) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, Enum):
        return text_of(value.value, str)
    if isinstance(value, list | tuple):
        return f"[{' '.join(text_of(item, str) for item in value)}]"
    return str(value)
