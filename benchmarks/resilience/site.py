"""What scenarios share: pictures, requests over them, and clients around a server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load.client import Tally, keep_asking
from benchmarks.load.server import RunningServer

PHOTOS: Final = ("landscape.jpg", "portrait.jpg", "turned.jpg")
USUAL: Final = tuple(
    f"/unsafe/rs:fit:{width}:{width}/plain/local:///{name}{format}"
    for name in PHOTOS
    for width in (240, 480)
    for format in ("", "@webp")
)
"""Requests as a website has them: photographs made small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a scenario works, and how long. `pictures` has the sample pictures."""

    folder: Path
    pictures: Path
    seconds: float
    soak_seconds: float

    def variables(self, **more: str) -> dict[str, str]:
        """Settings of a server over the pictures."""
        return {
            "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(self.pictures),
            "IMGPROXY_LOG_LEVEL": "warn",
            **more,
        }


@contextlib.asynccontextmanager
async def clients(server: RunningServer, count: int, paths: Sequence[str]) -> AsyncIterator[Tally]:
    """So many clients that ask all the time while the block runs; each has ended its last request afterwards."""
    tally, stop = Tally(), asyncio.Event()
    tasks = [
        asyncio.create_task(keep_asking(server.port, list(paths), stop, tally, offset=place)) for place in range(count)
    ]
    try:
        yield tally
    finally:
        stop.set()
        await asyncio.gather(*tasks)
