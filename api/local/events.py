"""Events that a bucket would send: what is written and deleted through the API is noted before it happens.

A bucket sends its events whatever becomes of the process that changed it. So that nothing less holds for a folder, or
for a bucket without events, the note is in the journal before the store is touched (`Journal.intend`).
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

from api.local.calls import REGION
from api.problems import PreconditionFailed
from api.stores.facts import Facts
from api.stores.originals import ANY, Condition, Original, Originals

_log = logging.getLogger(__name__)

CREATED: Final = "ObjectCreated:Put"
REMOVED: Final = "ObjectRemoved:Delete"


class Outbox(Protocol):
    """Where events wait; see `Journal`."""

    def intend(self, event: str) -> int:
        """Notes an event that is about to become true."""

    def settle(self, intent: int, *, is_changed: bool) -> None:
        """Sends it, or forgets it."""


@dataclass(slots=True)
class _Change:
    """What is being done to the store; as long as nobody knows better, it may have happened."""

    has_happened: bool = True


class WatchedOriginals:
    """A store of originals that sends an event for each change, as a bucket does.

    Args:
        originals: the store.
        outbox: takes the events.
        bucket: in the events; empty for a folder.
    """

    def __init__(self, originals: Originals, outbox: Outbox, *, bucket: str) -> None:
        self._originals = originals
        self._outbox = outbox
        self._bucket = bucket

    def source_url(self, key: str) -> str:
        """How processing URLs name an original."""
        return self._originals.source_url(key)

    def head(self, key: str) -> Original | None:
        """What is known of an object, None if there is none."""
        return self._originals.head(key)

    def put(self, key: str, data: bytes, facts: Facts, condition: Condition = ANY) -> Original:
        """Writes an object; see `Originals.put`.

        Raises:
            StoreUnavailable: also if the event could not be noted, so that nothing was written.
        """
        with self._changing(CREATED, key, size=len(data)) as change:
            try:
                return self._originals.put(key, data, facts, condition)
            except PreconditionFailed:
                change.has_happened = False
                raise

    def delete(self, key: str, *, all_versions: bool = False) -> bool:
        """Takes an object away; see `Originals.delete`."""
        with self._changing(REMOVED, key) as change:
            change.has_happened = self._originals.delete(key, all_versions=all_versions)
        return change.has_happened

    @contextmanager
    def _changing(self, name: str, key: str, *, size: int = 0) -> Iterator[_Change]:
        intent = self._outbox.intend(json.dumps(s3_event(name, bucket=self._bucket, key=key, size=size)))
        change = _Change()
        try:
            yield change
        finally:
            try:
                self._outbox.settle(intent, is_changed=change.has_happened)
            except sqlite3.Error:
                # The change itself is done; its note stays and becomes an event at the next start.
                _log.exception("The event of a change is put off until the next start")


def s3_event(name: str, *, bucket: str, key: str, size: int = 0) -> dict[str, Any]:
    """The event that S3 sends ("Event message structure" in its user guide); its keys are encoded as in forms."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {"key": quote_plus(key, safe="/"), "size": size},
                },
            }
        ]
    }
