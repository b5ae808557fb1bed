"""Clients that remember every answer and hold its body against one that is known to be good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.load.client import Answer, Connection, Cut
from benchmarks.load.server import RunningServer

CUT: Final = 0
HUNG: Final = -1
HANG_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer. Its moments are on the clock of `time.monotonic`; its status may be CUT or HUNG."""

    path: str
    asked: float
    answered: float
    status: int
    is_right: bool


@dataclass(slots=True, kw_only=True)
class Watch:
    """One server, its good answers to some paths, and what clients have seen of it."""

    server: RunningServer
    paths: Sequence[str]
    good: dict[str, bytes] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    async def learn(self) -> None:
        """Asks for everything once while all is well.

        Raises:
            RuntimeError: it is not.
        """
        for path in self.paths:
            answer = await self._answer(path)
            if answer.status != 200:
                raise RuntimeError(f"{path} is {answer.status} before there is trouble")
            self.good[path] = answer.body

    async def ask(self, paths: Sequence[str], stop: asyncio.Event, *, offset: int = 0) -> None:
        """Asks for one path after the other until told to stop, each on a connection of its own."""
        turn = offset
        while not stop.is_set():
            seen = await self._one(paths[turn % len(paths)])
            self.seen.append(seen)
            turn += 1
            if seen.status != 200:
                # Who gets nothing comes back, but not in the same instant.
                await asyncio.sleep(0.05)

    async def _one(self, path: str) -> Seen:
        asked, is_right = time.monotonic(), True
        try:
            async with asyncio.timeout(HANG_SECONDS):
                answer = await self._answer(path)
        except Cut:
            status = CUT
        except TimeoutError:
            status = HUNG
        else:
            status, is_right = answer.status, answer.status != 200 or answer.body == self.good[path]
        return Seen(path=path, asked=asked, answered=time.monotonic(), status=status, is_right=is_right)

    async def _answer(self, path: str) -> Answer:
        connection = await Connection.open(self.server.port)
        try:
            return await connection.get(path)
        finally:
            await connection.close()
