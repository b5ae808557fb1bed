"""The real application on a real socket, over a folder and an origin of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pyvips

from renderer.settings.load import load_settings
from tests.servers.bildwerk import serving

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
    async with AsyncExitStack() as stack:

        async def start_server(**variables: str) -> str:
            settings = load_settings({"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(pictures), **variables})
            return await stack.enter_async_context(serving(settings))

        yield start_server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that changes nothing about URLs."""
    async with aiohttp.ClientSession(requote_redirect_url=False) as client:
        yield client
