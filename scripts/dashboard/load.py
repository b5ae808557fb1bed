"""Clients that ask for pictures, in three phases: a normal day, a rush, and a process that dies in the afternoon."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import signal
import time
from typing import Final

import aiohttp

from scripts.dashboard.servers import RenderServer
from scripts.ports import free_port

_CLIENTS: Final = ((0.0, 3), (0.35, 40), (0.6, 5))
"""From which part of the time on how many clients ask at once."""

_KILL_AT: Final = 0.75
_PICTURES: Final = ("landscape.jpg", "portrait.jpg", "turned.jpg", "photo.avif", "p3.jpg", "scan.tiff", "shapes.webp")
_OPTIONS: Final = ("rs:fit:300:300", "w:800", "rs:fill:500:500/g:sm", "h:600/sh:0.7", "w:200/bl:3", "w:1200")
_FORMATS: Final = ("jpg", "jpg", "webp", "png", "avif")


class Load:
    """The clients of one server.

    Args:
        server: whom they ask.
        origin_port: where sources come from over HTTP.
    """

    def __init__(self, server: RenderServer, *, origin_port: int) -> None:
        self._server = server
        self._origin_port = origin_port
        self._dead_port = free_port()
        self._random = random.Random(4)  # noqa: S311  no secret
        self._statuses: collections.Counter[str] = collections.Counter()
        self._share = 0.0

    async def run(self, seconds: float) -> None:
        """Asks for as long as that; kills a server process on the way."""
        started = time.monotonic()
        most = max(count for _, count in _CLIENTS)
        connector = aiohttp.TCPConnector(limit=most)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for number in range(most):
                group.create_task(self._client(session, number))
            is_killed = False
            while self._share < 1:
                self._share = (time.monotonic() - started) / seconds
                if self._share > _KILL_AT and not is_killed:
                    os.kill(self._server.server_processes()[0], signal.SIGKILL)
                    is_killed = True
                await asyncio.sleep(0.1)

    def summary(self) -> str:
        """How many answers of each status there were."""
        return ", ".join(f"{count} times {status}" for status, count in sorted(self._statuses.items()))

    async def _client(self, session: aiohttp.ClientSession, number: int) -> None:
        while self._share < 1:
            if number >= next(count for start, count in reversed(_CLIENTS) if self._share >= start):
                await asyncio.sleep(0.1)
                continue
            status = "connection lost"
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{self._server.port}{self._path()}") as response:
                    await response.read()
                    status = str(response.status)
            self._statuses[status] += 1
            # Who is told to come later does.
            await asyncio.sleep(self._random.uniform(0, 1.0 if status == "429" else 0.1))

    def _path(self) -> str:
        picture = self._random.choice(_PICTURES)
        options = self._random.choice(_OPTIONS)
        end = f"/{picture}@{self._random.choice(_FORMATS)}"
        local, origin = "local://", f"http://127.0.0.1:{self._origin_port}"
        paths = {
            f"/unsafe/{options}/plain/{local}{end}": 40,
            f"/unsafe/{options}/plain/{origin}{end}": 40,
            f"/unsafe/{options}/raw:1/plain/{origin}/{picture}": 5,
            f"/unsafe/{options}/plain/{local}/nothing.jpg": 4,
            f"/unsafe/nonsense:1/plain/{local}{end}": 3,
            f"/unsafe/{options}/plain/http://127.0.0.1:{self._dead_port}{end}": 8,
        }
        return self._random.choices(list(paths), list(paths.values()))[0]
