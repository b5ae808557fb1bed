"""What keeps objects by name: a folder, a bucket.

Names are relative paths with `/` between their parts, of printable ASCII, without empty parts, `.` and `..`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

PAGE: Final = 1000
"""Names in one page of a list and in one deletion: what S3 takes."""


class StoreError(Exception):
    """The store cannot do what it was asked; the text is for the log."""


class StoreBusy(StoreError):
    """Too much is asked of the store already."""


class StoreFull(StoreError):
    """There is no room for more."""


class ObjectStore(Protocol):
    """Objects by name. Every method raises StoreError; a write is seen whole or not at all."""

    async def get(self, name: str) -> bytes | None:
        """The object, None if there is none."""

    async def put(self, name: str, data: bytes, *, is_durable: bool = False) -> None:
        """Writes an object, in the place of one that is there.

        Args:
            name: of the object.
            data: the whole of it.
            is_durable: it is to survive a loss of power, not only the end of the process.
        """

    async def delete(self, names: Sequence[str]) -> None:
        """Takes objects away; those that are not there count as deleted."""

    def pages(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        """The names that begin with `prefix`, which ends with a slash, some at a time: `PAGE` at most.

        What is written or deleted meanwhile may be among them or not.
        """

    async def close(self) -> None:
        """Frees connections and threads."""
