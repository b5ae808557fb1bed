"""The story of one result: kept already, under way for somebody else, or to be made. Knows no web request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from msgspec import structs

from renderer.cache.entry import StoredResult
from renderer.cache.figures import CacheState
from renderer.errors import SourceStatus
from renderer.flights import Flights
from renderer.kept import Kept, answer
from renderer.making import Maker
from renderer.rendition import Rendition, Turn
from renderer.request.values import RenderRequest
from renderer.response.validators import Conditions
from renderer.sources.source import NotModified

_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What was not done because somebody else had it under way, since the start.

    Attributes:
        renders: of the same result.
        sources: downloads.
        decodes: of the same source to the same size.
        held_bytes: decoded pixels that are shared now.
    """

    renders: int
    sources: int
    decodes: int
    held_bytes: int


class RenderService:
    """Turns understood requests into results.

    Args:
        maker: makes them.
        kept: those that are made already; None where none are kept.
        spared: is told of each `render` that was not needed.
    """

    def __init__(self, maker: Maker, kept: Kept | None = None, *, spared: Callable[[str], None]) -> None:
        self._maker = maker
        self._kept = kept
        self._spared = spared
        self._make = maker.made if kept is None else partial(self._kept_or_made, kept)
        self._flights: Flights[Rendition | NotModified] = Flights()

    def remembered(self, wanted: RenderRequest, turn: Turn) -> Rendition | NotModified | None:
        """The result that can be sent at once, or the word that the client has it; None if it takes work."""
        if self._kept is None:
            return None
        key = self._kept.key(wanted, turn)
        return None if key is None else self._kept.remembered(key, turn.conditions)

    async def render(self, wanted: RenderRequest, turn: Turn) -> Rendition | NotModified:
        """The result of a request, or the word that it has not changed.

        Raises:
            BildwerkError: for whatever goes wrong.
        """
        key = (turn.key, turn.conditions, self._maker.audience(wanted, turn))
        result, is_own = await self._flights.shared(key, partial(self._make, wanted, turn), turn.at)
        if not is_own:
            self._spared("render")
            if isinstance(result, Rendition) and result.failure is not None:
                turn.seen.failed(result.failure)
        return result

    @property
    def shared(self) -> Shared:
        """What has been shared so far."""
        decodes = self._maker.decodes
        return Shared(
            renders=self._flights.joined,
            sources=self._maker.originals.joined,
            decodes=decodes.spared,
            held_bytes=decodes.held_bytes,
        )

    async def close(self) -> None:
        """Writes what is to be kept."""
        if self._kept is not None:
            await self._kept.results.close()

    async def _kept_or_made(self, kept: Kept, wanted: RenderRequest, turn: Turn) -> Rendition | NotModified:
        key = kept.key(wanted, turn)
        if key is None:
            return _marked(await self._maker.made(wanted, turn), CacheState.BYPASS)
        entry = await kept.found(key, wanted, turn.seen)
        if entry is not None and entry.is_fresh(time.time()):
            return answer(entry, turn.conditions, CacheState.HIT_STORE)
        if entry is not None and entry.has_validator:
            return await self._revalidated(kept, (key, entry), wanted, turn)
        result = await self._maker.made(wanted, turn)
        if isinstance(result, Rendition):
            kept.keep(key, result)
        return _marked(result, CacheState.MISS)

    async def _revalidated(
        self, kept: Kept, found: tuple[str, StoredResult], wanted: RenderRequest, turn: Turn
    ) -> Rendition | NotModified:
        """The answer after the source has been asked whether what was found is current."""
        key, entry = found
        conditions = Conditions(if_none_match=entry.etag, if_modified_since=entry.last_modified)
        try:
            result = await self._maker.made(wanted, structs.replace(turn, conditions=conditions))
        except SourceStatus as error:
            if error.status in _GONE:
                kept.results.forget(key)
            raise
        if isinstance(result, Rendition):
            kept.keep(key, result)
            return _marked(result, CacheState.EXPIRED)
        entry = kept.refresh(key, entry, result)
        return answer(entry, turn.conditions, CacheState.REVALIDATED)


def _marked(result: Rendition | NotModified, state: CacheState) -> Rendition | NotModified:
    return structs.replace(result, state=state) if isinstance(result, Rendition) else result
