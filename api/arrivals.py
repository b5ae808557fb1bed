"""A large file has arrived under `incoming/`: it is inspected there, then stored under its key or refused.

The event may come twice and late (S3 promises at least once): a file that is gone has been dealt with. What is stored
are the bytes that were inspected, so whoever replaces the file meanwhile only makes another arrival of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from api.described import described
from api.inspection.inspect import inspect
from api.keys import checked_key
from api.models import UploadStatus
from api.placing import placed
from api.problems import Problem
from api.purging import ordered_purge
from api.requests.conditions import Wanted
from api.services import Services
from api.stores.incoming import Arrived, Incoming
from api.tickets import read_outcome, wanted_by, write_outcome

_log = logging.getLogger(__name__)

_SERVERS_FAULT = 500


def arrival(services: Services, event: Mapping[str, Any], incoming: Incoming) -> dict[str, Any]:
    """Deals with the files of an S3 event; answers what became of each.

    Raises:
        Problem: the store or the queue failed, so the event has to come again; what was stored stays stored.
        KeyError: it is no event of the store.
    """
    ids = filter(None, map(incoming.id_of, _keys(event)))
    return {"uploads": {id: _settled(services, incoming, id) for id in ids}}


def _keys(event: Mapping[str, Any]) -> list[str]:
    """The keys that an event tells of: S3's own, or EventBridge's."""
    if event.get("Event") == "s3:TestEvent":
        return []  # S3 sends it when the notification is set up
    if event.get("source") == "aws.s3":
        return [event["detail"]["object"]["key"]]
    return [record["s3"]["object"]["key"] for record in event["Records"]]


def _settled(services: Services, incoming: Incoming, id: str) -> str:
    """Stored or refused, now or before; gone where there is no file, or nobody to tell."""
    told = read_outcome(incoming, id)
    state: str = "gone" if told is None else told.status.state
    if told is not None and state == "waiting":
        status = _dealt_with(services, incoming, id)
        if status is None:
            return "gone"
        write_outcome(incoming, status, told.token)
        services.metrics.count("UploadsStored" if status.state == "stored" else "UploadsRefused")
        state = status.state
    # Last: until here the event could begin anew. A ticket's form is good for some minutes: its first file counts.
    incoming.remove(id)
    return state


def _dealt_with(services: Services, incoming: Incoming, id: str) -> UploadStatus | None:
    """What becomes of a file; None if it is not there."""
    try:
        arrived = incoming.read(id)
        return None if arrived is None else _stored(services, id, arrived)
    except Problem as problem:
        if problem.status >= _SERVERS_FAULT:
            raise
        _log.info("Upload %s is refused: %s", id, problem.name)
        return UploadStatus(id=id, state="refused", problem=problem.document())


def _stored(services: Services, id: str, arrived: Arrived) -> UploadStatus:
    principal, key = wanted_by(arrived.metadata)
    if key is not None:
        # Signed, and checked when the ticket was given out; the rules may have become stricter since.
        principal.require_key(checked_key(key))
    inspected = inspect(arrived.data, declared_type=arrived.content_type, settings=services.settings.uploads)
    facts = inspected.facts(uploaded_by=principal.name, file_name="")
    result = placed(services, key, inspected.data, facts, Wanted())
    purge = ordered_purge(services, result.original.key, "stored") if result.is_purged else None
    return UploadStatus(id=id, state="stored", image=described(services, result.original, purge))
