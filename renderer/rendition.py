"""A result with what is told about it, and one request's turn: what the story of a picture begins and ends with."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from renderer.cache.figures import CacheState
from renderer.errors import SourceError
from renderer.response.validators import NO_CONDITIONS, Conditions
from renderer.sources.source import NOTHING, SourceHeaders
from renderer.telemetry.observation import Observation
from renderer.vips.picture import RenderedImage


class Rendition(Struct, frozen=True, kw_only=True):
    """A result and what is told about it.

    Attributes:
        image: the result.
        source_bytes: how many bytes it was made from.
        validators: whose ETag and Last-Modified the answer carries.
        caching: whose Cache-Control and Expires may be passed on; another's than the validators' for a fallback.
        originals: the source URLs whose change makes the result stale.
        asked_at: Unix time when the source was asked, or found to be current.
        failure: why it shows the fallback picture; None if it does not.
        state: how it came about; None where results are not kept.
    """

    image: RenderedImage
    source_bytes: int
    validators: SourceHeaders
    caching: SourceHeaders
    originals: tuple[str, ...]
    asked_at: float = 0.0
    failure: SourceError | None = None
    state: CacheState | None = None


class Turn(Struct, frozen=True, kw_only=True):
    """One request's turn.

    Attributes:
        key: `cache_key` of what it wants.
        at: until when it may take, on the loop's clock.
        seen: who watches.
        headers: the client's; the settings say what of them goes to http(s) sources.
        conditions: what is asked of the source.
    """

    key: str
    at: float
    seen: Observation
    headers: Mapping[str, str] = NOTHING
    conditions: Conditions = NO_CONDITIONS
