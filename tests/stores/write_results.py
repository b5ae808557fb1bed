"""A process that writes results into a folder until it is killed, or as many as it is told to.

    python write_results.py ROOT MAX_BYTES FIRST COUNT

Each has a body of up to 30 KB; the same keys come again. What was written is told on standard output, a key a line.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from renderer.cache.entry import StoredResult, encoded
from renderer.cache.layout import MARKERS, RESULTS, pointed_name, result_name
from renderer.storage.filesystem_objects import FilesystemObjects
from renderer.storage.housekeeping import HouseRules
from renderer.storage.object_store import StoreFull

KEYS = 300


def rules(max_bytes: int) -> HouseRules:
    """What may be removed."""
    return HouseRules(
        max_bytes=max_bytes, evicted=RESULTS, expired=MARKERS, expire_seconds=86_400, target_of=pointed_name
    )


def key(number: int) -> str:
    """One of some keys."""
    return hashlib.sha256(str(number % KEYS).encode()).hexdigest()


def name(number: int) -> str:
    """Where its result lies."""
    return result_name(f"o-{key(number)[:32]}", key(number))


def entry(number: int) -> StoredResult:
    """A result with a body of its own."""
    body = hashlib.sha256(str(number).encode()).digest() * (number * 7919 % 950)
    return StoredResult(
        body=body,
        format="webp",
        origin_size=(1, 1),
        result_size=(1, 1),
        source_bytes=number,
        originals=("local:///a.jpg",),
        began_at=1000.0,
        fresh_until=2000.0,
    )


def tell(line: str) -> None:
    """Whoever started this reads it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(root: Path, max_bytes: int, first: int, count: int) -> None:
    """Writes."""
    store = FilesystemObjects(root, rules(max_bytes))
    for number in range(first, first + count):
        try:
            await store.put(name(number), encoded(key(number), entry(number)))
        except StoreFull:
            tell("full")
            await asyncio.sleep(0.01)
        else:
            tell(key(number))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *(int(text) for text in sys.argv[2:])))
