"""What the core costs beside the pixels: `make micro`. Best of several rounds, in microseconds a call."""

from __future__ import annotations

import asyncio
import struct
import timeit
from collections.abc import Callable
from typing import Final

from renderer.cache.key import cache_key
from renderer.codecs.dimensions import dimensions
from renderer.formats import ImageFormat
from renderer.pipeline.cost import EncodedSource, cost_ms
from renderer.pipeline.header import Raster
from renderer.pipeline.plan import PlanDefaults, plan_frame
from renderer.request.build import build_path
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path
from renderer.response.disposition import content_disposition
from renderer.security.signature import SigningKeys, sign, verify
from renderer.settings.load import Settings
from renderer.settings.security import SecuritySettings
from renderer.workers import Workers

_KEY: Final = bytes.fromhex("943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881")
_SALT: Final = bytes.fromhex("520f986b998481b4785b7b1f1b9f3b1f9f5b0d5f4f3c2e1d0c9b8a7968574635")
_PATH: Final = "rs:fill:300:400:0/g:sm/q:80/plain/https://example.com/images/curiosity.jpg@webp"
_ROUNDS: Final = 7
_CALLS: Final = 2_000
_SAVABLE: Final = frozenset(ImageFormat) - {ImageFormat.SVG}


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


_JPEG: Final = b"\xff\xd8" + b"".join(
    _segment(marker, body)
    for marker, body in (
        (0xE0, bytes(14)),
        (0xE1, bytes(12_000)),  # EXIF with a thumbnail
        (0xE2, bytes(3_000)),  # a color profile
        (0xDB, bytes(65)),
        (0xDB, bytes(65)),
        (0xC0, struct.pack(">BHHB", 8, 3000, 4000, 3) + bytes(9)),
    )
)
"""What stands before the pixels of a camera's JPEG."""

_GIF: Final = b"GIF89a" + struct.pack("<HHBBB", 400, 300, 0, 0, 0) + (b"!\xf9\x04" + bytes(20_000)) * 100


def main() -> None:
    """Prints a line a case."""
    grammar = Grammar(now=lambda: 1_750_000_000.0)
    target = f"/{sign(_PATH, _KEY, _SALT)}/{_PATH}"
    signature = split_path(target).signature
    keys = SigningKeys.from_settings(SecuritySettings(keys=(_KEY,), salts=(_SALT,)))
    wanted = parse_request(_PATH, grammar)
    raster, defaults = Raster(4000, 3000, 6), PlanDefaults()
    settings = Settings()
    source = EncodedSource(
        format=ImageFormat.JPEG, size_bytes=3_000_000, dimensions=dimensions(_JPEG, ImageFormat.JPEG)
    )
    cases: dict[str, Callable[[], object]] = {
        "split and repair a target": lambda: split_path(target),
        "verify a signature": lambda: verify(signature, _PATH, keys),
        "parse a typical path": lambda: parse_request(_PATH, grammar),
        "read a JPEG's header": lambda: dimensions(_JPEG, ImageFormat.JPEG),
        "count frames of a GIF of 2 MB": lambda: dimensions(_GIF, ImageFormat.GIF, max_frames=100),
        "estimate a render's cost": lambda: cost_ms(wanted, source, settings, _SAVABLE),
        "plan a picture": lambda: plan_frame(wanted.pipelines[0], raster, defaults),
        "build a path": lambda: build_path(wanted),
        "cache key": lambda: cache_key(wanted),
        "Content-Disposition": lambda: content_disposition(source_url=wanted.source_url, extension=".webp"),
    }
    for name, call in cases.items():
        _print(name, min(timeit.repeat(call, number=_CALLS, repeat=_ROUNDS)) / _CALLS)
    for name, seconds in asyncio.run(_round_trips()).items():
        _print(name, seconds)


async def _round_trips() -> dict[str, float]:
    """Seconds a request spends on admission, a slot and a thread, with a render that does nothing.

    Alone, the thread has to be woken for each; with sixteen at once it finds the next one waiting.
    """
    loop = asyncio.get_running_loop()
    workers = Workers(2, 64, 0)

    async def request(number: int) -> None:
        with workers.admission():
            await workers.run(lambda _: None, loop.time() + 10, cost_ms=number % 7 * 300)

    async def best(at_once: int) -> float:
        seconds = []
        for _ in range(_ROUNDS):
            started = loop.time()
            for _ in range(_CALLS // at_once):
                await asyncio.gather(*(request(number) for number in range(at_once)))
            seconds.append(loop.time() - started)
        return min(seconds) / (_CALLS // at_once * at_once)

    trips = {"admission, slot and thread": await best(1), "the same, 16 at once": await best(16)}
    workers.close()
    return trips


def _print(name: str, seconds: float) -> None:
    print(f"{name:30} {seconds * 1e6:7.1f} µs")


if __name__ == "__main__":
    main()
