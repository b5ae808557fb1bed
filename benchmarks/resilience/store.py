"""An S3 server that stops, says nothing, sends slowly and breaks off, each for a while, under two servers of ours.

One of them has a fallback picture. Every picture that is served is held against the one that was served while all was
well. A body that breaks off is 422 and not 5xx, as with imgproxy (spec 03 section 2.12), and no fallback picture covers
it; a raw answer whose body breaks off has begun already, so all that can tell its client is a connection that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.load.proxy import TroubleProxy, trouble_proxy
from benchmarks.load.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server, running, writer
from benchmarks.load.server import running_server
from benchmarks.resilience.figures import Figure
from benchmarks.resilience.site import PHOTOS, Site
from benchmarks.resilience.watch import CUT, HUNG, Seen, Watch

TROUBLE_SECONDS: Final = 10
DOWNLOAD_SECONDS: Final = 3
MARGIN_SECONDS: Final = 2
RECOVERY_SECONDS: Final = 2
"""`BILDWERK_ORIGIN_MAX_PAUSE` is 1 s by default; one more to ask and to render."""

CLIENTS: Final = 6
FALLBACK_STATUS: Final = 203
PIECE_SECONDS: Final = 0.1
"""For 16 KB: the largest picture, of 500 KB, does not come in time then, the others do."""

_BUCKET: Final = "pictures"
_RENDERED: Final = tuple(
    f"/unsafe/rs:fit:{width}:{width}/plain/s3://{_BUCKET}/{name}{format}"
    for name in (*PHOTOS, "logo.png")
    for width, format in ((240, ""), (320, "@webp"))
)
_RAW: Final = tuple(f"/unsafe/raw:1/plain/s3://{_BUCKET}/{name}" for name in PHOTOS)
_PATHS: Final = (*_RENDERED, *_RAW)

Act = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """What goes wrong, and the statuses that may come of it where there is no fallback picture."""

    name: str
    begin: Act
    end: Act
    statuses: frozenset[int]


async def store(site: Site) -> list[Figure]:
    """Each trouble in turn, with the same servers: nothing is restarted but the store."""
    folder = site.folder / "s3"
    folder.mkdir()
    figures: list[Figure] = []
    with running(folder) as server:
        _fill(server, site)
        async with trouble_proxy(server.port) as proxy:
            variables = _variables(site, proxy)
            fallback = {
                "IMGPROXY_FALLBACK_IMAGE_PATH": str(site.pictures / "shapes.webp"),
                "IMGPROXY_FALLBACK_IMAGE_HTTP_CODE": str(FALLBACK_STATUS),
            }
            with (
                running_server(site.folder / "store.log", variables) as plain,
                running_server(site.folder / "store-fallback.log", variables | fallback) as covered,
            ):
                watches = (Watch(server=plain, paths=_PATHS), Watch(server=covered, paths=_PATHS))
                for watch in watches:
                    await watch.learn()
                for trouble in _troubles(server, proxy):
                    figures += await _phase(trouble, watches)
                figures.append(_whole(server, watches))
    return figures


def _variables(site: Site, proxy: TroubleProxy) -> dict[str, str]:
    return site.variables(
        BILDWERK_PROCESSES="2",
        IMGPROXY_LOG_LEVEL="warn",
        IMGPROXY_DOWNLOAD_TIMEOUT=str(DOWNLOAD_SECONDS),
        IMGPROXY_USE_S3="true",
        IMGPROXY_S3_REGION=REGION,
        IMGPROXY_S3_ENDPOINT=f"http://127.0.0.1:{proxy.port}",
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
        # Nothing of this machine's own account or proxies.
        AWS_CONFIG_FILE=str(site.folder / "no-config"),
        AWS_SHARED_CREDENTIALS_FILE=str(site.folder / "no-credentials"),
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1",
    )


def _fill(server: S3Server, site: Site) -> None:
    with contextlib.closing(writer(server)) as client:
        client.create_bucket(Bucket=_BUCKET)
        for name in (*PHOTOS, "logo.png"):
            client.put_object(Bucket=_BUCKET, Key=name, Body=site.pictures.joinpath(name).read_bytes())


def _troubles(server: S3Server, proxy: TroubleProxy) -> Sequence[_Trouble]:
    async def vanish() -> None:
        await asyncio.to_thread(server.stop)
        await proxy.refuse()

    async def appear() -> None:
        await asyncio.to_thread(server.start)
        await proxy.listen()

    async def set_piece_seconds(seconds: float) -> None:
        proxy.piece_seconds = seconds

    async def set_cut(size: int | None) -> None:
        proxy.cut_after_bytes = size

    async def silence() -> None:
        proxy.answers.clear()

    async def speak() -> None:
        proxy.answers.set()

    return (
        _Trouble(name="stopped", begin=vanish, end=appear, statuses=frozenset({502, 503, 504})),
        _Trouble(
            name="gone behind a balancer",
            begin=lambda: asyncio.to_thread(server.stop),
            end=lambda: asyncio.to_thread(server.start),
            statuses=frozenset({502, 503, 504}),
        ),
        _Trouble(name="silent", begin=silence, end=speak, statuses=frozenset({502, 503, 504})),
        _Trouble(
            name="slow",
            begin=lambda: set_piece_seconds(PIECE_SECONDS),
            end=lambda: set_piece_seconds(0),
            statuses=frozenset({200, 502, 503, 504}),
        ),
        _Trouble(
            name="cutting bodies",
            begin=lambda: set_cut(12_000),
            end=lambda: set_cut(None),
            statuses=frozenset({200, 422, 502, 503, 504}),
        ),
    )


async def _phase(trouble: _Trouble, watches: Sequence[Watch]) -> list[Figure]:
    """Clients before, during and after one trouble."""
    marks = [len(watch.seen) for watch in watches]
    async with _asking(watches):
        await asyncio.sleep(1)
        await trouble.begin()
        began = time.monotonic()
        await asyncio.sleep(TROUBLE_SECONDS)
        await trouble.end()
        ended = time.monotonic()
        await asyncio.sleep(2 * RECOVERY_SECONDS)
    scenario = f"store {trouble.name}"
    # Of each server; raw answers are judged at the end.
    seen = [
        [one for one in watch.seen[mark:] if one.path not in _RAW] for watch, mark in zip(watches, marks, strict=True)
    ]
    during = [[one for one in part if began <= one.asked and one.answered <= ended] for part in seen]
    after = [[one for one in part if one.asked >= ended] for part in seen]
    return [
        _during(trouble, scenario, during),
        _longest(scenario, [one for part in seen for one in part]),
        _recovery(scenario, after, ended),
    ]


@contextlib.asynccontextmanager
async def _asking(watches: Sequence[Watch]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = []
    for watch in watches:
        tasks += [asyncio.create_task(watch.ask(_RENDERED, stop, offset=number)) for number in range(CLIENTS)]
        tasks.append(asyncio.create_task(watch.ask(_RAW, stop, offset=0)))
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


def _during(trouble: _Trouble, scenario: str, seen: Sequence[Sequence[Seen]]) -> Figure:
    bare, covered = ({one.status for one in part} for part in seen)
    return Figure(
        scenario=scenario,
        what=f"clear errors or the fallback picture for {TROUBLE_SECONDS} s, none cut",
        seen=f"{_statuses(seen[0])}; with a fallback picture: {_statuses(seen[1])}",
        holds=bool(bare and covered) and bare <= trouble.statuses and covered <= trouble.statuses | {FALLBACK_STATUS},
    )


def _longest(scenario: str, seen: Sequence[Seen]) -> Figure:
    longest = max(one.answered - one.asked for one in seen)
    limit = DOWNLOAD_SECONDS + MARGIN_SECONDS
    return Figure(
        scenario=scenario,
        what=f"no answer takes longer than {limit} s ({DOWNLOAD_SECONDS} s for a download)",
        seen=f"{longest:.2f} s",
        holds=longest <= limit,
    )


def _recovery(scenario: str, seen: Sequence[Sequence[Seen]], ended: float) -> Figure:
    first = max(min((one.answered - ended for one in part if one.status == 200), default=float("inf")) for part in seen)
    last = max((one.answered - ended for part in seen for one in part if one.status != 200), default=0.0)
    return Figure(
        scenario=scenario,
        what=f"pictures again within {RECOVERY_SECONDS} s, nothing restarted",
        seen=f"the first after {first:.2f} s, the last failure after {last:.2f} s",
        holds=max(first, last) <= RECOVERY_SECONDS,
    )


def _whole(server: S3Server, watches: Sequence[Watch]) -> Figure:
    seen = [one for watch in watches for one in watch.seen]
    served = [one for one in seen if one.status == 200]
    wrong = sum(not one.is_right for one in served)
    raw_cut = sum(one.status == CUT and one.path in _RAW for one in seen)
    return Figure(
        scenario=f"store ({server.name})",
        what="nothing truncated is served as complete",
        seen=f"{len(served)} answers with 200 compared, {wrong} wrong; {raw_cut} raw ones ended with their connection",
        holds=not wrong and bool(served),
    )


def _statuses(seen: Sequence[Seen]) -> str:
    names: Mapping[int, str] = {CUT: "cut", HUNG: "hung", FALLBACK_STATUS: "fallback"}
    counts = Counter(one.status for one in seen)
    return ", ".join(f"{count} x {names.get(status, status)}" for status, count in sorted(counts.items()))
