"""Whether libvips still works, asked in a thread of its own: no picture and no file read can be before it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from renderer.errors import InternalError
from renderer.vips.runtime import check_health

TIMEOUT_SECONDS: Final = 5


class HealthCheck:
    """Asks libvips for a tiny picture; those who ask while it is asked share the answer."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._asked: asyncio.Future[None] | None = None

    async def check(self) -> None:
        """Returns when libvips made the picture.

        Raises:
            BildwerkError: it failed, or not within `TIMEOUT_SECONDS`.
        """
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().run_in_executor(self._thread, check_health)
            self._asked.add_done_callback(_seen)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await asyncio.shield(self._asked)
        except TimeoutError as error:
            raise InternalError(f"libvips did not answer within {TIMEOUT_SECONDS} s") from error

    def close(self) -> None:
        """Lets the thread end when it has answered."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _seen(asked: asyncio.Future[None]) -> None:
    if not asked.cancelled():
        asked.exception()  # told to nobody if nobody waits any more
