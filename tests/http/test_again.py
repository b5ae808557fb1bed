"""A URL that comes again gets the same answer, whatever of it is at hand by then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

Started = Callable[..., Awaitable[str]]
TARGET = "/unsafe/w:10/plain/local:///a.png"
TIMES = 4
"""The head of the first answer is kept for the others."""

_VARYING = ("x-request-id", "date", "x-cache")


async def answers(address: str, *requests: str) -> list[tuple[str, dict[str, str], bytes]]:
    """Status line, headers and body of the answers to requests on one connection."""
    reader, writer = await asyncio.open_connection(*address.removeprefix("http://").split(":"))
    found = []
    try:
        async with asyncio.timeout(20):
            for request in requests:
                writer.write(request.encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in head[1:] if line)}
                length = 0 if request.startswith("HEAD") else int(headers.get("content-length", "0"))
                found.append((head[0], headers, await reader.readexactly(length)))
    finally:
        writer.close()
    return found


def get(*lines: str, target: str = TARGET, method: str = "GET", version: str = "1.1") -> str:
    """A request."""
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: localhost", *lines, "", ""])


def lasting(headers: dict[str, str]) -> dict[str, str]:
    """The headers that have to be the same each time."""
    return {name: text for name, text in headers.items() if name not in _VARYING}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"IMGPROXY_TTL": "5"},
        {"IMGPROXY_ALLOW_ORIGIN": "https://example.com"},
        {"IMGPROXY_ENABLE_DEBUG_HEADERS": "1"},
        {"IMGPROXY_CACHE_CONTROL_PASSTHROUGH": "1"},
        {"IMGPROXY_SET_CANONICAL_HEADER": "1", "IMGPROXY_AUTO_WEBP": "1"},
        {"IMGPROXY_CUSTOM_RESPONSE_HEADERS": "X-One=1;Date=never"},
        {"IMGPROXY_KEEP_ALIVE_TIMEOUT": "10"},
    ],
)
async def test_each_time_the_answer_is_the_same(start: Started, variables: dict[str, str]) -> None:
    address = await start(**variables)

    first, *others = await answers(address, *[get()] * TIMES)

    for status, headers, body in others:
        changing = {"server-timing"} & headers.keys()
        assert (status, body) == (first[0], first[2])
        assert {name: text for name, text in lasting(headers).items() if name not in changing} == {
            name: text for name, text in lasting(first[1]).items() if name not in changing
        }
        assert headers.keys() == first[1].keys()


async def test_each_answer_has_a_name_and_a_date_of_its_own(start: Started) -> None:
    address = await start()

    found = await answers(address, *[get()] * TIMES, get("X-Request-ID: mine"))

    names = [headers["x-request-id"] for _, headers, _ in found]
    assert len(set(names)) == len(names)
    assert names[-1] == "mine"
    assert all(headers["date"].endswith(" GMT") for _, headers, _ in found)


async def test_head_gets_what_get_gets(start: Started) -> None:
    """Also when the answer to GET is at hand."""
    address = await start()

    *_, last, head = await answers(address, *[get()] * TIMES, get(method="HEAD"))

    assert lasting(head[1]) == lasting(last[1])


async def test_a_connection_that_is_to_end_is_told_so(start: Started) -> None:
    address = await start()

    *_, last = await answers(address, *[get()] * TIMES, get("Connection: close"))

    assert last[1]["connection"] == "close"


async def test_an_old_client_is_told_that_the_connection_goes_on(start: Started) -> None:
    """HTTP/1.0 knows no connection that goes on without a word."""
    address = await start()

    *_, last = await answers(address, *[get()] * TIMES, get("Connection: keep-alive", version="1.0"))

    assert last[0].startswith("HTTP/1.0 200")
    assert last[1]["connection"] == "keep-alive"


async def test_a_source_that_has_changed_has_another_answer(start: Started, pictures: Path) -> None:
    address = await start()
    before = (await answers(address, *[get()] * TIMES))[-1]

    os.utime(pictures / "a.png", (0, 86_400))
    after = (await answers(address, get()))[0]

    assert after[1]["etag"] != before[1]["etag"]
    assert after[1]["last-modified"] == "Fri, 02 Jan 1970 00:00:00 GMT"


async def test_a_client_that_has_it_is_told_so_each_time(start: Started) -> None:
    address = await start()
    etag = (await answers(address, *[get()] * TIMES))[-1][1]["etag"]

    found = await answers(address, *[get(f"If-None-Match: {etag}")] * TIMES)

    assert {status for status, _, _ in found} == {"HTTP/1.1 304 Not Modified"}


async def test_a_url_that_expires_does(start: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not remembered as one that may be answered."""
    now = 1_900_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    address = await start()
    target = f"/unsafe/exp:{int(now) + 10}/plain/local:///a.png"
    found = await answers(address, *[get(target=target)] * TIMES)
    assert {status for status, _, _ in found} == {"HTTP/1.1 200 OK"}

    now += 20
    found = await answers(address, get(target=target))

    assert found[0][0] == "HTTP/1.1 404 Not Found"


async def test_a_wrong_signature_is_refused_after_a_right_one(start: Started) -> None:
    """What is remembered is the whole target, signature and all."""
    variables = {"IMGPROXY_KEY": "aa", "IMGPROXY_SALT": "bb", "IMGPROXY_TRUSTED_SIGNATURES": "trusted"}
    address = await start(**variables)
    await answers(address, *[get(target=TARGET.replace("unsafe", "trusted"))] * TIMES)

    found = await answers(address, get())

    assert found[0][0] == "HTTP/1.1 403 Forbidden"
