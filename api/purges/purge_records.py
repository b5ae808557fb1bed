"""The records of one batch of the purge queue, and which of them have failed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from api.purges.orders import PurgeOrder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message of the queue.

    Attributes:
        message_id: stays the same however often it is delivered.
        order: what it says.
        receives: how often it was delivered, this time included.
    """

    message_id: str
    order: PurgeOrder
    receives: int


class Batch:
    """Records, from which those that fail drop out.

    Args:
        records: readable ones.
        unreadable_ids: of messages that are no orders.
    """

    def __init__(self, records: Sequence[Record], unreadable_ids: Sequence[str] = ()) -> None:
        self._records = tuple(records)
        self._unreadable_ids = tuple(unreadable_ids)
        self._reasons: dict[str, str] = {}

    def records(self) -> list[Record]:
        """Those that have not failed."""
        return [record for record in self._records if record.message_id not in self._reasons]

    def tags(self) -> list[str]:
        """The tags of what has not failed, each once and in order, so that equal batches make equal invalidations."""
        return sorted({record.order.tag for record in self.records()})

    def records_of(self, tags: Collection[str]) -> list[Record]:
        """Those of some tags that have not failed."""
        wanted = frozenset(tags)
        return [record for record in self.records() if record.order.tag in wanted]

    def fail(self, tags: Collection[str], reason: str) -> None:
        """All records of these tags have failed."""
        for record in self.records_of(tags):
            self._reasons[record.message_id] = reason

    def fail_first_orders(self, tags: Collection[str], reason: str) -> None:
        """The records of these tags that are no repeats have failed."""
        for record in self.records_of(tags):
            if not record.order.is_repeat:
                self._reasons[record.message_id] = reason

    def failures(self) -> Iterator[tuple[Record, str]]:
        """The orders that have failed, and why."""
        for record in self._records:
            if record.message_id in self._reasons:
                yield record, self._reasons[record.message_id]

    def failed_ids(self) -> list[str]:
        """All messages that have failed, those that are no orders too."""
        return [*self._unreadable_ids, *(record.message_id for record, _ in self.failures())]


def batch_of(event: Mapping[str, Any]) -> Batch:
    """The batch of a Lambda event for SQS. A message that is no order is logged; it ends among the dead letters."""
    records: list[Record] = []
    unreadable: list[str] = []
    for told in event["Records"]:
        message_id = str(told["messageId"])
        try:
            order = PurgeOrder.model_validate_json(told["body"])
        except ValidationError as error:
            # Not the message itself: nobody knows what is in it, and it is kept with the dead letters.
            problems = [f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in error.errors()]
            text = "A message in the purge queue is no order and goes to the dead letters: %s"
            _log.error(text, "; ".join(problems), extra={"message_id": message_id})
            unreadable.append(message_id)
        else:
            records.append(Record(message_id=message_id, order=order, receives=_receives(told)))
    return Batch(records, unreadable)


def _receives(told: Mapping[str, Any]) -> int:
    text = str(told.get("attributes", {}).get("ApproximateReceiveCount", "1"))
    return int(text) if text.isdecimal() else 1
