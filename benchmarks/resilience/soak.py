"""Minutes of everything that a day brings: usual and hostile requests, broken pictures, sources that are not there."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from benchmarks.load.server import running_server
from benchmarks.resilience.figures import Figure
from benchmarks.resilience.site import USUAL, Site, clients

CLIENTS: Final = 4
GROWTH: Final = 1.05
BROKEN: Final = 60
_HOSTILE: Final = (
    "/unsafe/w:1e999/plain/local:///landscape.jpg",
    "/unsafe/rs:force:20000:20000:1/plain/local:///portrait.jpg@avif",
    "/unsafe/rs:force:9000:9000:1/bl:20/plain/local:///portrait.jpg@png",
    "/unsafe/plain/local:///../../etc/passwd",
    "/unsafe/plain/http://169.254.169.254/latest/meta-data",
    "/unsafe/plain/http://127.0.0.1:1/x.jpg",
    "/unsafe/plain/local:///nothing.jpg",
    "/unsafe/%D0%B0:1/plain/x",
    "/unsafe/raw:1/plain/local:///portrait.jpg",
    "/unsafe/rs:fill:300:300/g:sm/blur:4/sh:0.5/wm:0.5/plain/local:///landscape.jpg@avif",
)


async def soak(site: Site) -> list[Figure]:
    """Memory of late minutes against that of early ones."""
    broken = _broken_pictures(site)
    paths = [*USUAL, *USUAL, *_HOSTILE, *broken]
    random.Random(1).shuffle(paths)  # noqa: S311  the same mixture each time
    minute = site.soak_seconds / 10
    held: list[tuple[float, int]] = []
    # Without a limit on results the highest figure is that of how many huge ones happen to meet, not of what is kept.
    variables = site.variables(BILDWERK_PROCESSES="2", IMGPROXY_MAX_RESULT_DIMENSION="2000")
    with running_server(site.folder / "soak.log", variables) as server:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with clients(server, CLIENTS, paths) as tally:
            while (passed := loop.time() - began) < site.soak_seconds:
                held.append((passed / minute, server.pss_bytes()))
                await asyncio.sleep(1)
        alive = server.is_well()
    early = max(size for at, size in held if 1 <= at < 4)
    late = max(size for at, size in held if at >= 7)
    statuses = {status: tally.count(status) for status in sorted(tally.seconds)}
    return [
        Figure(
            scenario="soak",
            what=f"highest PSS of the last three tenths at most {GROWTH} x that of the second to fourth",
            seen=f"{early / 1e6:.1f} MB, then {late / 1e6:.1f} MB ({late / early:.3f}), {site.soak_seconds:.0f} s",
            holds=late <= GROWTH * early,
        ),
        Figure(
            scenario="soak",
            what="no 500, no cut answer, alive at the end",
            seen=f"{statuses}, {len(tally.cut)} cut",
            holds=alive and 500 not in statuses and not tally.cut,
        ),
    ]


def _broken_pictures(site: Site) -> list[str]:
    """Sample pictures with some bytes changed or their end missing."""
    dice = random.Random(2)  # noqa: S311  the same pictures each time
    sources = sorted(path for path in site.pictures.iterdir() if path.suffix and not path.name.startswith("."))
    folder = site.pictures / "broken"
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(BROKEN):
        source = sources[number % len(sources)]
        data = bytearray(source.read_bytes())
        if number % 2:
            del data[dice.randrange(len(data)) :]
        for _ in range(dice.randrange(1, 30)):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        name = f"{number}{source.suffix}"
        (folder / name).write_bytes(data)
        paths.append(f"/unsafe/rs:fit:200:200/plain/local:///broken/{name}@webp")
    return paths
