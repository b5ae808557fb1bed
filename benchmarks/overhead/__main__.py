"""The server's own cost: `python -m benchmarks.overhead`.

Two figures. Icons: processor time of a request for a 32 x 32 PNG beyond bare libvips. Hits: requests a second for 30 KB
from memory, as a share of what a bare aiohttp handler gives. Everything under the default settings but for one process
and, for hits, the memory; the access log goes to a file.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.overhead import hits, icons


def main() -> None:
    """Prints both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=600, help="a round of icons")
    parser.add_argument("--seconds", type=float, default=2.0, help="a round of hits")
    parser.add_argument("--only", choices=("icons", "hits"))
    chosen = parser.parse_args()
    if chosen.only != "hits":
        with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
            for icon in icons.measure(Path(folder), rounds=chosen.rounds, requests=chosen.requests):
                print(
                    f"icon {icon.name:20} {icon.served:6.3f} ms, bare libvips {icon.bare:6.3f} ms,"
                    f" beyond it {icon.overhead:6.3f} ms",
                    flush=True,
                )
    if chosen.only != "icons":
        with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
            for hit in hits.measure(Path(folder), rounds=chosen.rounds, seconds=chosen.seconds):
                print(
                    f"hits {hit.our_rate:7.0f} a second and {hit.our_cpu:5.1f} µs of CPU, bare aiohttp ({hit.bare})"
                    f" {hit.bare_rate:7.0f} and {hit.bare_cpu:5.1f}: {hit.rate_ratio:.2f} of the rate,"
                    f" {hit.cpu_ratio:.2f} by CPU",
                    flush=True,
                )


if __name__ == "__main__":
    main()
