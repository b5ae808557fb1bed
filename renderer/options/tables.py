"""The option tables, assembled by hand: what is not listed here does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from renderer.options import resize
from renderer.options.canvas import Canvas
from renderer.options.crop import Cropping
from renderer.options.declare import MetaOption, Option, Table, table
from renderer.options.delivery import Delivery
from renderer.options.filters import Filters
from renderer.options.limits import Limits
from renderer.options.orientation import Orientation
from renderer.options.output import Output
from renderer.options.resize import Resize
from renderer.options.watermark import Watermark

PIPELINE_FAMILIES: Final = {
    "resize": Resize,
    "cropping": Cropping,
    "orientation": Orientation,
    "canvas": Canvas,
    "filters": Filters,
    "watermark": Watermark,
}
"""Families whose options belong to one pipeline."""

REQUEST_FAMILIES: Final = {"output": Output, "delivery": Delivery, "limits": Limits}
"""Families whose options belong to the request, wherever they are written (spec 01 section 4.2)."""

DEFAULTS: Final[Mapping[str, Any]] = {name: kind() for name, kind in (PIPELINE_FAMILIES | REQUEST_FAMILIES).items()}
"""Each family without any option. A request has these very objects for the families that it says nothing of."""

PRESET: Final = MetaOption(
    name="preset",
    aliases=("pr",),
    usage="%name1:%name2:...",
    doc="Stands for the options of the named presets, as if they were written here.",
    expand=lambda _arguments, _key: (),  # the definitions are settings: the parser looks them up
)

PROCESSING: Final[Table] = table(PIPELINE_FAMILIES | REQUEST_FAMILIES, (*resize.METAS, PRESET))
"""Options of processing URLs."""

FILTERS: Final[tuple[Option, ...]] = tuple(row for row in PROCESSING.options if row.family == "filters")
"""The image -> image options in the order in which they act."""
