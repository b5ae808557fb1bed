"""Changes in the store of originals, whoever made them, become orders to purge.

Keys are whatever others put there: a key that the API itself would refuse is purged like any other.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from api.keys import INCOMING, is_content_key
from api.purges.orders import PurgeOrder
from api.purges.queue import PurgeQueue
from renderer.cache.tags import original_tag

_log = logging.getLogger(__name__)

_CREATED: Final = "ObjectCreated:"
_REMOVED: Final = ("ObjectRemoved:", "LifecycleExpiration:")
"""An object whose time has run out is gone as well."""
_TEST: Final = "s3:TestEvent"
_BRIDGED: Final = {"Object Created": _CREATED, "Object Deleted": _REMOVED[0]}
"""EventBridge's names; its keys come as they are, not encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """An object that was written or taken away."""

    bucket: str
    key: str
    is_new: bool


def change(event: Mapping[str, Any], *, bucket: str, queue: PurgeQueue) -> dict[str, Any]:
    """The purges that were queued, `purges` with id, tag and source URL; how many changes were `skipped` and how many
    records were `unknown`.

    Skipped is what needs no purge: files on their way, and new objects whose key names their content. Such a key has
    had no other content, and an answer from before it was there (404) lives for 60 s at the most.

    Args:
        event: of S3's notifications, or of EventBridge.
        bucket: of the originals; the rules for its keys do not apply to other buckets, whose changes are purged all.
        queue: of purges.

    Raises:
        PurgeNotQueued: so that the event comes again; what is queued already is then purged twice.
    """
    changes: list[_Change] = []
    unknown = 0
    for found in _changes(event, bucket):
        if found is None:
            unknown += 1
        else:
            changes.append(found)
    wanted = [found for found in changes if not _is_skipped(found, bucket)]
    orders = {order.tag: order for order in map(_order, wanted)}
    ids = queue.send(list(orders.values())) if orders else ()
    purges = [
        {"id": id, "tag": order.tag, "source_url": order.source_url}
        for id, order in zip(ids, orders.values(), strict=True)
    ]
    for purge in purges:
        _log.info("Purge of %s queued, the store has changed", purge["tag"], extra={"purge": purge})
    return {"purges": purges, "skipped": len(changes) - len(wanted), "unknown": unknown}


def _changes(event: Mapping[str, Any], bucket: str) -> Iterator[_Change | None]:
    """The changes that an event tells; None for what cannot be read as one."""
    if event.get("Event") == _TEST:
        return  # S3 sends it when the notification is set up
    if event.get("source") == "aws.s3":
        name = _BRIDGED.get(str(event.get("detail-type")), str(event.get("detail-type")))
        yield _change(name, event.get("detail"), bucket, is_encoded=False)
        return
    records = event.get("Records")
    if not isinstance(records, list):
        _tell_unknown("an event without records")
        yield None
        return
    for record in records:
        told = record if isinstance(record, Mapping) else {}
        name = str(told.get("eventName")).removeprefix("s3:")  # some servers write it with the service
        yield _change(name, told.get("s3"), bucket, is_encoded=True)


def _change(name: str, told: object, bucket: str, *, is_encoded: bool) -> _Change | None:
    if not name.startswith((_CREATED, *_REMOVED)):
        _tell_unknown(f"an event of the kind {name[:100]!r}")
        return None
    key = _member(told, "object", "key")
    if not key:
        _tell_unknown(f"an event of the kind {name[:100]!r} without a key")
        return None
    return _Change(
        bucket=_member(told, "bucket", "name") or bucket,
        key=_text(unquote_to_bytes(_bytes(key.replace("+", " "))) if is_encoded else _bytes(key)),
        is_new=name.startswith(_CREATED),
    )


def _tell_unknown(what: str) -> None:
    _log.error("Nothing is purged for %s: it is no change that is known", what)


def _member(told: object, *names: str) -> str:
    for name in names:
        told = told.get(name) if isinstance(told, Mapping) else None
    return told if isinstance(told, str) else ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # JSON may hold half a pair


def _text(key: bytes) -> str:
    """The key; bytes that are no UTF-8 become what the renderer makes of them."""
    return key.decode("utf-8", "surrogateescape")


def _is_skipped(found: _Change, bucket: str) -> bool:
    if found.bucket != bucket:
        return False
    return found.key.startswith(INCOMING) or (found.is_new and is_content_key(found.key))


def _order(found: _Change) -> PurgeOrder:
    source_url = f"s3://{found.bucket}/{found.key}"
    # The tag is of the exact key; the URL is for people and has to be text.
    readable = source_url.encode("utf-8", "backslashreplace").decode()
    return PurgeOrder(tag=original_tag(source_url), source_url=readable, reason="changed")
