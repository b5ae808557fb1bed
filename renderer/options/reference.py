"""The option tables as the page `docs/options.md`.

The page says nothing that the tables do not say, so it cannot differ from what the parser reads.
"""

from __future__ import annotations

from typing import Any, Final

from renderer.options.declare import MetaOption, Option
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING

_HEAD: Final = """\
<!-- Generated from the tables in renderer/options by `make docs`. Change the tables, not this page. -->

# Processing options

A processing URL is `/signature/option/option/.../source`. An option is a name and its arguments, for instance
`rs:fill:300:200`; the colon between them is `IMGPROXY_ARGUMENTS_SEPARATOR`. The first segment without a separator
begins the source: `plain/` and the escaped URL with an optional `@extension`, or the URL in URL-safe base64 with an
optional `.extension`, or `enc/` and the same of the encrypted URL.

Options may stand in any order: what happens to the picture happens in an order of its own. One that is repeated
replaces what came before it, and arguments that it leaves out keep what an earlier occurrence or a preset gave them.
Names are case-sensitive. An option that is not on this page is answered 404, and so is an argument that does not fit.
A boolean is `1`, `t`, `true` or `0`, `f`, `false`; anything else counts as false.
"""
_COLUMNS: Final = """\
| Usage | Also | Default | What it does |
|---|---|---|---|
"""
_META_COLUMNS: Final = """\
| Usage | Also | What it does |
|---|---|---|
"""
_UNSET: Final = "unset"


def options_markdown() -> str:
    """The whole page: a section for each family, a line for each option, and the options that stand for others last."""
    families = [_section(family, table) for family, table in PROCESSING.families.items()]
    metas = "".join(f"{_meta_line(row)}\n" for row in PROCESSING.metas)
    return "\n".join([_HEAD, *families, f"## Options that stand for others\n\n{_META_COLUMNS}{metas}"])


def _section(family: str, table: type[Any]) -> str:
    title = str(table.__doc__).strip().partition("\n")[0].partition(";")[0].rstrip(".")
    scope = (
        "Each pipeline has its own."
        if family in PIPELINE_FAMILIES
        else "They belong to the whole request, wherever they are written."
    )
    lines = "".join(f"{_line(row)}\n" for row in PROCESSING.options if row.family == family)
    return f"## {title}\n\n{scope}\n\n{_COLUMNS}{lines}"


def _line(row: Option) -> str:
    doc = f"{row.doc} Answered 403 unless `IMGPROXY_ALLOW_SECURITY_OPTIONS` is on." if row.is_security else row.doc
    return _cells(_usage(row), _aliases(row), _default(row), doc)


def _meta_line(row: MetaOption) -> str:
    return _cells(_usage(row), _aliases(row), row.doc)


def _usage(row: Option | MetaOption) -> str:
    return " or ".join(f"`{row.name}:{arguments}`" for arguments in row.usage.split(" or "))


def _aliases(row: Option | MetaOption) -> str:
    return ", ".join(f"`{name}`" for name in row.aliases)


def _default(row: Option) -> str:
    """The default as arguments; without a value, or with a first argument that is empty, the option is unset."""
    if row.default is None or row.default == "":
        return _UNSET
    for arguments in row.kind.write(row.default):
        if any(arguments[:1]):
            return f"`{':'.join(arguments)}`"
    return _UNSET


def _cells(*cells: str) -> str:
    # A vertical bar would end the cell, in code as well as in text.
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
