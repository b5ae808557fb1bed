"""Results in the memory of one process: the one used longest ago makes room, and none is held past its time.

Everything is O(1) in the number of entries, except `discard`, which is in those that it drops. Not for threads.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from renderer.cache.entry import StoredResult

_LARGEST_SHARE: Final = 8
"""An entry takes at most one eighth of the whole: one huge picture must not drive hundreds of small ones out."""


@dataclass(frozen=True, slots=True)
class _Held:
    entry: StoredResult
    tags: tuple[str, ...]
    cost: int
    until: float


class ResultMemory:
    """Entries by key, bounded by the bytes that they take.

    Args:
        max_bytes: of bodies, texts and what keeping them costs; 0 holds nothing.
        clock: a monotonic one, in seconds.
    """

    def __init__(self, max_bytes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._clock = clock
        self._entries: OrderedDict[str, _Held] = OrderedDict()
        self._by_tag: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> StoredResult | None:
        """The entry of a key, fresh or not."""
        held = self._entries.get(key)
        if held is None:
            return None
        if held.until <= self._clock():
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return held.entry

    def put(self, key: str, entry: StoredResult, tags: tuple[str, ...], *, seconds: float = math.inf) -> bool:
        """Holds an entry, at most for `seconds`; whether it does.

        Args:
            key: of the result; an older entry under it goes in any case.
            entry: the result.
            tags: by which `discard` finds it.
            seconds: how long it may be served from here.
        """
        self.drop(key)
        cost = entry.cost_bytes
        if seconds <= 0 or cost * _LARGEST_SHARE > self.max_bytes:
            return False
        while self.held_bytes + cost > self.max_bytes:
            self.drop(next(iter(self._entries)))
        self._entries[key] = _Held(entry, tags, cost, self._clock() + seconds)
        self.held_bytes += cost
        for tag in tags:
            self._by_tag.setdefault(tag, set()).add(key)
        return True

    def drop(self, key: str) -> None:
        """Lets go of an entry, if it is there."""
        held = self._entries.pop(key, None)
        if held is None:
            return
        self.held_bytes -= held.cost
        for tag in held.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]

    def discard(self, tag: str) -> int:
        """Lets go of every entry with a tag; how many there were."""
        keys = tuple(self._by_tag.get(tag, ()))
        for key in keys:
            self.drop(key)
        return len(keys)
