"""A bare aiohttp handler that sends one body with the headers that it is given: what cached hits are held against.

    python -m benchmarks.pictures.bare --port N --processes N BODY_FILE HEADERS_FILE

The same event loop as ours, and as many processes on one socket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import uvloop
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures.bare", description=__doc__)
    parser.add_argument("body", type=Path)
    parser.add_argument("headers", type=Path, help="a JSON object")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    body, headers = chosen.body.read_bytes(), json.loads(chosen.headers.read_text(encoding="utf-8"))
    # Blocked before the first fork: a signal that comes early waits for the one that is to take it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", chosen.port))
        listening.listen(1024)
        processes = [_started(listening, body, headers) for _ in range(chosen.processes)]
        signal.sigwait({signal.SIGTERM})
    for pid in processes:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def _started(listening: socket.socket, body: bytes, headers: dict[str, str]) -> int:
    """A process that serves on the socket."""
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        try:
            uvloop.run(_serve(listening, body, headers))
        finally:
            os._exit(0)
    return pid


async def _serve(listening: socket.socket, body: bytes, headers: dict[str, str]) -> None:
    sent = CIMultiDictProxy(CIMultiDict(headers))

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers=sent)

    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
