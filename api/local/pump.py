"""Takes what is due out of the journal and calls the functions with it, as event sources of Lambda do. One thread.

Orders to purge come in batches as from SQS, events of the store one by one. What fails comes again, later each time,
and is a dead letter in the end, which an error in the log names.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.local.calls import ACCOUNT, REGION, Context, Event, Function, Functions
from api.local.events import CREATED, s3_event
from api.local.journal import Journal, Message
from renderer.telemetry.formats import fields

_log = logging.getLogger(__name__)

BATCH: Final = 10
"""Messages of an SQS event."""

CALL_SECONDS: Final = 60.0
"""What a function is told that it has."""

BACKOFF_SECONDS: Final = (5.0, 15.0, 45.0, 135.0)
"""After the first, second, ... failure; a CDN that is busy is no longer so after some minutes."""

AWAIT_SECONDS: Final = 900.0
"""For how long a large file is looked for after it was announced: its form is good for less."""

_LOOK_SECONDS: Final = 1.0
_LOOK_SHARE: Final = 0.1
"""A file is looked for again after a second, or after a tenth of the time for which it has been awaited."""

_PAUSE_SECONDS: Final = 1.0


class Pump:
    """Works until it is stopped.

    Args:
        functions: of the API.
        journal: holds what is to be done.
        bucket: in events of arrivals.
        backoff: seconds, see `BACKOFF_SECONDS`.
    """

    def __init__(
        self,
        functions: Functions,
        journal: Journal,
        *,
        bucket: str = "",
        backoff: Sequence[float] = BACKOFF_SECONDS,
    ) -> None:
        self._purge: Function = functions.purge
        self._change: Function = functions.change
        self._arrival: Function = functions.arrival
        self._journal = journal
        self._bucket = bucket
        self._backoff = backoff
        self._condition = threading.Condition()
        self._is_woken = False
        self._is_draining = False
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._work, name="pump", daemon=True)

    def start(self) -> None:
        """Begins; what was left in the journal first."""
        self._journal.on_change = self.wake
        self._thread.start()

    def announced(self, ticket: Mapping[str, Any]) -> None:
        """Looks for the file of an `UploadTicket` from now on: nobody sends events of a bucket to this machine.

        Raises:
            RuntimeError: the journal is full.
        """
        event = s3_event(CREATED, bucket=self._bucket, key=ticket["fields"]["key"])
        if not self._journal.post("arrival", json.dumps(event), id=f"arrival:{ticket['id']}"):
            raise RuntimeError("the journal takes no more files that are to come")

    def wake(self) -> None:
        """Has the journal looked at."""
        with self._condition:
            self._is_woken = True
            self._condition.notify_all()

    def stop(self, seconds: float) -> bool:
        """Works off what is due, for so long at most; whether that was enough. The rest stays in the journal."""
        with self._condition:
            self._is_draining = True
            self._condition.notify_all()
        self._thread.join(seconds)
        # A call that is under way ends with the process; its messages come again.
        self._is_abandoned = True
        return not self._thread.is_alive()

    def _work(self) -> None:
        while not self._is_abandoned:
            with self._condition:
                self._is_woken = False
            if self._turned():
                continue
            with self._condition:
                if self._is_woken:
                    continue  # something has come since it was looked at, which the end does not leave behind
                if self._is_draining:
                    return
                self._condition.wait(self._seconds_until_due())

    def _seconds_until_due(self) -> float | None:
        try:
            return self._journal.seconds_until_due()
        except Exception:  # noqa: BLE001  likewise: without its thread nothing would be purged any more
            _log.exception("The queue cannot be looked at")
            return _PAUSE_SECONDS

    def _turned(self) -> bool:
        """Does what is due; whether there was anything."""
        try:
            is_busy = self._purged(self._journal.receive("purge", BATCH, CALL_SECONDS))
            for message in self._journal.receive("change", 1, CALL_SECONDS):
                is_busy = True
                self._called(self._change, message)
            for message in self._journal.receive("arrival", 1, CALL_SECONDS):
                is_busy = True
                self._called(self._arrival, message)
        except Exception:  # noqa: BLE001  without its thread nothing would be purged any more
            _log.exception("A turn of the queue failed")
            with self._condition:
                # Not at once again, whatever wakes it.
                self._condition.wait_for(lambda: self._is_draining, _PAUSE_SECONDS)
            return False
        return is_busy

    def _purged(self, messages: list[Message]) -> bool:
        if messages:
            failed = self._failed_of(messages)
            self._journal.done(message for message in messages if message.id not in failed)
            for message in messages:
                if message.id in failed:
                    self._put_off(message)
        return bool(messages)

    def _failed_of(self, messages: list[Message]) -> set[str]:
        """Which of a batch are to come again; all of them if the answer does not say ("Reporting batch failures")."""
        everything = {message.id for message in messages}
        try:
            answer = self._purge(sqs_event(messages), _context("purge"))
        except Exception:  # noqa: BLE001  whatever it was, the orders come again
            _log.exception("The purge function failed")
            return everything
        failures = answer.get("batchItemFailures") if isinstance(answer, Mapping) else None
        named = {str(item.get("itemIdentifier")) for item in failures or () if isinstance(item, Mapping)}
        return named if named <= everything and len(named) == len(failures or ()) else everything

    def _called(self, function: Function, message: Message) -> None:
        try:
            answer = function(json.loads(message.body), _context(message.kind))
        except Exception:  # noqa: BLE001  whatever it was, the event comes again
            _log.exception("The %s function failed", message.kind)
            self._put_off(message)
            return
        waited = time.time() - message.sent_at
        if message.kind == "arrival" and _is_missing(answer) and waited < AWAIT_SECONDS:
            self._journal.put_back(message, in_seconds=max(_LOOK_SECONDS, waited * _LOOK_SHARE))
        else:
            self._journal.done([message])

    def _put_off(self, message: Message) -> None:
        again = self._backoff[min(message.received, len(self._backoff)) - 1]
        if self._journal.failed(message, again_in_seconds=again):
            _log.error(
                "A message has failed %d times and is a dead letter: %s",
                *(message.received, subject(message)),
                extra=fields(message_id=message.id, kind=message.kind),
            )


def sqs_event(messages: Sequence[Message]) -> Event:
    """The event that Lambda makes of a batch ("Using Lambda with Amazon SQS")."""
    return {"Records": [_sqs_record(message) for message in messages]}


def subject(message: Message) -> str:
    """What a message is about, for people: the tag of an order, the key of an event."""
    body = json.loads(message.body)
    if message.kind == "purge":
        return str(body.get("tag"))
    return ", ".join(str(record["s3"]["object"]["key"]) for record in body.get("Records", ()))


def _is_missing(answer: object) -> bool:
    """Whether the arrival function found no file; it may be there later."""
    uploads = answer.get("uploads") if isinstance(answer, Mapping) else None
    return isinstance(uploads, Mapping) and "gone" in uploads.values()


def _sqs_record(message: Message) -> dict[str, Any]:
    sent_at = str(round(message.sent_at * 1000))
    return {
        "messageId": message.id,
        "receiptHandle": f"{message.id}:{message.received}",
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.received),
            "ApproximateFirstReceiveTimestamp": sent_at,
            "SentTimestamp": sent_at,
            "SenderId": ACCOUNT,
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:purges",
        "awsRegion": REGION,
    }


def _context(function: str) -> Context:
    return Context(function_name=function, aws_request_id=str(uuid.uuid4()), ends_at=time.monotonic() + CALL_SECONDS)
