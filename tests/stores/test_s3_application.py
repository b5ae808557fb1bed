"""The whole application over S3: what its clients see, also while S3 is in trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pyvips

from benchmarks.load.proxy import TroubleProxy
from renderer.settings.load import load_settings
from tests.servers.bildwerk import serving


@pytest.fixture
async def address(
    proxy: TroubleProxy,
    aws_credentials: None,  # noqa: ARG001  it prepares the environment
) -> AsyncIterator[str]:
    """A started application that reads S3 through the proxy."""
    settings = load_settings(
        {
            "IMGPROXY_USE_S3": "true",
            "IMGPROXY_S3_REGION": "us-east-1",
            "IMGPROXY_S3_ENDPOINT": f"http://127.0.0.1:{proxy.port}",
            "IMGPROXY_DOWNLOAD_TIMEOUT": "2",
            "IMGPROXY_CACHE_CONTROL_PASSTHROUGH": "true",
        }
    )
    async with serving(settings) as address:
        yield address


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no connections, so that none tells of another's end."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, requote_redirect_url=False) as session:
        yield session


@pytest.fixture
def picture(s3_writer: Any, bucket: str) -> str:
    """A picture of noise in the store, large enough to be cut; its URL."""
    noise = pyvips.Image.gaussnoise(400, 300, sigma=60, mean=128).cast("uchar").copy(interpretation="b-w")
    data = noise.pngsave_buffer()
    s3_writer.put_object(Bucket=bucket, Key="a b.png", Body=data, CacheControl="max-age=77", ContentType="image/png")
    return f"plain/s3://{bucket}/a%20b.png"


async def test_a_picture_from_s3(address: str, client: aiohttp.ClientSession, picture: str) -> None:
    """Rendered, with the object's validators and Cache-Control; a validator that holds gets 304 without them."""
    async with client.get(f"{address}/unsafe/w:60/{picture}") as response:
        image = pyvips.Image.new_from_buffer(await response.read(), "")
    assert (response.status, image.width) == (200, 60)
    assert "max-age=77" in response.headers["Cache-Control"]
    etag = response.headers["ETag"]

    async with client.get(f"{address}/unsafe/w:60/{picture}", headers={"If-None-Match": etag}) as again:
        assert (again.status, await again.read()) == (304, b"")
    assert "ETag" not in again.headers


async def test_the_object_as_it_is(address: str, client: aiohttp.ClientSession, picture: str) -> None:
    """`raw` with and without a range."""
    async with client.get(f"{address}/unsafe/raw:1/{picture}") as response:
        data = await response.read()
    async with client.get(f"{address}/unsafe/raw:1/{picture}", headers={"Range": "bytes=1-3"}) as response:
        assert (response.status, await response.read()) == (206, b"PNG")
    assert data[:4] == b"\x89PNG"


async def test_trouble_and_recovery(
    address: str, client: aiohttp.ClientSession, picture: str, proxy: TroubleProxy
) -> None:
    """Cut bodies are 422, silence is 504; then all is well again."""
    url = f"{address}/unsafe/w:60/{picture}"

    async def status_and_text() -> tuple[int, str]:
        async with client.get(url) as response:
            body = await response.read()
            return response.status, body.decode() if response.status != 200 else ""

    proxy.cut_after_bytes = 20_000
    assert await status_and_text() == (422, "Source response is incomplete")
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get(f"{address}/unsafe/raw:1/{picture}") as response:
            await response.read()
    proxy.cut_after_bytes = None
    proxy.answers.clear()
    assert await status_and_text() == (504, "Source is unreachable")
    proxy.answers.set()
    assert await status_and_text() == (200, "")


async def test_a_store_that_is_gone_and_comes_back(
    address: str, client: aiohttp.ClientSession, picture: str, proxy: TroubleProxy
) -> None:
    """An answer within the time of a download, and pictures as soon as there is somebody to ask."""
    url = f"{address}/unsafe/w:60/{picture}"
    there, proxy.target_port = proxy.target_port, 1

    async with client.get(url) as response:
        assert response.status in {502, 504}
        assert await response.text() == "Source is unreachable"
    proxy.target_port = there
    async with client.get(url) as response:
        assert response.status == 200
