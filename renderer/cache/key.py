"""What identifies a result (DESIGN section 5).

Everything that may change the bytes is in the key: the source, every option that is not only about delivery, the
client features that may change the format, and the version of our pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from renderer.options.arguments import written
from renderer.options.declare import Option
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING, REQUEST_FAMILIES
from renderer.request.values import Pipeline, RenderRequest

PIXEL_VERSION: Final = 2
"""Raised when the same request gives other bytes than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """The options of one family that change bytes."""

    name: str
    default: object
    rows: tuple[Option, ...]


def _families(tables: Mapping[str, type[Any]]) -> tuple[_Family, ...]:
    return tuple(
        _Family(
            name=name,
            default=table(),
            rows=tuple(row for row in PROCESSING.options if row.family == name and row.changes_bytes),
        )
        for name, table in tables.items()
    )


_OF_REQUEST: Final = _families(REQUEST_FAMILIES)
_OF_PIPELINE: Final = _families(PIPELINE_FAMILIES)


def cache_key(request: RenderRequest) -> str:
    """A text of 64 hexadecimal digits; equal only for requests whose results are equal."""
    # The text of a list of texts says where each begins and ends, and has an escape for what is no Unicode.
    return hashlib.sha256(repr(list(_parts(request))).encode()).hexdigest()


def _parts(request: RenderRequest) -> Iterator[str]:
    yield f"pixels {PIXEL_VERSION}"
    yield request.source_url
    yield from _features(request)
    yield "request"
    yield from _options(request, _OF_REQUEST)
    for pipeline in request.pipelines:
        yield "pipeline"
        yield from _options(pipeline, _OF_PIPELINE)


def _options(owner: RenderRequest | Pipeline, families: tuple[_Family, ...]) -> Iterator[str]:
    """The options that are not at their default. Most URLs have some of two families: the others are passed over."""
    for family in families:
        options = getattr(owner, family.name)
        if options == family.default:
            continue
        for row in family.rows:
            value = getattr(options, row.attribute)
            if value != row.default:
                yield row.name
                for arguments in row.kind.write(value):
                    yield written(len(arguments))
                    yield from arguments


def _features(request: RenderRequest) -> Iterator[str]:
    """The formats that the client's `Accept` may turn the result into: preferred without a format, else enforced."""
    features = request.features
    is_open = request.output.format is None
    for format, prefers, enforces in (
        ("webp", features.prefers_webp, features.enforces_webp),
        ("avif", features.prefers_avif, features.enforces_avif),
        ("jxl", features.prefers_jxl, features.enforces_jxl),
    ):
        if prefers if is_open else enforces:
            yield f"or {format}"
