"""Tiny pictures, where the server itself is the cost: processor time of a request beyond that of bare libvips.

Sixty-four files with the same icon, so that no two requests under way share a source or a result. Bare libvips is the
same work in a loop of this process: load, resize with alpha multiplied, save with all filters as imgproxy does.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyvips

from benchmarks.load.client import Connection
from benchmarks.load.server import RunningServer, running_server

FILES: Final = 64
CONNECTIONS: Final = 2
# Names, where pyvips' stub knows numbers only.
_FILTERED: Final[dict[str, Any]] = {"filter": "all"}
_BARE_HEADER: Final[dict[str, Any]] = {"keep": "none"}
_ICON: Final = b"""<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><defs><linearGradient id="g">
<stop offset="0" stop-color="#f60"/><stop offset="1" stop-color="#06f"/></linearGradient></defs>
<circle cx="16" cy="16" r="14" fill="url(#g)"/><path d="M9 16l5 6 9-12" stroke="#fff" stroke-width="3" fill="none"/>
</svg>"""


@dataclass(frozen=True, slots=True)
class Icons:
    """Milliseconds of processor time a picture, the median of the rounds; overhead is that of their differences."""

    name: str
    served: float
    bare: float
    overhead: float


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    options: str
    bare: Callable[[bytes], bytes]


def _as_it_is(data: bytes) -> bytes:
    saved: bytes = _loaded(data).pngsave_buffer(**_FILTERED)
    return saved


def _half(data: bytes) -> bytes:
    image = _loaded(data)
    format = image.format
    small = image.premultiply().cast(format).resize(0.5).unpremultiply().cast(format)
    saved: bytes = small.pngsave_buffer(**_FILTERED)
    return saved


def _loaded(data: bytes) -> pyvips.Image:
    image: pyvips.Image = pyvips.Image.pngload_buffer(data, access="sequential")
    return image


_CASES: Final = (_Case("32 x 32 as it is", "", _as_it_is), _Case("32 x 32 to 16 x 16", "rs:fit:16:16/", _half))


def measure(folder: Path, *, rounds: int, requests: int) -> Iterator[Icons]:
    """The figures of each case, from rounds of so many requests; server and loop take turns."""
    pyvips.concurrency_set(1)  # type: ignore[attr-defined]  # missing from the stub
    pyvips.cache_set_max(0)
    data: bytes = pyvips.Image.svgload_buffer(_ICON).pngsave_buffer(**_BARE_HEADER)
    for number in range(FILES):
        (folder / f"{number}.png").write_bytes(data)
    variables = {"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(folder), "BILDWERK_PROCESSES": "1"}
    with running_server(folder / "log", variables) as server:
        for case in _CASES:
            paths = [f"/unsafe/{case.options}plain/local:///{number}.png" for number in range(FILES)]
            asyncio.run(_asked(server, paths, FILES * 4))
            seen = [(_served(server, paths, requests), _looped(case, data, requests)) for _ in range(rounds)]
            yield Icons(
                case.name,
                median(served for served, _ in seen),
                median(bare for _, bare in seen),
                median(served - bare for served, bare in seen),
            )


def _served(server: RunningServer, paths: list[str], requests: int) -> float:
    before = server.cpu_seconds()
    asyncio.run(_asked(server, paths, requests))
    return 1000 * (server.cpu_seconds() - before) / requests


def _looped(case: _Case, data: bytes, requests: int) -> float:
    before = time.process_time()
    for _ in range(requests):
        case.bare(data)
    return 1000 * (time.process_time() - before) / requests


async def _asked(server: RunningServer, paths: list[str], requests: int) -> None:
    """Asks for so many pictures, one after the other on each connection."""
    turns = itertools.islice(itertools.cycle(paths), requests)

    async def client() -> None:
        connection = await Connection.open(server.port)
        try:
            for path in turns:
                answer = await connection.get(path)
                if answer.status != 200:
                    raise RuntimeError(f"{path} was answered {answer.status}")
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as clients:
        for _ in range(CONNECTIONS):
            clients.create_task(client())
