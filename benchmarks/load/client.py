"""A client that hides nothing: it neither retries nor reconnects by itself, and a cut answer is an error."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final, Self

MAX_LINE_BYTES: Final = 65_536


class Cut(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; `seconds` from the first byte sent to the last byte received. Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)
    seconds: float

    @property
    def is_last(self) -> bool:
        """Whether the server ends the connection with it."""
        return self.headers.get("connection", "").lower() == "close"


class Connection:
    """One connection to a server on this machine; requests one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connects; raises OSError when nobody listens."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=MAX_LINE_BYTES))

    async def get(self, path: str, **headers: str) -> Answer:
        """Sends a request and receives the whole answer.

        Raises:
            Cut: the connection ended before the answer did.
        """
        started = time.perf_counter()
        await self.send(path, **headers)
        return await self.receive(started)

    async def send(self, path: str, **headers: str) -> None:
        """Sends a request and leaves the answer for later."""
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{name}: {text}" for name, text in headers.items())]
        try:
            self._writer.write("\r\n".join([*lines, "", ""]).encode())
            await self._writer.drain()
        except ConnectionError as error:
            raise Cut(f"{path}: {error}") from error

    async def receive(self, started: float | None = None) -> Answer:
        """The next answer, with its seconds since `started` on the clock of `time.perf_counter`, or since now."""
        started = time.perf_counter() if started is None else started
        try:
            status, received = await self._head()
            body = await self._reader.readexactly(int(received.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Cut(f"the answer ends early: {error}") from error
        return Answer(status=status, headers=received, body=body, seconds=time.perf_counter() - started)

    async def _head(self) -> tuple[int, dict[str, str]]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split(" ", 2)[1]), {name.lower(): text.strip() for name, _, text in pairs}

    async def close(self) -> None:
        """Ends the connection."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return


@dataclass(slots=True)
class Tally:
    """What clients have seen: seconds by status, answers that were cut, connections that were refused."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    refused: int = 0

    def add(self, answer: Answer) -> None:
        """Counts an answer."""
        self.seconds.setdefault(answer.status, []).append(answer.seconds)

    def count(self, status: int) -> int:
        """How many answers had this status."""
        return len(self.seconds.get(status, ()))

    @property
    def total(self) -> int:
        """How many answers there were."""
        return sum(map(len, self.seconds.values()))

    def percentile(self, status: int, share: float) -> float:
        """The seconds that this share of the answers with a status stayed below; 0 without any."""
        ordered = sorted(self.seconds.get(status, [0.0]))
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def keep_asking(port: int, paths: list[str], until: asyncio.Event, tally: Tally, *, offset: int = 0) -> None:
    """Asks for one path after the other on one connection, a new one where the server ends it, until told to stop."""
    turn = offset
    while not until.is_set():
        try:
            connection = await Connection.open(port)
        except OSError:
            tally.refused += 1
            await asyncio.sleep(0.01)
            continue
        try:
            while not until.is_set():
                answer = await connection.get(paths[turn % len(paths)])
                tally.add(answer)
                turn += 1
                if answer.status == 429:
                    # A client that is refused comes back, but not in the same instant.
                    await asyncio.sleep(0.05)
                if answer.is_last:
                    break
        except Cut as error:
            tally.cut.append(str(error))
        finally:
            await connection.close()
