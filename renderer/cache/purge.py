"""Takes every result of one original out of a store. Needs the store and nothing of the server's settings."""

from __future__ import annotations

from renderer.cache.layout import folder_name, marker_name, marker_text, pointed_name
from renderer.storage.object_store import PAGE, ObjectStore


async def purge(store: ObjectStore, tag: str, *, now: float) -> int:
    """How many results of an original were deleted.

    The marker comes first: from then on what is in the store already is outdated, and so is what is being made of the
    old original, whenever it is written. Safe to repeat, and to be repeated after an error.

    Args:
        store: where they are.
        tag: of the original, see `original_tag`.
        now: Unix time.

    Raises:
        StoreError: not everything could be deleted; the marker may be there.
        ValueError: this is no tag.
    """
    await store.put(marker_name(tag), marker_text(now), is_durable=True)
    count = 0
    async for names in store.pages(folder_name(tag)):
        results = [pointed_name(name) or name for name in names]
        count += len(results)
        # Results before their pointers: a purge that breaks off finds the rest again.
        targets = [name for name, own in zip(results, names, strict=True) if name != own]
        for batch in (targets, list(names)):
            for start in range(0, len(batch), PAGE):
                await store.delete(batch[start : start + PAGE])
    return count
