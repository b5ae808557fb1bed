"""Puts an inspected picture into the store under its key: created or replaced, never both, never half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.keys import content_key, is_content_key
from api.problems import InvalidKey, PreconditionFailed, StoreUnavailable
from api.requests.conditions import Wanted
from api.services import Services
from api.stores.facts import Facts
from api.stores.originals import ANY, Condition, Original
from renderer.formats import NAMES

_TRIES: Final = 3
"""Another writer of the same key may come between the look and the write each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What became of a write.

    Attributes:
        original: as it is there now.
        is_new: there was none before.
        is_purged: what was there, or a cached 404, has to go from the caches.
    """

    original: Original
    is_new: bool
    is_purged: bool


def placed(services: Services, key: str | None, data: bytes, facts: Facts, wanted: Wanted) -> Placed:  # noqa: PLR0917  what, where, under which condition
    """Writes a picture.

    Args:
        services: whose store it is.
        key: None for a key that follows from the content.
        data: inspected.
        facts: of it.
        wanted: conditions of the client.

    Raises:
        InvalidKey: the key is one of those that name their content, and this is other content.
        PreconditionFailed: the conditions do not hold.
        StoreUnavailable: it is not written.
    """
    own = content_key(data, NAMES[facts.format])
    if key is None or key == own:
        return _by_content(services, own, data, facts, wanted)
    if is_content_key(key):
        raise InvalidKey("Keys of this form are made of the sha256 of their content, and this is other content.")
    return _under_key(services, key, data, facts, wanted)


def _by_content(services: Services, key: str, data: bytes, facts: Facts, wanted: Wanted) -> Placed:  # noqa: PLR0917  as above
    there = services.originals.head(key)
    _check(there, wanted)
    if there is not None and there.facts is not None and there.facts.sha256 == facts.sha256:
        return Placed(original=there, is_new=False, is_purged=False)
    is_conditional = wanted.is_absent or wanted.is_present or bool(wanted.etags)
    original = services.originals.put(key, data, facts, _condition(there, wanted) if is_conditional else ANY)
    # Nobody but the API makes such keys, unless somebody does.
    return Placed(original=original, is_new=there is None, is_purged=there is not None)


def _under_key(services: Services, key: str, data: bytes, facts: Facts, wanted: Wanted) -> Placed:  # noqa: PLR0917  as above
    for _ in range(_TRIES):
        there = services.originals.head(key)
        _check(there, wanted)
        try:
            original = services.originals.put(key, data, facts, _condition(there, wanted))
        except PreconditionFailed:
            if wanted.is_absent or wanted.etags:
                raise
            continue
        return Placed(original=original, is_new=there is None, is_purged=True)
    raise StoreUnavailable("Others write the same key all the time.")


def _check(there: Original | None, wanted: Wanted) -> None:
    if wanted.is_absent and there is not None:
        raise PreconditionFailed("There is a picture under this key.", etag=there.etag)
    if (wanted.is_present or wanted.etags) and there is None:
        raise PreconditionFailed("There is no picture under this key.")
    if wanted.etags and there is not None and there.etag not in wanted.etags:
        raise PreconditionFailed("The picture under this key has another entity tag.", etag=there.etag)


def _condition(there: Original | None, wanted: Wanted) -> Condition:
    """What the store itself checks at the moment of the write."""
    if there is None:
        return Condition(is_absent=True)
    return Condition(etag=there.etag) if wanted.etags or wanted.is_present else ANY
