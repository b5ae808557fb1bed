"""The clients of a round: each asks for the next picture as soon as it has one, and takes nothing but whole pictures.

It is asyncio on one core and costs some 0.2 ms a request: far less than a picture, and no part of what is accounted to
a server. For tens of thousands of requests a second there is `wrk`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle
from typing import Any, Final, TypeVar

from benchmarks.load.client import Address, Answer, Connection, Cut

PATIENCE_SECONDS: Final = 60
"""No picture of the corpus takes a second; a server that is silent for so long hangs."""

_PROBLEM_TEXT: Final = 200

Item = TypeVar("Item")
Seen = Callable[[str, Answer], None]
"""Is told the path and the answer of each request."""


class Failed(Exception):
    """A target answered with something that is no whole picture."""


class Gone(Failed):
    """A target cannot be reached at all, or has stopped in the middle."""


@dataclass(slots=True)
class Clients:
    """Open connections to one server."""

    address: Address
    connections: list[Connection] = field(default_factory=list)

    async def one_by_one(self, paths: Iterable[str], seen: Seen, *, at_once: int | None = None) -> float:
        """Gets every path once, one after the other on each connection, and says how many seconds it took.

        Args:
            paths: what to get.
            seen: is told every answer.
            at_once: how many at the same time, by turns over all connections; one on each by default.

        Raises:
            Failed: an answer was no picture.
            Gone: there was none.
        """
        # One iterator for all: whoever is done first takes the next path.
        waiting = iter(paths)
        started = time.perf_counter()
        every = range(len(self.connections))
        count = at_once or len(every)
        await together([self._client(every[first::count], waiting, seen) for first in range(count)])
        return time.perf_counter() - started

    async def bursts(self, paths: Sequence[str], seen: Seen) -> float:
        """The same in groups of a path for each connection: all of a group at once, then the next group."""
        size = len(self.connections)
        started = time.perf_counter()
        for begin in range(0, len(paths), size):
            group = paths[begin : begin + size]
            await together([self._client([place], iter([path]), seen) for place, path in enumerate(group)])
        return time.perf_counter() - started

    async def _client(self, places: Sequence[int], waiting: Iterator[str], seen: Seen) -> None:
        # The path is taken first: none is lost when places turn.
        for path, place in zip(waiting, cycle(places), strict=False):
            answer = await picture(self.connections[place], path)
            seen(path, answer)
            if answer.is_last:
                await self.connections[place].close()
                self.connections[place] = await connected(self.address)


@asynccontextmanager
async def clients(address: Address, count: int) -> AsyncIterator[Clients]:
    """So many open connections, new ones: those of the last round may have been idle for longer than servers wait."""
    opened = Clients(address)
    try:
        for _ in range(count):
            opened.connections.append(await connected(address))
        yield opened
    finally:
        for connection in opened.connections:
            with suppress(OSError):
                await connection.close()


def for_seconds(items: Sequence[Item], seconds: float) -> Iterator[Item]:
    """The items, again and again until so many seconds have passed; one at least."""
    end = time.perf_counter() + seconds
    for item in cycle(items):
        yield item
        if time.perf_counter() > end:
            return


async def connected(address: Address) -> Connection:
    """A connection; raises Gone when nobody listens."""
    try:
        return await Connection.open(address)
    except OSError as error:
        raise Gone(f"{address.host}:{address.port} cannot be reached: {error}") from error


async def picture(connection: Connection, path: str) -> Answer:
    """The answer to a path.

    Raises:
        Failed: it is no picture.
        Gone: it did not come.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await connection.get(path)
    except Cut as error:
        raise Gone(f"{path}: {error}") from error
    except TimeoutError as error:
        raise Gone(f"{path} has no answer after {PATIENCE_SECONDS} s") from error
    if answer.status != HTTPStatus.OK or not answer.body:
        problem = answer.body[:_PROBLEM_TEXT].decode("utf-8", "replace")
        raise Failed(f"{path} is {answer.status} with {len(answer.body)} bytes: {problem}")
    return answer


async def together(clients: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Runs clients at once; the first error ends them all."""
    tasks = [asyncio.ensure_future(client) for client in clients]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
