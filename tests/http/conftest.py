"""The real application on a real socket, over a folder and an origin of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pyvips
from aiohttp import web

from renderer.app import make_app
from renderer.settings.load import load_settings

Started = Callable[..., Awaitable[str]]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a picture, a file that is none, and half a picture."""
    image = pyvips.Image.black(120, 80, bands=3).linear([1], [200, 40, 40]).copy(interpretation="srgb")
    image.cast("uchar").pngsave(str(tmp_path / "a.png"))
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "broken.webp").write_bytes(b"RIFF\x10\x00\x00\x00WEBPVP8 \x04\x00\x00\x00abcd")
    return tmp_path


@pytest.fixture
async def start(pictures: Path) -> AsyncIterator[Started]:
    """Starts servers over the folder; gives their addresses."""
    runners: list[web.AppRunner] = []

    async def start_server(**variables: str) -> str:
        settings = load_settings({"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(pictures), **variables})
        runner = web.AppRunner(make_app(settings), handler_cancellation=True)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start_server
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that changes nothing about URLs."""
    async with aiohttp.ClientSession(requote_redirect_url=False) as client:
        yield client
