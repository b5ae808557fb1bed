"""Cached hits from memory, held against bare aiohttp servers that send the same bytes and headers.

One process each, the access log on, wrk with one thread as the client. Requests a second and processor time a request;
the servers take turns, and what counts is the ratio of each round.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import pyvips

from benchmarks.load import accounting
from benchmarks.load.client import Address, Answer, Connection
from benchmarks.load.server import running_server
from benchmarks.pictures import wrk
from scripts.ports import free_port

CONNECTIONS: Final = 4
LEAST_BYTES: Final = 30_000
BARE: Final = ("application", "low-level")
_PATH: Final = "/unsafe/q:80/plain/local:///noise.png@jpg"
_OWN_HEADERS: Final = frozenset({"content-length", "date", "connection"})
"""What aiohttp adds by itself."""

_START_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Hits:
    """Ours against one bare server: medians over the rounds of requests a second, CPU in µs a request, and ratios."""

    bare: str
    our_rate: float
    bare_rate: float
    our_cpu: float
    bare_cpu: float
    rate_ratio: float
    cpu_ratio: float


@dataclass(frozen=True, slots=True)
class _Round:
    rate: float
    cpu: float


def measure(folder: Path, *, rounds: int, seconds: float) -> Iterator[Hits]:
    """The figures against each bare server.

    Raises:
        RuntimeError: wrk is not installed, or the answers are no hits.
    """
    _draw(folder)
    variables = {
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(folder),
        "BILDWERK_PROCESSES": "1",
        "BILDWERK_RESULTS_MEMORY_BYTES": "100000000",
        "BILDWERK_RESULTS_MEMORY_SECONDS": "3600",
    }
    with ExitStack() as stack:
        server = stack.enter_context(running_server(folder / "log", variables))
        answer = asyncio.run(_warmed(server.port))
        places = {"ours": (server.port, server.process.pid)}
        for kind in BARE:
            places[kind] = stack.enter_context(_bare(kind, answer, folder))
        seen: dict[str, list[_Round]] = {name: [] for name in places}
        for _ in range(rounds):
            for name, (port, pid) in places.items():
                seen[name].append(_round(port, pid, seconds))
    for kind in BARE:
        yield _compared(kind, seen["ours"], seen[kind])


def _draw(folder: Path) -> None:
    """A picture whose result has `LEAST_BYTES` and few more."""
    side = 64
    while len(_noise(side).jpegsave_buffer(Q=80)) < LEAST_BYTES:
        side += 4
    _noise(side).pngsave(str(folder / "noise.png"))


def _noise(side: int) -> pyvips.Image:
    red, green, blue = (pyvips.Image.gaussnoise(side, side, mean=128, sigma=40, seed=seed) for seed in (1, 2, 3))
    image: pyvips.Image = red.bandjoin(green).bandjoin(blue).cast("uchar").copy(interpretation="srgb")
    return image


async def _warmed(port: int) -> Answer:
    """A hit, as the second answer has to be."""
    connection = await Connection.open(port)
    try:
        for _ in range(3):
            answer = await connection.get(_PATH)
    finally:
        await connection.close()
    if answer.headers.get("x-cache") != "hit-memory":
        raise RuntimeError(f"no hit: {answer.status}, X-Cache {answer.headers.get('x-cache')}")
    return answer


@contextmanager
def _bare(kind: str, answer: Answer, folder: Path) -> Iterator[tuple[int, int]]:
    """A bare server with our answer: its port and its process."""
    body, headers, port = folder / "body", folder / "headers.json", free_port()
    body.write_bytes(answer.body)
    sent = {name: text for name, text in answer.headers.items() if name not in _OWN_HEADERS}
    headers.write_text(json.dumps(sent), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.overhead.bare", kind, str(port), str(body), str(headers)]
    process = subprocess.Popen(command)  # noqa: S603  our own command
    try:
        _wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while accounting.listener(port) is None:
        if time.monotonic() > end:
            raise RuntimeError("the bare server did not start")
        time.sleep(0.02)


def _round(port: int, pid: int, seconds: float) -> _Round:
    before = accounting.cpu_seconds(pid)
    told = asyncio.run(wrk.run(Address(host="127.0.0.1", port=port), _PATH, CONNECTIONS, seconds))
    cpu = accounting.cpu_seconds(pid) - before
    return _Round(rate=told["requests"] / told["microseconds"] * 1e6, cpu=1e6 * cpu / told["requests"])


def _compared(kind: str, ours: list[_Round], bare: list[_Round]) -> Hits:
    pairs = list(zip(ours, bare, strict=True))
    return Hits(
        kind,
        median(one.rate for one in ours),
        median(one.rate for one in bare),
        median(one.cpu for one in ours),
        median(one.cpu for one in bare),
        median(one.rate / other.rate for one, other in pairs),
        median(other.cpu / one.cpu for one, other in pairs),
    )
