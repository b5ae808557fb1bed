"""RenderRequest -> the options that it differs by from nothing asked, for logs and traces (spec 03 section 7.5).

Names are the long ones of the documentation; an option of several parts is a mapping of its parts.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from renderer.options.tables import DEFAULTS, PIPELINE_FAMILIES, PROCESSING, REQUEST_FAMILIES
from renderer.request.values import ClientFeatures, RenderRequest

_PLAIN: Final = (str, int, float, bool, type(None))
_ROWS: Final = {
    type(default): tuple(row for row in PROCESSING.options if row.family == name) for name, default in DEFAULTS.items()
}
"""The options of each family."""

_FLAGS: Final = tuple(
    (field.name, field.name.replace("prefers", "prefer").replace("enforces", "enforce"))
    for field in dataclasses.fields(ClientFeatures)
)


def described(request: RenderRequest) -> dict[str, Any]:
    """The options as plain values; those of chained pipelines are numbered `0`, `1`, ..."""
    told = _options(request, REQUEST_FAMILIES)
    if len(request.pipelines) == 1:
        told |= _options(request.pipelines[0], PIPELINE_FAMILIES)
    else:
        told |= {str(place): _options(pipeline, PIPELINE_FAMILIES) for place, pipeline in enumerate(request.pipelines)}
    told |= {name: True for attribute, name in _FLAGS if getattr(request.features, attribute)}
    return told


def _options(owner: object, families: Iterable[str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in families:
        options = getattr(owner, name)
        if options is not DEFAULTS[name]:  # most families of most requests
            told |= (_told if name == "delivery" else _told_lately)(options)
    return told


def _told(options: object) -> dict[str, Any]:
    """The options of one family."""
    told = {}
    for row in _ROWS[type(options)]:
        value = getattr(options, row.attribute)
        if value != row.default:
            told[row.name] = _plain(value)
    return told


_told_lately = functools.lru_cache(maxsize=256)(_told)
"""The same, to be read only: a site has many pictures and few ways to show them. Delivery has texts of any length."""


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever an option holds
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, _PLAIN):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    return [_plain(item) for item in value]
