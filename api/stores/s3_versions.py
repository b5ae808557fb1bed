"""Versions of one object of S3, and how all of them go so that none of them comes back.

A mark of deletion lies over the versions as long as one is left, so that an older picture is never the current one
again, not between two calls and not after one that failed. Whatever somebody writes meanwhile stays.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from api.problems import StoreUnavailable
from api.stores.aws import code_of

_log = logging.getLogger(__name__)

_BATCH: Final = 1_000
"""Of S3, for one DeleteObjects and for one page of a list."""
_MOST: Final = 20_000
_SECONDS: Final = 12.0
"""For all calls together, but for the one that is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    id: str
    is_latest: bool
    is_mark: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Versions:
    found: list[_Version]
    is_complete: bool


def delete_versions(
    client: Any,  # noqa: ANN401  the SDK has no types
    bucket: str,
    key: str,
    *,
    batch: int = _BATCH,
    most: int = _MOST,
) -> None:
    """Deletes all versions of an object that is deleted, then the mark that says so.

    Args:
        client: of S3.
        bucket: one without versions has none to delete.
        key: of the object.
        batch: how many one call lists or deletes.
        most: how many are looked at.

    Raises:
        StoreUnavailable: some are left; the same call again deletes more.
    """
    deadline = time.monotonic() + _SECONDS
    versions = _listed(client, bucket, key, batch=batch, most=most, deadline=deadline)
    older = [version for version in versions.found if not version.is_latest]
    # What is current and no mark has been written after the object was deleted.
    marks = [version for version in versions.found if version.is_latest and version.is_mark]
    for start in range(0, len(older), batch):
        _delete(client, bucket, key, older[start : start + batch])
        # Checked after a batch, so that every call gets on.
        if time.monotonic() > deadline:
            raise _some_left()
    if not versions.is_complete:
        raise _some_left()
    if marks:
        _delete(client, bucket, key, marks)


def _listed(
    client: Any,  # noqa: ANN401  as above
    bucket: str,
    key: str,
    *,
    batch: int,
    most: int,
    deadline: float,
) -> _Versions:
    """The versions of exactly this key, which come first of all keys that begin with it."""
    found: list[_Version] = []
    place: dict[str, str] = {}
    for _ in range(most // batch):
        try:
            page = client.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=batch, **place)
        except client.exceptions.ClientError as error:
            if code_of(error) == "NotImplemented":
                break
            raise
        found += _of_page(page, key)
        if not page.get("IsTruncated") or page.get("NextKeyMarker") != key:
            break
        place = {"KeyMarker": key, "VersionIdMarker": page.get("NextVersionIdMarker", "null")}
        if time.monotonic() > deadline:
            return _Versions(found=found, is_complete=False)
    else:
        return _Versions(found=found, is_complete=False)
    return _Versions(found=found, is_complete=True)


def _of_page(page: Any, key: str) -> Iterator[_Version]:  # noqa: ANN401  as above
    for name, is_mark in (("Versions", False), ("DeleteMarkers", True)):
        for entry in page.get(name, ()):
            if entry["Key"] == key:
                yield _Version(id=entry["VersionId"], is_latest=entry["IsLatest"], is_mark=is_mark)


def _delete(client: Any, bucket: str, key: str, versions: list[_Version]) -> None:  # noqa: ANN401  as above
    objects = [{"Key": key, "VersionId": version.id} for version in versions]
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if errors := answer.get("Errors"):
        _log.warning("S3 answers %s to the deletion of %d versions", errors[0].get("Code"), len(errors))
        raise _some_left()


def _some_left() -> StoreUnavailable:
    return StoreUnavailable("The picture is deleted, but not all of its versions; the same request again goes on.")
