"""A picture that is fetched by its URL, within limits, from public addresses (DESIGN section 6).

The file is in memory while it is fetched, inspected and stored, so one download takes as much as the file has bytes,
`BILDWERK_MAX_LARGE_UPLOAD_BYTES` at most, and a few hundred kilobytes for the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, TypeVar

from api.settings import UploadSettings
from api.urls.downloaded import Downloaded

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

_Result = TypeVar("_Result")


def download(url: str, *, settings: UploadSettings, resolver: AbstractResolver | None = None) -> Downloaded:
    """The file behind a URL; the thread that asks must not run an event loop.

    Args:
        url: as the client wrote it.
        settings: which schemes and addresses are open, how large the file may be and how long it may take.
        resolver: looks names up; the system's by default. The guard checks what it answers.

    Raises:
        SourceProblem: one of its kinds; its detail names neither the URL nor an address.
    """
    # aiohttp takes 0.2 s to import, and few uploads come by URL.
    from api.urls.fetching import fetch

    return _run(fetch(url, settings, resolver))


def _run(work: Coroutine[object, object, _Result]) -> _Result:
    """The result of the work on a loop of its own.

    `asyncio.run` would wait at its end for the threads that look names up. A name server that does not answer keeps
    them for half a minute, so here they are left behind; they end by themselves.
    """
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        try:
            loop.run_until_complete(_end_rest())
        finally:
            loop.close()


async def _end_rest() -> None:
    """Ends the tasks and generators that the work has left."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
