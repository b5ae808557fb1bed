"""Targets sent to two servers beside each other, and their answers compared.

Only GET is sent, redirects are answers like any other and are not followed, and no cookie is kept: what is replayed
changes nothing and goes nowhere else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from bildwerk.comparison import Answer, Comparison, Tolerances, differences
from renderer.version import VERSION

MAX_BODY_BYTES: Final = 67_108_864
"""Of one answer; four times the largest picture that a page would show."""

MAX_HEADER_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Whom to ask and how.

    Attributes:
        own: what is put before a target to reach our server: scheme, host, and a path if there is one.
        other: the same for the server that ours is compared with.
        headers: sent to both.
        accepts: values of `Accept` that each target is asked for with; blank is anything.
        concurrency: targets at the same time.
        timeout_seconds: for one answer.
        tolerances: what is still alike.
    """

    own: str
    other: str
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts: tuple[str, ...] = ("",)
    concurrency: int = 4
    timeout_seconds: float = 60.0
    tolerances: Tolerances = field(default_factory=Tolerances)


async def replayed(targets: Iterable[str], replay: Replay) -> AsyncGenerator[Comparison, None]:
    """The comparisons, in the order in which they are ready; at no time are more under way than wanted."""
    jobs = itertools.product(targets, replay.accepts)
    running: set[asyncio.Task[Comparison]] = set()
    async with _session(replay) as session:
        try:
            for target, accept in jobs:
                running.add(asyncio.create_task(_compared(session, target, accept, replay)))
                while len(running) >= replay.concurrency:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        yield task.result()
            for ready in asyncio.as_completed(running):
                yield await ready
        finally:
            for unfinished in running:
                unfinished.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _session(replay: Replay) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=2 * replay.concurrency),
        headers={"User-Agent": f"bildwerk-compare/{VERSION}", "Accept-Encoding": "identity", **replay.headers},
        timeout=aiohttp.ClientTimeout(total=replay.timeout_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
    )


async def _compared(session: aiohttp.ClientSession, target: str, accept: str, replay: Replay) -> Comparison:
    own, other = await asyncio.gather(
        _answer(session, replay.own + target, accept), _answer(session, replay.other + target, accept)
    )
    found, pixels = await asyncio.to_thread(differences, own, other, replay.tolerances)
    return Comparison(
        target=target,
        accept=accept,
        own=_without_body(own),
        other=_without_body(other),
        is_identical=not found and own.body == other.body,
        differences=tuple(found),
        pixels=pixels,
    )


async def _answer(session: aiohttp.ClientSession, url: str, accept: str) -> Answer:
    started = time.monotonic()
    try:
        # The target goes out as the log has it: another spelling would not fit the signature.
        address = URL(url, encoded=True)
        headers = {"Accept": accept} if accept else {}
        async with session.get(address, headers=headers, allow_redirects=False) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return Answer(problem=f"a body of more than {MAX_BODY_BYTES:,} bytes")
    except TimeoutError:
        return Answer(problem="no answer in time")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answer(problem=f"{type(error).__name__}: {error}")
    # A header that comes several times means what one with all values would.
    lines = {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}
    seconds = time.monotonic() - started
    return Answer(status=response.status, headers=lines, body=bytes(body), length=len(body), seconds=seconds)


def _without_body(answer: Answer) -> Answer:
    return dataclasses.replace(answer, body=b"")
