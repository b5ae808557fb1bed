"""Fetches sources where every address is this machine: run by test_addresses.py in a network namespace of its own.

It reads a JSON list of `[host, switches]` from stdin, fetches each host from an origin that listens on all addresses,
and writes one word for each: `reached`, `forbidden`, or `failed` for what was dialled and cannot be a TCP peer.
"""

from __future__ import annotations

import asyncio
import json
import sys

from renderer.errors import SourceAddressForbidden, SourceError
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import open_sources

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"


async def main() -> None:
    """Reads, fetches, writes."""
    server = await asyncio.start_server(_answer, ["0.0.0.0", "::"], 8080)  # noqa: S104  nobody else is in here
    outcomes = [await outcome(host, switches) for host, switches in json.load(sys.stdin)]
    server.close()
    json.dump(outcomes, sys.stdout)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_ANSWER)
    await writer.drain()
    writer.close()


async def outcome(host: str, switches: dict[str, bool]) -> str:
    """What becomes of a fetch under these switches."""
    sources = open_sources(SourceSettings(**switches), check_source=lambda _: None)
    try:
        await sources.fetch(f"http://{host}:8080/")
    except SourceAddressForbidden:
        return "forbidden"
    except SourceError:
        return "failed"
    finally:
        await sources.close()
    return "reached"


if __name__ == "__main__":
    asyncio.run(main())
