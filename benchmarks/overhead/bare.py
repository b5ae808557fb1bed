"""A bare aiohttp server that sends one body with given headers: what cached hits are held against.

    python -m benchmarks.overhead.bare application|low-level PORT BODY_FILE HEADERS_FILE

An application with one route, or a low-level server without routes; on our event loop, without a log.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy


async def _serve(kind: str, port: int, body: bytes, headers: dict[str, str]) -> None:
    sent = CIMultiDictProxy(CIMultiDict(headers))

    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=body, headers=sent)

    if kind == "low-level":
        server = web.Server(handler, access_log=None)
        await asyncio.get_running_loop().create_server(server, "127.0.0.1", port)
    else:
        application = web.Application()
        application.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    chosen, number, body_file, headers_file = sys.argv[1:]
    told = json.loads(Path(headers_file).read_text(encoding="utf-8"))
    uvloop.run(_serve(chosen, int(number), Path(body_file).read_bytes(), told))
