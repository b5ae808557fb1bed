"""The store of results as a purge needs it: called from any thread, done in an event loop of its own.

The loop and the store stay for the life of the process: opening an S3 client costs 0.4 s of CPU, most of it imports.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from renderer.cache.layout import is_tag
from renderer.cache.purge import purge
from renderer.errors import ConfigurationError
from renderer.settings.results import ResultSettings
from renderer.storage.object_store import ObjectStore, StoreError

_log = logging.getLogger(__name__)

PURGE_SECONDS: Final = 20.0
"""For whoever does not say; less than the gateway waits."""

_AT_A_TIME: Final = 16
"""Tags that are purged at the same time: each is a few requests that wait for each other."""

_GRACE_SECONDS: Final = 2.0
"""Until the loop itself is given up after its deadline, and for closing."""


class ResultsNotDeleted(StoreError):
    """Results of some originals may be there still: to be done again.

    Attributes:
        tags: of these originals.
        deleted: how many results of all originals were.
    """

    def __init__(self, reason: str, *, tags: frozenset[str], deleted: int) -> None:
        super().__init__(f"results of {len(tags):,} originals may be there still: {reason}")
        self.tags = tags
        self.deleted = deleted


@dataclass(slots=True)
class _Purging:
    """How far it has come."""

    left: set[str]
    deleted: int = 0
    reasons: list[str] = field(default_factory=list)


class StoredResults:
    """The results that servers share; where the settings name no store there are none."""

    def __init__(self, settings: ResultSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._store: ObjectStore | None = None

    def purge(self, tags: Sequence[str], *, seconds: float = PURGE_SECONDS) -> int:
        """Deletes all results of originals; how many there were.

        Args:
            tags: of the originals.
            seconds: for all of them; what is not done by then counts as failed.

        Raises:
            ResultsNotDeleted: not all could be deleted. Those of the other tags are.
            ValueError: one is no tag; nothing is done.
        """
        if strange := [tag for tag in tags if not is_tag(tag)]:
            raise ValueError(f"{strange[0]!r} is no tag of an original")
        if not self._settings.use or not tags:
            return 0
        purging = _Purging(left=set(tags))
        # The loop's own deadline comes first; this one is for a loop that something holds up.
        future = asyncio.run_coroutine_threadsafe(self._purge(purging, seconds), self._running_loop())
        try:
            future.result(max(0.0, seconds) + _GRACE_SECONDS)
        except TimeoutError:
            future.cancel()
        if purging.left:
            reason = purging.reasons[0] if purging.reasons else f"not done within {seconds:.1f} s"
            raise ResultsNotDeleted(reason, tags=frozenset(purging.left), deleted=purging.deleted)
        return purging.deleted

    def close(self) -> None:
        """Closes the store and ends the loop; whoever purges again opens them again."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._close(), loop).result(_GRACE_SECONDS)
        except TimeoutError:
            _log.warning("The store of results does not close within %.0f s", _GRACE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_GRACE_SECONDS)
        if not thread.is_alive():  # else it ends with the process
            loop.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="stored results", daemon=True)
                self._thread.start()
            return self._loop

    async def _purge(self, purging: _Purging, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                store = self._opened()
                waiting = iter(sorted(purging.left))

                async def work() -> None:
                    for tag in waiting:
                        await _purge_one(store, tag, purging)

                async with asyncio.TaskGroup() as group:
                    for _ in range(min(_AT_A_TIME, len(purging.left))):
                        group.create_task(work())
        except TimeoutError:
            pass  # what is left says so
        except ConfigurationError as error:
            purging.reasons.append(str(error))

    def _opened(self) -> ObjectStore:
        """The store; only the loop calls this, and nothing else runs in it meanwhile."""
        if self._store is None:
            from renderer.cache.opened import open_store  # with it comes the SDK, which only a purge needs

            self._store = open_store(self._settings)
        assert self._store is not None, "the settings name a store"  # noqa: S101  `purge` has asked
        return self._store

    async def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            await store.close()


async def _purge_one(store: ObjectStore, tag: str, purging: _Purging) -> None:
    try:
        deleted = await purge(store, tag, now=time.time())
    except StoreError as error:
        if not purging.reasons:
            purging.reasons.append(str(error) or type(error).__name__)
    else:
        purging.deleted += deleted  # in a line without `await`: others add to it meanwhile
        purging.left.discard(tag)
