"""When originals were purged last, as the store's markers say; each is believed for a moment before it is read again.

Times of several machines are compared, so what began up to `SKEW_SECONDS` after a purge counts as before it: a purge
costs a few results more than it must, and clocks that differ by less than that cannot save an outdated one.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from renderer.cache.layout import marked_time, marker_name
from renderer.storage.object_store import ObjectStore

SKEW_SECONDS: Final = 2.0
"""Clocks of servers that ask a time service differ by milliseconds."""

BELIEVED_SECONDS: Final = 2.0
EXPIRE_SECONDS: Final = 86_400.0
"""A marker is needed until what was being made of the old original is written or dropped: minutes, at the most."""
_MOST_TAGS: Final = 4096

NEVER: Final = float("-inf")


class Markers:
    """The markers of a store, or of this process alone if there is none.

    Args:
        store: where they are.
        clock: a monotonic one, in seconds.
    """

    def __init__(self, store: ObjectStore | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._read: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def is_known_outdated(self, began_at: float, tags: tuple[str, ...]) -> bool:
        """Whether this process knows of a purge that a result is from before; nothing is asked."""
        return any(began_at <= self._known(tag) + SKEW_SECONDS for tag in tags)

    async def is_outdated(self, began_at: float, tags: tuple[str, ...], *, is_certain: bool = False) -> bool:
        """Whether a result may show an original from before its purge.

        Args:
            began_at: Unix time when the original was asked for.
            tags: of the originals.
            is_certain: the store is asked in any case.

        Raises:
            StoreError: it cannot be read.
        """
        await self.look(tags, seconds=0.0 if is_certain else BELIEVED_SECONDS)
        return self.is_known_outdated(began_at, tags)

    async def look(self, tags: tuple[str, ...], *, seconds: float = BELIEVED_SECONDS) -> None:
        """Reads the markers that were not read within the last `seconds`.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._store is None:
            return
        unread = [tag for tag in tags if self.age(tag) >= seconds]
        if len(unread) == 1:
            await self._look(self._store, unread[0])
        elif unread:
            await asyncio.gather(*(self._look(self._store, tag) for tag in unread))

    def age(self, *tags: str) -> float:
        """How many seconds ago the markers were read, the one first that was longest ago; infinite if never."""
        now = self._clock()
        return max(now - self._read.get(tag, (NEVER, NEVER))[1] for tag in tags)

    def note(self, tag: str, at: float) -> None:
        """Remembers that an original is being purged."""
        self._keep(tag, at, NEVER)

    def _known(self, tag: str) -> float:
        return self._read.get(tag, (NEVER, NEVER))[0]

    async def _look(self, store: ObjectStore, tag: str) -> None:
        asked = self._clock()
        text = await store.get(marker_name(tag))
        self._keep(tag, NEVER if text is None else marked_time(text), asked)

    def _keep(self, tag: str, at: float, asked: float) -> None:
        # A marker that has expired meanwhile, or is being written, does not make a purge that is known undone.
        self._read[tag] = (max(at, self._known(tag)), asked)
        self._read.move_to_end(tag)
        if len(self._read) > _MOST_TAGS:
            self._read.popitem(last=False)
