"""`wrk`, where it is installed (`apt install wrk`): tens of thousands of requests a second from one thread."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, Final

from benchmarks.load.client import Address
from benchmarks.pictures.load import Failed, Gone

_SCRIPT: Final = Path(__file__).with_name("wrk.lua")


def command() -> str | None:
    """Where it is, None where it is not."""
    return shutil.which("wrk")


async def run(address: Address, path: str, connections: int, seconds: float) -> dict[str, int]:
    """Asks for one path all the time.

    Answers `requests`, `microseconds`, `bytes` with headers, and the percentiles in microseconds.

    Raises:
        Failed: an answer was none of success, or there was none.
        Gone: wrk did not run.
    """
    wrk = command()
    if wrk is None:
        raise RuntimeError("wrk is not installed")
    url = f"http://{address.host}:{address.port}{address.prefix}{path}"
    options = ["-t", "1", "-c", str(connections), "-d", f"{max(1, round(seconds))}s", "-s", str(_SCRIPT), url]
    process = await asyncio.create_subprocess_exec(
        wrk, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    told = [line for line in output.decode(errors="replace").splitlines() if line.startswith("TOLD ")]
    if not told:
        raise Gone(f"wrk: {output.decode(errors='replace')[-300:].strip()}")
    seen: dict[str, Any] = json.loads(told[0].removeprefix("TOLD "))
    if seen["status"] or seen["socket"]:
        raise Failed(f"wrk saw {seen['status']} bad answers and {seen['socket']} broken connections")
    return seen
