"""A store in a dictionary that can be made sick."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from renderer.storage.object_store import StoreError


class FakeStore:
    """Objects by name.

    Attributes:
        error: is raised by everything, if set.
        gate: what every call waits for, if it is closed.
        after_put: is called when an object was written.
        page: names in a page.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.error: StoreError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.after_put: Callable[[str], None] = lambda _: None
        self.page = 2
        self.calls: list[str] = []
        self.is_closed = False

    async def get(self, name: str) -> bytes | None:
        """The object."""
        await self._called(f"get {name}")
        return self.objects.get(name)

    async def put(self, name: str, data: bytes, *, is_durable: bool = False) -> None:
        """Writes it."""
        await self._called(f"put {name}{' durably' if is_durable else ''}")
        self.objects[name] = data
        self.after_put(name)

    async def delete(self, names: Sequence[str]) -> None:
        """Takes them away."""
        await self._called(f"delete {' '.join(names)}")
        for name in names:
            self.objects.pop(name, None)

    async def pages(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        """The names of this moment."""
        await self._called(f"list {prefix}")
        names = sorted(name for name in self.objects if name.startswith(prefix))
        for start in range(0, len(names), self.page):
            yield names[start : start + self.page]

    async def close(self) -> None:
        """Nothing works any more."""
        self.is_closed = True

    async def _called(self, call: str) -> None:
        self.calls.append(call)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
