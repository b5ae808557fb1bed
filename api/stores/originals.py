"""The store of originals as the API needs it; a bucket or a folder stands behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from api.stores.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold of the object that is there when a write takes place (RFC 9110 section 13.1).

    Attributes:
        is_absent: `If-None-Match: *`: there is none.
        etag: `If-Match`: this one is there, quotes included; `*` is any.
    """

    is_absent: bool = False
    etag: str | None = None


ANY = Condition()
"""No condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """An object that is there.

    Attributes:
        key: its name in the store.
        size: bytes.
        content_type: its media type.
        etag: with its quotes.
        modified_at: Unix time.
        facts: what was written down with it; None where somebody else has put it there.
    """

    key: str
    size: int
    content_type: str
    etag: str
    modified_at: float
    facts: Facts | None = field(default=None)


class Originals(Protocol):
    """Objects by their keys. Every method may raise StoreUnavailable, and has a deadline."""

    def source_url(self, key: str) -> str:
        """How processing URLs name an original: `s3://bucket/key`, `local:///key`."""

    def head(self, key: str) -> Original | None:
        """What is known of an object, None if there is none."""

    def put(self, key: str, data: bytes, facts: Facts, condition: Condition = ANY) -> Original:
        """Writes an object with its facts and its format's media type, at once or not at all.

        Raises:
            PreconditionFailed: the condition does not hold, or another writer was quicker.
        """

    def delete(self, key: str, *, all_versions: bool = False) -> bool:
        """Takes an object away; whether there was one. With `all_versions` those before it go too."""
