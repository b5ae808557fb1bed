"""What identifies a result (DESIGN section 5).

Everything that may change the bytes is in the key: the source, every option that is not only about delivery, the
client features that may change the format, and the version of our pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from renderer.options.arguments import written
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING
from renderer.request.values import RenderRequest

PIXEL_VERSION: Final = 1
"""Raised when the same request gives other bytes than before."""


def cache_key(request: RenderRequest) -> str:
    """A text of 64 hexadecimal digits; equal only for requests whose results are equal."""
    digest = hashlib.sha256()
    for part in _parts(request):
        # Length first, so that no two lists of parts run together to the same text.
        encoded = part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


def _parts(request: RenderRequest) -> Iterator[str]:
    yield f"pixels {PIXEL_VERSION}"
    yield request.source_url
    yield from _features(request)
    for owner in (request, *request.pipelines):
        yield "request" if owner is request else "pipeline"
        for row in PROCESSING.options:
            if not row.changes_bytes or (row.family in PIPELINE_FAMILIES) == (owner is request):
                continue
            value = getattr(getattr(owner, row.family), row.attribute)
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
