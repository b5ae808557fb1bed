"""The options of a request as people read them: a value in words, and who decided it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from renderer.formats import ImageFormat
from renderer.options.arguments import written
from renderer.options.declare import Option
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING
from renderer.pipeline.output import quality
from renderer.request.parse import DEFAULT_PRESET
from renderer.request.values import RenderRequest
from renderer.settings.declare import Row, rows
from renderer.settings.load import TABLES, Settings

DEFAULT: Final = "default"

_OTHER_NAMES: Final = {"skip_processing": "skip_processing_formats"}
"""Attributes of settings that decide an option under another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionValue:
    """One option: `origin` is `URL`, a preset, the variable of a setting, or `default`.

    `is_notable` is false for what nobody chose: defaults, and settings at their defaults.
    """

    name: str
    value: str
    origin: str
    is_notable: bool = True


def given_options(given: Iterable[tuple[Option, Any, tuple[str, ...]]], separator: str = ":") -> Iterator[OptionValue]:
    """The options that stand in the URL or its presets: row, value and presets of each, in the order of the reading."""
    for row, value, presets in given:
        yield OptionValue(name=row.name, value=shown(row, value, separator), origin=_origin(presets))


def settled_options(request: RenderRequest, settings: Settings, given: Collection[str]) -> Iterator[OptionValue]:
    """Every option that was not given, with the setting that decides it or its default."""
    attributes = _setting_rows()
    for row in PROCESSING.options:
        if row.name in given or row.name == "format":
            continue
        if row.name == "quality":
            yield _quality(request, settings)
            continue
        attribute = _OTHER_NAMES.get(row.attribute, row.attribute)
        owner = request.pipelines[-1] if row.family in PIPELINE_FAMILIES else request
        value = getattr(getattr(owner, row.family), row.attribute)
        if attribute not in attributes or not (value is None or row.name in _OTHER_NAMES):
            yield OptionValue(name=row.name, value=shown(row, value), origin=DEFAULT, is_notable=False)
            continue
        table, setting = attributes[attribute]
        value = getattr(getattr(settings, table), attribute)
        is_default = value == getattr(TABLES[table](), attribute)
        yield OptionValue(name=row.name, value=shown(row, value), origin=setting.names[0], is_notable=not is_default)


def shown(row: Option, value: Any, separator: str = ":") -> str:  # noqa: ANN401  any option's value
    """A value as it would be written in a URL, but booleans in words and megapixels rounded."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if "megapixels" in row.usage:
        return f"{value / 1_000_000:g}"
    if isinstance(value, int | float | Enum):
        return written(value)
    if isinstance(value, str):
        return value or "none"
    if isinstance(value, frozenset | tuple) and all(isinstance(item, ImageFormat) for item in value):
        return ", ".join(sorted(item.value for item in value)) or "none"
    # Where several lists are needed to write a value, the last has its type and the ones before only prepare it.
    arguments = [separator.join(part).rstrip(separator) for part in row.kind.write(value)]
    return " then ".join(arguments) or "none"


def _origin(presets: tuple[str, ...]) -> str:
    if not presets:
        return "URL"
    first, *others = ("default preset" if name == DEFAULT_PRESET else f"preset {name}" for name in presets)
    return " > ".join([first, *others])


def _quality(request: RenderRequest, settings: Settings) -> OptionValue:
    """The quality of the format that is asked for; without one, that of all formats and of those with their own."""
    features = request.features
    is_certain = not (features.enforces_webp or features.enforces_avif or features.enforces_jxl)
    format = request.output.format if is_certain else None
    if request.delivery.raw or (format is not None and not format.traits.has_quality):
        return OptionValue(name="quality", value="none", origin=DEFAULT, is_notable=False)
    if format is not None:
        text = str(quality(request.output, format, settings.formats))
    else:
        lossy = [format for format in ImageFormat if format.traits.has_quality]
        numbers = {format.value: quality(request.output, format, settings.formats) for format in lossy}
        others = settings.formats.quality
        text = ", ".join([str(others), *(f"{name} {number}" for name, number in numbers.items() if number != others)])
    return OptionValue(name="quality", value=text, origin="IMGPROXY_QUALITY, IMGPROXY_FORMAT_QUALITY")


def _setting_rows() -> Mapping[str, tuple[str, Row]]:
    """The table and the row of each setting by its attribute: an option that a setting decides has the same one."""
    return {attribute: (name, row) for name, table in TABLES.items() for attribute, row in rows(table).items()}
