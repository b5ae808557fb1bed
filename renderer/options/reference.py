"""The option table as Markdown: `docs/options.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

from renderer.options.declare import MetaOption, Option
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING

_HEAD: Final = """\
<!-- Generated from the tables in renderer/options/ by `make docs`; edit them, not this page. -->

# Processing options

A processing URL is `/signature/option/option/.../source`. An option is its name and its arguments between separators,
`:` unless `IMGPROXY_ARGUMENTS_SEPARATOR` says otherwise: `rs:fill:300:200`. Options may stand in any order; the steps
that they ask for run in an order of their own. An option that is repeated overrides the earlier one, and sub-arguments
that are left out keep what an earlier occurrence, or a preset, gave them.

The source is `plain/` and an escaped URL with an optional `@extension`, or URL-safe base64 with an optional
`.extension`, or `enc/` and the same of an encrypted URL.

A boolean is `1`, `t`, `true` or `0`, `f`, `false`; anything else counts as false.
"""


def options_markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    yield "## Meta-options\n"
    yield from map(_row, PROCESSING.metas)
    for family, kind in PROCESSING.families.items():
        title = (inspect.getdoc(kind) or "").splitlines()[0].rstrip(".")
        scope = "pipeline" if family in PIPELINE_FAMILIES else "request"
        yield f"## {family.capitalize()}: {title[0].lower()}{title[1:]}\n"
        yield f"These belong to the {scope}.\n"
        yield from (_row(row) for row in PROCESSING.options if row.family == family)


def _row(row: Option | MetaOption) -> str:
    names = ", ".join(f"`{name}`" for name in (row.name, *row.aliases))
    text = f"### {names}\n\n```\n{row.name}:{row.usage}\n```\n\n{row.doc}\n"
    if isinstance(row, Option) and row.is_security:
        text += "\nA security option: 403 unless `IMGPROXY_ALLOW_SECURITY_OPTIONS` is on.\n"
    return text
