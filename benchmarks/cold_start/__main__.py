"""`python -m benchmarks.cold_start`: CPU and memory of the upload function, from its imports to its first answer.

Each round is a new process with byte-compiled modules, as in a Lambda function's package: it imports `api.functions`,
opens its services and stores one picture in a real S3 server. A baseline JPEG of two megapixels tells the start, a
progressive one of 24 megapixels the memory.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyvips

from benchmarks.load.s3 import ACCESS_KEY, REGION, SECRET_KEY, running, writer

_BUCKET: Final = "cold-start"
_ROOT: Final = Path(__file__).resolve().parents[2]
_PROGRAM: Final = Path(__file__).with_name("first_request.py")


def main() -> int:
    """Runs the rounds, prints medians and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="processes for each picture (default: 10)")
    given = parser.parse_args()
    for package in ("api", "renderer"):
        compileall.compile_dir(_ROOT / package, quiet=1)
    with tempfile.TemporaryDirectory() as folder, _environment(Path(folder)) as environment:
        print("| picture | bytes | CPU s, imports | CPU s, all | peak RSS, MB |\n|---|---|---|---|---|")
        for name, data in _pictures().items():
            file = Path(folder, name)
            file.write_bytes(data)
            rounds = [_round(file, environment) for _ in range(given.rounds)]
            middle = {what: statistics.median(one[what] for one in rounds) for what in rounds[0]}
            print(
                f"| {name} | {len(data):,} | {middle['import_seconds']:.2f} | {middle['seconds']:.2f}"
                f" | {middle['peak_bytes'] / 1e6:.0f} |"
            )
    return 0


def _round(file: Path, environment: dict[str, str]) -> dict[str, float]:
    """What one process says of itself."""
    command = [sys.executable, str(_PROGRAM), str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603  our own program
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


@contextmanager
def _environment(folder: Path) -> Iterator[dict[str, str]]:
    """The variables of a function whose bucket is on a real S3 server."""
    store = folder / "s3"
    store.mkdir()
    with running(store) as server:
        client = writer(server)
        client.create_bucket(Bucket=_BUCKET)
        client.close()
        yield {
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "POWERTOOLS_TRACE_DISABLED": "true",
            "BILDWERK_BUCKET": _BUCKET,
            "BILDWERK_S3_ENDPOINT": f"http://127.0.0.1:{server.port}",
            "BILDWERK_API_TOKENS_SECRET": "not-read-by-this-function",
            "BILDWERK_PURGE_QUEUE_URL": "http://127.0.0.1:1/queue",
            "MALLOC_ARENA_MAX": "2",
        }


def _pictures() -> dict[str, bytes]:
    """A small and a large picture with enough to see in them."""
    small, large = (
        pyvips.Image.perlin(width, height, cell_size=64, uchar=True)
        .bandjoin(pyvips.Image.perlin(width, height, cell_size=32, uchar=True))
        .bandjoin(pyvips.Image.perlin(width, height, cell_size=128, uchar=True))
        .copy(interpretation="srgb")
        for width, height in ((1600, 1200), (6000, 4000))
    )
    return {
        "baseline.jpg": small.jpegsave_buffer(Q=85),
        "progressive.jpg": large.jpegsave_buffer(Q=80, interlace=True),
    }


if __name__ == "__main__":
    sys.exit(main())
