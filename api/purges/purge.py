"""A batch of purges from the queue: stored results first, then the CDN, then the order to do it once more.

Results come first because the CDN fills itself from them. A record fails as soon as its tag does in any step, so that
nothing later is done for it, and comes again on its own; every step may be repeated. In particular an invalidation is
made only after the results are gone: made before, its caller reference would keep the repetition from being one.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from api.problems import PurgeNotQueued
from api.purges.invalidations import MOST_TAGS, CloudFrontBusy, InvalidationFailed
from api.purges.purge_records import Batch, Record, batch_of
from api.purges.queue import PurgeQueue
from api.purges.results import ResultsNotDeleted
from api.purges.sqs_queue import MOST_MESSAGES
from renderer.storage.object_store import StoreError

_log = logging.getLogger(__name__)

MOST_RECEIVES: Final = 5
"""`maxReceiveCount` of the queue's redrive policy has to be this: a record that fails at its fifth receive goes to the
dead letters, and a line in the log says so."""

_ANSWER_SECONDS: Final = 1.0
"""Kept for logging and answering."""
_REPEAT_SECONDS: Final = 3.0
"""Kept for queueing the repeats."""
_LOGGED: Final = 500
"""Records in one line of the log: CloudWatch cuts lines at 256 KB."""


class ResultPurge(Protocol):
    """The store of results."""

    def purge(self, tags: Sequence[str], *, seconds: float = ...) -> int:
        """Deletes all results of originals within some seconds; how many there were.

        Raises:
            ResultsNotDeleted: not all could be deleted; it names the tags.
        """


class Invalidator(Protocol):
    """The CDN."""

    def invalidate(self, tags: Sequence[str], reference: str, *, remaining_seconds: float = ...) -> str:
        """Has everything under at most `MOST_TAGS` tags dropped; the id of the invalidation.

        Raises:
            InvalidationFailed: it was not made.
        """


def purge_batch(
    event: Mapping[str, Any],
    *,
    results: ResultPurge | None,
    invalidations: Invalidator | None,
    queue: PurgeQueue,
    again_seconds: int,
    remaining_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """What was done: `batchItemFailures` as SQS's partial failures, `invalidations` with id and tags, `results_deleted`
    and `has_distribution`, without which only results are purged.

    Args:
        event: Lambda's for SQS.
        results: None where none are kept.
        invalidations: None where there is no CDN.
        queue: of the repeats.
        again_seconds: their delay; 0 for none.
        remaining_seconds: until the function is timed out.
        clock: seconds.
    """
    deadline = clock() + remaining_seconds - _ANSWER_SECONDS
    batch = batch_of(event)
    deleted = 0
    if results is not None and batch.tags():
        deleted = _delete_results(batch, results, (deadline - clock()) / 2)
    made: list[dict[str, Any]] = []
    if invalidations is not None:
        made = _invalidate(batch, invalidations, lambda: deadline - _REPEAT_SECONDS - clock())
    elif batch.tags():
        _log.info(
            "Results of %d originals are purged; there is no distribution",
            len(batch.tags()),
            extra=_names(batch.records()),
        )
    if again_seconds:
        _send_repeats(batch, queue, again_seconds, lambda: deadline - clock())
    _tell_failures(batch)
    return {
        "batchItemFailures": [{"itemIdentifier": message_id} for message_id in batch.failed_ids()],
        "invalidations": made,
        "results_deleted": deleted,
        "has_distribution": invalidations is not None,
    }


def reference_of(records: Iterable[Record]) -> str:
    """The caller reference: the same for the same messages in any order, and for no others."""
    lines = sorted(f"{record.message_id} {record.order.tag}\n" for record in records)
    return f"bildwerk-{hashlib.sha256(''.join(lines).encode()).hexdigest()[:40]}"


def _delete_results(batch: Batch, results: ResultPurge, seconds: float) -> int:
    tags = batch.tags()
    try:
        return results.purge(tags, seconds=seconds)
    except ResultsNotDeleted as error:
        batch.fail(error.tags, str(error))
        return error.deleted
    except StoreError as error:
        batch.fail(tags, str(error))
        return 0


def _invalidate(batch: Batch, invalidations: Invalidator, remaining: Callable[[], float]) -> list[dict[str, Any]]:
    """The invalidations that were made. After one that CloudFront is too busy for, it is asked for no other."""
    made: list[dict[str, Any]] = []
    tags = batch.tags()
    for start in range(0, len(tags), MOST_TAGS):
        chunk = tags[start : start + MOST_TAGS]
        records = batch.records_of(chunk)
        try:
            id = invalidations.invalidate(chunk, reference_of(records), remaining_seconds=remaining())
        except CloudFrontBusy as error:
            batch.fail(tags[start:], str(error))
            break
        except InvalidationFailed as error:
            batch.fail(chunk, str(error))
            continue
        made.append({"id": id, "tags": chunk})
        _tell_invalidation(id, records)
    return made


def _send_repeats(batch: Batch, queue: PurgeQueue, seconds: int, remaining: Callable[[], float]) -> None:
    """Queues the second purge of each tag that had its first; in groups, so that not all fail with one."""
    orders = {record.order.tag: record.order for record in batch.records() if not record.order.is_repeat}
    tags = sorted(orders)
    for start in range(0, len(tags), MOST_MESSAGES):
        group = tags[start : start + MOST_MESSAGES]
        if remaining() <= 0:
            batch.fail_first_orders(tags[start:], "there was no time left to queue the repeat")
            return
        try:
            queue.send([orders[tag].model_copy(update={"is_repeat": True}) for tag in group], delay_seconds=seconds)
        except PurgeNotQueued as error:
            batch.fail_first_orders(group, f"the repeat is not queued: {error}")


def _tell_invalidation(id: str, records: Sequence[Record]) -> None:
    for part in _parts(records):
        _log.info("Invalidation %s: %d purges", id, len(part), extra={"invalidation": id, **_names(part)})


def _tell_failures(batch: Batch) -> None:
    """A line for each reason, and one for each order that is given up, with all that somebody needs to do it again."""
    again: dict[str, list[Record]] = {}
    for record, reason in batch.failures():
        if record.receives < MOST_RECEIVES:
            again.setdefault(reason, []).append(record)
            continue
        told = {"message_id": record.message_id, "tag": record.order.tag, "source_url": record.order.source_url}
        text = "Purge of %s given up after %d attempts, its order is now in the dead letters: %s"
        _log.error(text, record.order.tag, record.receives, reason, extra=told)
    for reason, records in again.items():
        for part in _parts(records):
            _log.warning("%d purges failed and come again: %s", len(part), reason, extra=_names(part))


def _parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(records), _LOGGED):
        yield records[start : start + _LOGGED]


def _names(records: Sequence[Record]) -> dict[str, list[str]]:
    return {
        "tags": sorted({record.order.tag for record in records}),
        "message_ids": [record.message_id for record in records],
    }
