"""The results that are kept: in this process's memory, and behind it in a store that all processes share.

What a caller has to know: an entry may be outdated by its own time (`StoredResult.is_fresh`); then its source is asked
with its validators, and `refresh` says that it has not changed. Nothing here ever fails a request. With a store behind
it, memory is believed for `memory_seconds` from when the result was begun or its purge markers were read, so that a
purge reaches every process within that time.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from renderer.cache.entry import StoredResult
from renderer.cache.figures import ResultFigures, Uncounted
from renderer.cache.markers import Markers
from renderer.cache.memory import ResultMemory
from renderer.cache.shared import SharedResults
from renderer.cache.tags import original_tags
from renderer.cache.write_behind import Job, WriteBehind
from renderer.errors import ResultStoreFailed
from renderer.storage.object_store import ObjectStore

_WORTH_WRITING_SECONDS: Final = 10.0
"""A confirmation that prolongs an entry's life by less changes it in memory only."""

CLOSE_SECONDS: Final = 0.8
"""For writing at the end; less than a stopping process keeps for closing everything (`FOOTING_SECONDS`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRules:
    """What the settings say, in seconds and bytes; see `ResultSettings`."""

    memory_bytes: int = 0
    memory_seconds: float = 30.0
    timeout_seconds: float = 0.5
    write_timeout_seconds: float = 10.0
    queue_bytes: int = 32 * 1024 * 1024
    query_separator: str = "?"


class Results:
    """Stored results by key.

    Args:
        rules: the settings'.
        store: what is behind the memory; None for nothing. `close` closes it.
        figures: count.
        clock: Unix time.
    """

    def __init__(
        self,
        rules: ResultRules,
        store: ObjectStore | None = None,
        *,
        figures: ResultFigures | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._figures = figures or Uncounted()
        self._now = clock
        self._memory = ResultMemory(rules.memory_bytes)
        self._markers = Markers(store)
        self._shared: SharedResults | None = None
        self._queue: WriteBehind | None = None
        if store is not None:
            self._shared = SharedResults(
                store,
                self._markers,
                self._figures,
                query_separator=rules.query_separator,
                find_seconds=rules.timeout_seconds,
                write_seconds=rules.write_timeout_seconds,
            )
            self._queue = WriteBehind(self._shared.write, rules.queue_bytes, self._figures)

    def remembered(self, key: str) -> StoredResult | None:
        """The entry in this process's memory, fresh or not."""
        return self._memory.get(key)

    async def find(
        self, key: str, tag: str, *, failed: Callable[[ResultStoreFailed], None] | None = None
    ) -> StoredResult | None:
        """The entry in memory, else in the store, fresh or not; None within `timeout_seconds` if there is none.

        Args:
            key: of the result.
            tag: of the picture, the first original.
            failed: is told of an error of the store; nothing else comes of it.
        """
        held = self._memory.get(key) or (self._queue.waiting(key) if self._queue is not None else None)
        if self._shared is None or (held is not None and not self._may_be_renewed(held)):
            return held
        found = await self._shared.find(key, tag, failed)
        if found is None or (held is not None and held.fresh_until >= found.fresh_until):
            return held
        tags = self._tags(found)
        self._remember(key, found, tags, seconds_ago=self._markers.age(*tags))
        return found

    def keep(self, key: str, entry: StoredResult) -> None:
        """Keeps a result: in memory at once, in the store later. It never raises.

        A result whose original was purged after `entry.began_at` is not kept, as far as this process knows of it now,
        and not written, if it learns of it until then.
        """
        tags = self._tags(entry)
        if self._markers.is_known_outdated(entry.began_at, tags):
            self._figures.dropped("purged")
            return
        self._remember(key, entry, tags, seconds_ago=self._now() - entry.began_at)
        if self._shared is None or self._queue is None:
            return
        if self._shared.is_left_alone:
            self._figures.dropped("failed")
        else:
            self._queue.add(Job(key, entry, tags))

    def refresh(self, key: str, entry: StoredResult, *, began_at: float, fresh_until: float) -> StoredResult:
        """The entry after its source has said that nothing changed; kept as `keep` keeps it.

        Args:
            key: of the result.
            entry: as it was found.
            began_at: Unix time when the source was asked.
            fresh_until: Unix time until which it may now be sent, see `renderer.cache.freshness`.
        """
        fresh = dataclasses.replace(entry, began_at=began_at, fresh_until=fresh_until)
        if fresh_until - entry.fresh_until >= _WORTH_WRITING_SECONDS:
            self.keep(key, fresh)
            return fresh
        tags = self._tags(fresh)
        if not self._markers.is_known_outdated(began_at, tags):
            self._remember(key, fresh, tags, seconds_ago=self._now() - began_at)
        return fresh

    def forget(self, key: str) -> None:
        """Drops an entry from memory, because its source has changed or is gone; `keep` replaces it in the store."""
        self._memory.drop(key)
        self._tell()

    async def purge(self, tag: str) -> int:
        """Takes away all results of an original; how many were in the store.

        Raises:
            StoreError: not all of them are gone; to be done again.
            ValueError: this is no tag.
        """
        now = self._now()
        self._markers.note(tag, now)
        self._forget_all(tag)
        if self._shared is None:
            return 0
        try:
            return await self._shared.purge(tag, now)
        finally:
            # What was found while the marker was not there yet.
            self._forget_all(tag)

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Writes what waits for at most `seconds`, then closes the store."""
        if self._queue is not None:
            await self._queue.close(seconds)
        if self._shared is not None:
            await self._shared.close()

    def _may_be_renewed(self, entry: StoredResult) -> bool:
        """Whether another process may have heard from the source meanwhile; not if the source is asked each time."""
        return entry.began_at < entry.fresh_until <= self._now()

    def _tags(self, entry: StoredResult) -> tuple[str, ...]:
        return original_tags(entry.originals, self._rules.query_separator)

    def _remember(self, key: str, entry: StoredResult, tags: tuple[str, ...], *, seconds_ago: float) -> None:
        if not self._rules.memory_bytes:
            return
        is_shared = self._shared is not None
        seconds = self._rules.memory_seconds - max(0.0, seconds_ago) if is_shared else math.inf
        self._memory.put(key, entry, tags, seconds=seconds)
        self._tell()

    def _forget_all(self, tag: str) -> None:
        self._memory.discard(tag)
        if self._queue is not None:
            self._queue.discard(tag)
        self._tell()

    def _tell(self) -> None:
        self._figures.holds(len(self._memory), self._memory.held_bytes)
