"""Results in a store that several processes share: found, written and purged under the rules of `layout` and `markers`.

Nothing but a purge raises: a store that is sick, full or slow is a miss, counted and logged now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from renderer.cache.circuit import Circuit
from renderer.cache.entry import BrokenEntry, StoredResult, decoded, encoded
from renderer.cache.figures import ResultFigures
from renderer.cache.layout import pointer_name, result_name
from renderer.cache.markers import BELIEVED_SECONDS, Markers
from renderer.cache.purge import purge
from renderer.cache.tags import original_tags
from renderer.cache.write_behind import Job
from renderer.errors import ResultStoreFailed
from renderer.storage.object_store import ObjectStore, StoreError, StoreFull

_LARGE_BYTES: Final = 256 * 1024
"""From here on the digest is taken in a thread: it costs 0.15 ms and more."""


class SharedResults:
    """The results in a store.

    Args:
        store: where they are; `close` closes it.
        markers: of the same store.
        figures: count.
        query_separator: divides key and query of originals, see `original_tag`.
        find_seconds: how long a request waits.
        write_seconds: how long writing one result may take.
    """

    def __init__(
        self,
        store: ObjectStore,
        markers: Markers,
        figures: ResultFigures,
        *,
        query_separator: str,
        find_seconds: float,
        write_seconds: float,
    ) -> None:
        self._store = store
        self._markers = markers
        self._figures = figures
        self._query_separator = query_separator
        self._find_seconds = find_seconds
        self._write_seconds = write_seconds
        self._circuit = Circuit()

    @property
    def is_left_alone(self) -> bool:
        """Whether the store has failed so often that nothing is written at present."""
        return self._circuit.is_open

    async def find(self, key: str, tag: str, failed: Callable[[ResultStoreFailed], None] | None) -> StoredResult | None:
        """The entry of a key under the picture's tag; `failed` is told of an error."""
        if not self._circuit.allows():
            return None
        try:
            async with asyncio.timeout(self._find_seconds):
                data = await self._asked(result_name(tag, key), tag)
                self._circuit.succeeded()
                return None if data is None else await self._usable(data, key, tag)
        except (StoreError, TimeoutError) as error:
            self._circuit.failed("find a result", error)
            self._figures.store_failed("find")
            if failed is not None:
                failed(ResultStoreFailed(f"the store of results: {str(error) or 'timed out'}"))
            return None

    async def write(self, job: Job) -> None:
        """Writes a result."""
        try:
            async with asyncio.timeout(self._write_seconds):
                await self._write(job)
        except StoreFull as error:
            self._circuit.note("keep a result", error)
            self._figures.dropped("full")
        except (StoreError, TimeoutError) as error:
            self._circuit.failed("keep a result", error)
            self._figures.store_failed("keep")
            self._figures.dropped("failed")

    async def purge(self, tag: str, now: float) -> int:
        """How many results of an original were deleted.

        Raises:
            StoreError: not all of them are gone.
        """
        self._markers.note(tag, now)
        return await purge(self._store, tag, now=now)

    async def close(self) -> None:
        """Closes the store."""
        await self._store.close()

    async def _asked(self, name: str, tag: str) -> bytes | None:
        """An object, while the marker that it is held against is read at the same time, if that is to be read."""
        if self._markers.age(tag) < BELIEVED_SECONDS:
            return await self._store.get(name)
        data, _ = await asyncio.gather(self._store.get(name), self._markers.look((tag,)))
        return data

    async def _usable(self, data: bytes, key: str, tag: str) -> StoredResult | None:
        """The entry, unless it is damaged or from before a purge."""
        try:
            if len(data) < _LARGE_BYTES:
                entry = decoded(data, key)
            else:
                entry = await asyncio.to_thread(decoded, data, key)
        except BrokenEntry as error:
            name = result_name(tag, key)
            self._circuit.note(f"use {name}", error)
            self._figures.store_failed("broken")
            await self._store.delete([name])
            return None
        tags = original_tags(entry.originals, self._query_separator)
        return None if await self._markers.is_outdated(entry.began_at, tags) else entry

    async def _write(self, job: Job) -> None:
        """Looks after the writing whether the original was purged meanwhile: a purge that the look does not see came
        later, so its list has the result.
        """
        if len(job.entry.body) < _LARGE_BYTES:
            data = encoded(job.key, job.entry)
        else:
            data = await asyncio.to_thread(encoded, job.key, job.entry)
        first, *others = job.tags
        # Pointers first: a result that no pointer leads to could not be purged by its watermark.
        for other in others:
            await self._store.put(pointer_name(other, job.key, first), b"")
        name = result_name(first, job.key)
        await self._store.put(name, data)
        self._circuit.succeeded()
        if await self._markers.is_outdated(job.entry.began_at, job.tags, is_certain=True):
            await self._store.delete([name])
            self._figures.dropped("purged")
        else:
            self._figures.stored()
