"""Several pieces of work at the same time, and never more than wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def at_once(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], limit: int
) -> AsyncGenerator[Result, None]:
    """The results, in the order in which they are ready; whoever stops listening stops the work."""
    running: set[asyncio.Future[Result]] = set()
    try:
        for item in items:
            running.add(asyncio.ensure_future(work(item)))
            while len(running) >= limit:
                for task in (await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED))[0]:
                    running.discard(task)
                    yield task.result()
        while running:
            for task in (await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED))[0]:
                running.discard(task)
                yield task.result()
    finally:
        for unfinished in running:
            unfinished.cancel()
        await asyncio.gather(*running, return_exceptions=True)
