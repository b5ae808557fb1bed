"""What identifies a result (DESIGN section 5).

Everything that may change the bytes is in the key: the source, every option that is not only about delivery, the
client features that may change the format, and the version of our pixels.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from renderer.options.tables import DEFAULTS, PIPELINE_FAMILIES, PROCESSING, REQUEST_FAMILIES
from renderer.request.values import Pipeline, RenderRequest

PIXEL_VERSION: Final = 2
"""Raised when the same request gives other bytes than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """A family of options: its name, what it is without any, and what is written of it."""

    name: str
    default: object
    texts: Callable[[object], tuple[str, ...]]


def _families(names: Iterable[str]) -> tuple[_Family, ...]:
    return tuple(_Family(name=name, default=DEFAULTS[name], texts=_texts_of(name)) for name in names)


def _texts_of(family: str) -> Callable[[object], tuple[str, ...]]:
    rows = tuple(row for row in PROCESSING.options if row.family == family and row.changes_bytes)

    def texts(options: object) -> tuple[str, ...]:
        found: list[str] = []
        for row in rows:
            value = getattr(options, row.attribute)
            if value != row.default:
                found.append(row.name)
                for arguments in row.kind.write(value):
                    found += (str(len(arguments)), *arguments)
        return tuple(found)

    # A site has many pictures and few ways to show them. Delivery has texts of any length and number.
    return texts if family == "delivery" else functools.lru_cache(maxsize=256)(texts)


_OF_REQUEST: Final = _families(REQUEST_FAMILIES)
_OF_PIPELINE: Final = _families(PIPELINE_FAMILIES)


def cache_key(request: RenderRequest) -> str:
    """A text of 64 hexadecimal digits; equal only for requests whose results are equal."""
    # The text of a list of texts says where each begins and ends, and has an escape for what is no Unicode.
    return hashlib.sha256(repr(_parts(request)).encode()).hexdigest()


def _parts(request: RenderRequest) -> list[str]:
    parts = [f"pixels {PIXEL_VERSION}", request.source_url, *_features(request), "request"]
    parts += _options(request, _OF_REQUEST)
    for pipeline in request.pipelines:
        parts.append("pipeline")
        parts += _options(pipeline, _OF_PIPELINE)
    return parts


def _options(owner: RenderRequest | Pipeline, families: tuple[_Family, ...]) -> list[str]:
    """The options that are not at their default. Most URLs have some of two families: the others are passed over."""
    texts: list[str] = []
    for family in families:
        options = getattr(owner, family.name)
        if options is not family.default:
            texts += family.texts(options)
    return texts


def _features(request: RenderRequest) -> list[str]:
    """The formats that the client's `Accept` may turn the result into: preferred without a format, else enforced."""
    features = request.features
    is_open = request.output.format is None
    webp = features.prefers_webp if is_open else features.enforces_webp
    avif = features.prefers_avif if is_open else features.enforces_avif
    jxl = features.prefers_jxl if is_open else features.enforces_jxl
    return [f"or {format}" for format, is_asked in (("webp", webp), ("avif", avif), ("jxl", jxl)) if is_asked]
