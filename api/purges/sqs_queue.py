"""The queue of purges in SQS."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # the SDK has no types

from api.problems import PurgeNotQueued
from api.purges.orders import PurgeOrder

_log = logging.getLogger(__name__)

MOST_MESSAGES: Final = 10
"""In one SendMessageBatch: a quota of SQS."""


class SqsQueue:
    """A standard queue: a FIFO one has no delay of single messages.

    Args:
        client: of boto3 for SQS, with timeouts.
        url: of the queue.
    """

    def __init__(self, client: Any, url: str) -> None:  # noqa: ANN401  the SDK makes its clients' classes at run time
        self._client = client
        self._url = url

    def send(self, orders: Sequence[PurgeOrder], *, delay_seconds: int = 0) -> Sequence[str]:
        """Queues orders; answers the message's id for each, in their order.

        Args:
            orders: any number; each is some KB at the most, so that ten fit into SQS's 256 KB.
            delay_seconds: until they are delivered, 900 at the most.

        Raises:
            PurgeNotQueued: some are not queued; the others are. Whoever sends all of them again purges some twice.
        """
        ids: list[str] = []
        for start in range(0, len(orders), MOST_MESSAGES):
            batch = orders[start : start + MOST_MESSAGES]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=_entries(batch, delay_seconds))
            except (BotoCoreError, ClientError) as error:
                # The client is told that it failed, not why: endpoints and roles are in what SQS says.
                _log.error("SQS did not take purges: %s", error)
                # The next batches would wait for the same trouble, one after the other.
                raise _not_queued(len(orders) - len(ids), len(orders)) from error
            ids += _ids(answer, len(batch))
        if missing := len(orders) - len(ids):
            raise _not_queued(missing, len(orders))
        return ids


def message_text(order: PurgeOrder) -> str:
    """The order as a message: ASCII, because SQS refuses some characters that keys may have (U+FFFE, U+FFFF)."""
    return json.dumps(order.model_dump(), separators=(",", ":"))


def _entries(orders: Sequence[PurgeOrder], delay_seconds: int) -> list[dict[str, object]]:
    return [
        {"Id": str(number), "MessageBody": message_text(order), "DelaySeconds": delay_seconds}
        for number, order in enumerate(orders)
    ]


def _ids(answer: Mapping[str, Any], count: int) -> list[str]:
    """The ids of what was queued, in the order of the entries; fewer than `count` if SQS refused some."""
    sent = {entry["Id"]: str(entry["MessageId"]) for entry in answer.get("Successful", ())}
    if failed := answer.get("Failed", ()):
        codes = sorted({str(entry.get("Code")) for entry in failed})
        _log.error("SQS did not take %d of %d purges: %s", len(failed), count, ", ".join(codes))
    return [sent[str(number)] for number in range(count) if str(number) in sent]


def _not_queued(missing: int, count: int) -> PurgeNotQueued:
    return PurgeNotQueued(f"{missing:,} of {count:,} purges could not be queued.")
