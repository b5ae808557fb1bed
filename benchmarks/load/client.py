"""A client that hides nothing: it neither retries nor reconnects by itself, and a cut answer is an error."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is, and the path that all its paths begin with."""

    host: str
    port: int
    is_tls: bool = False
    name: str = "localhost"
    prefix: str = ""

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The address in a URL like `http://127.0.0.1:8080` or `https://images.example.com/prefix`.

        Raises:
            ValueError: it is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
            raise ValueError(f"{url} is not the address of a web server")
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        return cls(host=parts.hostname, port=port, is_tls=is_tls, name=parts.netloc, prefix=parts.path.rstrip("/"))


class Connection:
    """One connection to a server; requests one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address) -> None:
        self._reader = reader
        self._writer = writer
        self._address = address

    @classmethod
    async def open(cls, place: int | Address) -> Self:
        """Connects to a port of this machine, or to any machine; raises OSError when nobody listens."""
        address = Address(host="127.0.0.1", port=place) if isinstance(place, int) else place
        context = ssl.create_default_context() if address.is_tls else None
        streams = await asyncio.open_connection(address.host, address.port, limit=MAX_LINE_BYTES, ssl=context)
        return cls(*streams, address)

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
        fields = (f"{name}: {text}" for name, text in headers.items())
        lines = [f"GET {self._address.prefix}{path} HTTP/1.1", f"Host: {self._address.name}", *fields]
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
            body = await self._body(received)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Cut(f"the answer ends early: {error}") from error
        return Answer(status=status, headers=received, body=body, seconds=time.perf_counter() - started)

    async def _head(self) -> tuple[int, dict[str, str]]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split(" ", 2)[1]), {name.lower(): text.strip() for name, _, text in pairs}

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        """By length or in chunks (RFC 9112, section 6.3); nobody here answers with neither and a body."""
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", "0")))
        chunks = []
        while size := int((await self._reader.readline()).partition(b";")[0] or b"0", 16):
            chunks.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return b"".join(chunks)

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


async def keep_asking(
    place: int | Address, paths: list[str], until: asyncio.Event, tally: Tally, *, offset: int = 0
) -> None:
    """Asks for one path after the other on one connection, a new one where the server ends it, until told to stop."""
    turn = offset
    while not until.is_set():
        try:
            connection = await Connection.open(place)
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
