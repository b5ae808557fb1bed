"""`bildwerk compare` as a process between two servers: this one under two sorts of settings, or small ones that lie."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pyvips
from aiohttp import web

from renderer.settings.load import load_settings
from tests.servers.bildwerk import serving

Serve = Callable[[web.Application], Awaitable[str]]
Start = Callable[..., Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of `--json`, by URL."""
        return sorted(map(json.loads, self.out.splitlines()), key=lambda record: (record["url"], record["accept"]))


async def compare(*arguments: str, log: str, **variables: str) -> Ended:
    """Runs the command with a log on stdin."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMGPROXY_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bildwerk.main", "compare", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment | variables,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(log.encode()), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves applications; gives their addresses."""
    runners: list[web.AppRunner] = []

    async def serve_one(app: web.Application) -> str:
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve_one
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts this server over a folder with two pictures."""
    places = pyvips.Image.xyz(300, 200)
    image = (places[0] * 0.8).bandjoin([places[1], 60]).cast("uchar").copy(interpretation="srgb")
    image.write_to_file(str(tmp_path / "a.jpg"))
    image.write_to_file(str(tmp_path / "b c.png"))

    async def start_one(**variables: str) -> str:
        settings = load_settings({"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(tmp_path), **variables})
        return await stack.enter_async_context(serving(settings))

    async with AsyncExitStack() as stack:
        yield start_one


LOG = """\
# a comment
/unsafe/rs:fit:100:100/plain/local:///a.jpg
2026-11-23 13:14:07 [INF] Started /unsafe/w:50/plain/local:///b%20c.png@webp request_id=a method=GET
2026-11-23 13:14:07 [INF] Completed in 4ms /unsafe/w:50/plain/local:///b%20c.png@webp request_id=a method=GET status=200
1.2.3.4 - - [23/Nov/2026:13:14:07 +0000] "GET /unsafe/w:50/plain/local:///none.png HTTP/1.1" 404 9 "-" "-"
"GET /health HTTP/1.1"
"""


async def test_a_server_is_like_itself(start: Start) -> None:
    """To the byte, and also where it refuses."""
    ended = await compare("--with", await start(), "--own", own := await start(), log=LOG)

    assert (ended.status, ended.err) == (0, "")
    lines = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    assert lines[0] == ["own", own]
    assert lines[2:5] == [
        ["compared", "3 pairs of answers, 3 URLs"],
        ["alike", "3, 3 of them to the byte"],
        ["different", "0"],
    ]
    assert " ".join(lines[-1][1].split()) == "over 1 lines that tell of no picture"


async def test_other_settings_show_as_differences(start: Start) -> None:
    """Of headers, weight and pixels; the text names each URL and ends with a summary."""
    other = await start(IMGPROXY_TTL="60", IMGPROXY_QUALITY="10", IMGPROXY_AUTO_WEBP="true")
    arguments = ("--with", other, "--own", await start(), "--accept", "image/webp", "--accept", "*/*")

    ended = await compare(*arguments, log="/unsafe/w:200/plain/local:///a.jpg\n")

    first, second, summary = sorted(ended.out.split("\n\n"), key=lambda block: (block.startswith("own"), block))
    first, second, summary = (" ".join(block.split()) for block in (first, second, summary))
    assert ended.status == 1
    assert first.startswith("/unsafe/w:200/plain/local:///a.jpg Accept: */* own other ")
    assert " Cache-Control max-age=31536000, public max-age=60, public Vary none Accept size " in first
    assert " pixels differ by " in first
    assert " Content-Type image/jpeg image/webp " in second
    assert "compared 2 pairs of answers, 1 URL alike 0, 0 of them to the byte different 2" in summary
    assert " Cache-Control 2 " in summary


async def test_json_tells_of_every_pair(start: Start) -> None:
    """A line for each; the summary goes to stderr."""
    arguments = ("--with", await start(IMGPROXY_QUALITY="79"), "--own", await start(), "--json")

    ended = await compare(*arguments, log="/unsafe/w:200/plain/local:///a.jpg\n/unsafe/w:1/plain/local:///no.jpg")

    missing, picture = ended.records
    assert ended.status == 0
    assert missing["identical"]
    assert missing["own"]["status"] == missing["other"]["status"] == 404
    assert picture["alike"]
    assert not picture["identical"]
    assert picture["differences"] == []
    assert 0 < picture["pixels"]["mean"] < picture["pixels"]["worst_block"] < 24
    assert picture["own"]["bytes"] != picture["other"]["bytes"]
    assert ended.err.startswith("own ")


async def test_a_header_goes_to_both(start: Start) -> None:
    """For instance a secret; without it both refuse alike."""
    servers = ("--with", await start(IMGPROXY_SECRET="s"), "--own", await start(IMGPROXY_SECRET="s"), "--json")

    refused = await compare(*servers, log="/unsafe/w:9/plain/local:///a.jpg")
    let_in = await compare(*servers, "--header", "Authorization: Bearer s", log="/unsafe/w:9/plain/local:///a.jpg")

    assert [ended.records[0]["own"]["status"] for ended in (refused, let_in)] == [403, 200]


async def test_only_get_is_sent_and_redirects_are_not_followed(serve: Serve) -> None:
    """The target goes out as the log has it."""
    seen: list[tuple[str, str, str]] = []

    async def redirect(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, request.headers.get("Cookie", "")))
        return web.Response(status=302, headers={"Location": f"/{len(seen)}", "Set-Cookie": "a=b"})

    app = web.Application()
    app.router.add_route("*", "/{target:.*}", redirect)
    address = await serve(app)
    targets = ["/s/w:1/plain/local:///../a%2Fb/./%C3%BC@png?x=%41", "/s//plain/http://o.test//a"]

    ended = await compare("--with", f"{address}/prefix/", "--own", address, "--json", log="\n".join(targets))

    assert ended.status == 1
    assert all([difference["what"] for difference in record["differences"]] == ["Location"] for record in ended.records)
    wanted = [prefix + target for prefix in ("", "/prefix") for target in targets]
    assert sorted(seen) == sorted(("GET", target, "") for target in wanted)


async def test_a_server_that_breaks_off_is_a_difference(serve: Serve, start: Start) -> None:
    """As long as it answers at all."""

    async def lie(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        if "one" in request.path:
            await response.prepare(request)
            await response.write(b"a")
            assert request.transport is not None
            request.transport.abort()
        return response if "one" in request.path else web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{target:.*}", lie)

    arguments = ("--with", await serve(app), "--own", await start(), "--json")
    ended = await compare(*arguments, log="/unsafe/plain/local:///one\n/unsafe/plain/local:///two")

    assert ended.status == 1
    assert "ClientPayloadError" in ended.records[0]["other"]["problem"]
    assert "\nnot answered    1\n" in ended.err


async def test_a_dead_server_makes_it_unusable(start: Start) -> None:
    """Soon: a long log is not asked for to its end."""
    log = "\n".join(f"/unsafe/w:{number}/plain/local:///a.jpg" for number in range(1, 500))

    ended = await compare("--with", "http://127.0.0.1:1", "--own", await start(), "--json", log=log)

    assert ended.status == 2
    assert ended.err == "bildwerk compare: no answer from http://127.0.0.1:1\n"
    assert len(ended.records) == 10


@pytest.mark.parametrize(
    ("arguments", "log", "problem"),
    [
        ((), "nothing\n/health\n", "names no picture (2 lines tell of none)"),
        ((), "", "names no picture (0 lines tell of none)"),
        (("--own", "ftp://a"), "", "argument --own: expected http://host:port, got 'ftp://a'"),
        (("--header", "topsecret"), "", "argument --header: expected `Name: value`"),
        (("--header", "A: b\r\nC: topsecret"), "", "argument --header: expected `Name: value`"),
        (("--limit", "0"), "", "argument --limit: expected a number from 1, got '0'"),
        (("--sample", "2"), "", "argument --sample: expected a number from 0 to 1, got '2'"),
        (("--tolerance", "nan"), "", "argument --tolerance: expected a number from 0 to 255, got 'nan'"),
    ],
)
async def test_wrong_usage_is_told(arguments: tuple[str, ...], log: str, problem: str) -> None:
    """With the status of what is unusable, and no secret."""
    ended = await compare("--with", "http://127.0.0.1:1", *arguments, log=log)

    assert (ended.status, ended.out) == (2, "")
    assert problem in ended.err
    assert "topsecret" not in ended.err


async def test_our_server_is_where_the_settings_say(start: Start) -> None:
    """Unless they say nothing that can be reached."""
    address = (await start()).removeprefix("http://")

    found = await compare("--with", f"http://{address}", log=LOG, IMGPROXY_BIND=address)
    lost = await compare("--with", f"http://{address}", log=LOG, IMGPROXY_BIND="nowhere")

    assert (found.status, found.out.split()[1]) == (0, f"http://{address}")
    assert (lost.status, lost.err) == (
        2,
        "bildwerk compare: IMGPROXY_BIND: expected host:port, got 'nowhere'; or say --own URL\n",
    )


async def test_a_limit_and_a_sample_choose_urls(start: Start) -> None:
    """The sample is the same in every run."""
    address = await start()
    log = "\n".join(f"/unsafe/w:{number}/plain/local:///no.jpg" for number in range(1, 200))
    arguments = ("--with", address, "--own", address, "--json")

    limited = await compare(*arguments, "--limit", "3", log=log)
    samples = [await compare(*arguments, "--sample", "0.1", log=log) for _ in range(2)]

    assert {record["url"].split("/")[2] for record in limited.records} == {"w:1", "w:2", "w:3"}
    assert "\nleft out      what comes after the first --limit URLs\n" in limited.err
    urls = [[record["url"] for record in sample.records] for sample in samples]
    assert urls[0] == urls[1]
    assert 5 < len(urls[0]) < 40


async def test_a_progress_bar_shows_how_far_it_is(start: Start) -> None:
    """On stderr."""
    address = await start()

    ended = await compare("--with", address, "--own", address, "--progress", log=LOG)

    assert "0/3" in ended.err
    assert ended.status == 0
