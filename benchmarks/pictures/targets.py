"""What a round is given to: a server over HTTP, or the limit, which does the same work without one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from benchmarks.load import accounting
from benchmarks.load.client import Address, Answer
from benchmarks.pictures.load import Failed, Gone, clients, for_seconds
from benchmarks.pictures.measured import Round
from benchmarks.pictures.memory import sampled
from benchmarks.pictures.scenarios import Order, Scenario, Shot

OURS: Final = "bildwerk"
ONE_BY_ONE: Final = "bildwerk, one by one"
LARGER: Final = "bildwerk, larger levels"
LIMIT: Final = "limit"
LIBVIPS: Final = "bare libvips"

_ROUND_SECONDS: Final = 300
_END_SECONDS: Final = 10
_SETTLE_SECONDS: Final = 0.02
_WARMING_CONNECTIONS: Final = 8
_WARMING_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A round of a scenario: which pictures, in which order."""

    scenario: Scenario
    shots: Sequence[Shot]
    number: int


class Target(Protocol):
    """Who answers rounds."""

    @property
    def name(self) -> str:
        """As the report calls it."""

    @property
    def bodies(self) -> dict[Shot, bytes]:
        """One result of each picture that was asked for while it was wanted; stays empty for what shows none."""

    async def warm(self, work: Work) -> float:
        """Does what does not count: codecs get loaded, pages mapped, and what is imported late imported.

        Answers how many pictures it made a second.
        """

    async def answer(self, work: Work, *, keeps_bodies: bool = False) -> Round:
        """Does a round.

        Raises:
            Failed: something was answered that is no picture.
            Gone: it answers no more.
        """


@dataclass(slots=True, kw_only=True)
class Server:
    """A server that answers imgproxy's URLs.

    Attributes:
        pid: the process that it descends from; None where its processes are not on this machine.
        source_prefix: how it names the corpus.
        signed: what stands before a path's options, made of the rest of the path.
        run: a word of this run if something between may have kept answers: no path is then asked for twice.
        is_one_by_one: whether it gets a burst's pictures one after the other.
    """

    name: str
    address: Address
    pid: int | None
    source_prefix: str = "local:///"
    signed: Callable[[str], str] = lambda rest: f"/insecure/{rest}"
    run: str = ""
    is_one_by_one: bool = False
    bodies: dict[Shot, bytes] = field(default_factory=dict)

    async def warm(self, work: Work) -> float:
        """Asks for a second, over so many connections that every process of a server has some of them."""
        paths = for_seconds([self.path(shot, work) for shot in work.shots], _WARMING_SECONDS)
        sizes: list[int] = []
        async with clients(self.address, _WARMING_CONNECTIONS) as opened:
            at_once = min(work.scenario.connections, _WARMING_CONNECTIONS)
            wall = await opened.one_by_one(paths, lambda _, answer: sizes.append(len(answer.body)), at_once=at_once)
        return len(sizes) / wall

    async def answer(self, work: Work, *, keeps_bodies: bool = False) -> Round:
        """Does a round over HTTP."""
        shots = {self.path(shot, work): shot for shot in work.shots}
        paths = [self.path(shot, work) for shot in work.shots]
        latencies: list[float] = []
        sizes: list[int] = []

        def seen(path: str, answer: Answer) -> None:
            latencies.append(answer.seconds)
            sizes.append(len(answer.body))
            if keeps_bodies:
                self.bodies[shots[path]] = answer.body

        is_burst = work.scenario.order is Order.BURST and not self.is_one_by_one
        count = work.scenario.burst if is_burst else 1 if self.is_one_by_one else work.scenario.connections
        async with sampled(self.pid) as samples, clients(self.address, count) as opened:
            before = self.cpu_seconds()
            wall = await (opened.bursts(paths, seen) if is_burst else opened.one_by_one(paths, seen))
            # What a server does after its last answer, as to write a log line, belongs to the round.
            await asyncio.sleep(_SETTLE_SECONDS)
            after = self.cpu_seconds()
        return Round(
            number=work.number,
            pictures=len(paths),
            wall_seconds=wall,
            cpu_seconds=None if before is None or after is None else after - before,
            result_bytes=sum(sizes),
            latencies=tuple(latencies),
            peak_bytes=samples.peak_bytes,
        )

    def path(self, shot: Shot, work: Work) -> str:
        """The path of a picture in a round; with a cachebuster of this run and round where answers may be kept."""
        busted = replace(shot, options=f"{shot.options}/cb:{self.run}{work.number}") if self.run else shot
        return self.kept_path(busted)

    def kept_path(self, shot: Shot) -> str:
        """The path of a picture, the same each time."""
        return self.signed(shot.path(self.source_prefix).removeprefix("/insecure/"))

    def cpu_seconds(self) -> float | None:
        """What its processes have used; None where they cannot be seen."""
        if self.pid is None:
            return None
        try:
            return accounting.cpu_seconds(self.pid)
        except ProcessLookupError as error:
            raise Gone(f"its process {self.pid} has ended") from error


@dataclass(slots=True, kw_only=True)
class Limit:
    """A program that does the work of rounds in a loop, with its sources in memory."""

    name: str
    pid: int
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    log: Path
    variables: Mapping[str, str]
    bodies: dict[Shot, bytes] = field(default_factory=dict)

    async def warm(self, work: Work) -> float:
        """Has it find out what the calls are, and read the sources."""
        return (await self.answer(work)).per_second

    async def answer(self, work: Work, *, keeps_bodies: bool = False) -> Round:  # noqa: ARG002  it shows none
        """Does a round in the program's own threads."""
        shots = [[shot.options, shot.picture.path, shot.format] for shot in work.shots]
        async with sampled(self.pid) as samples:
            try:
                self.stdin.write(json.dumps({"shots": shots, "variables": dict(self.variables)}).encode() + b"\n")
                await self.stdin.drain()
                async with asyncio.timeout(_ROUND_SECONDS):
                    line = await self.stdout.readline()
            except ConnectionError as error:
                raise Gone(f"{self.name} has ended: {self._last_words()}") from error
            except TimeoutError as error:
                raise Gone(f"{self.name} has no answer after {_ROUND_SECONDS} s") from error
        if not line:
            raise Gone(f"{self.name} has ended: {self._last_words()}")
        return self._round(json.loads(line), work.number, samples.peak_bytes)

    def _round(self, told: dict[str, float], number: int, peak_bytes: int | None) -> Round:
        if not told.get("pictures"):
            raise Failed(f"{self.name} answers {told}")
        return Round(
            number=number,
            pictures=int(told["pictures"]),
            wall_seconds=told["seconds"],
            cpu_seconds=told["cpu_seconds"],
            result_bytes=int(told["bytes"]),
            peak_bytes=peak_bytes,
        )

    def _last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-500:].strip()


@asynccontextmanager
async def limit(
    name: str,
    corpus: Path,
    log: Path,
    *,
    operations: str,
    threads: int,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
) -> AsyncIterator[Limit]:
    """Starts the program for `plan` (the operations of our plan) or `imgproxy`; it is gone when the block ends.

    Its environment is this process's, and what `environment` adds.
    """
    program = ["-m", "benchmarks.pictures.limit", str(corpus), "--threads", str(threads), "--operations", operations]
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **environment},
        )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("asyncio gave no pipes")  # for the types: they were asked for
    try:
        yield Limit(
            name=name,
            pid=process.pid,
            stdin=process.stdin,
            stdout=process.stdout,
            log=log,
            variables=variables,
        )
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
