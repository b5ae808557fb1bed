"""Watermark and fallback picture: where they come from, and what is said when they cannot be had."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pyvips
from aiohttp import web

from renderer.configured_images import ConfiguredImage, configured_image
from renderer.errors import ConfigurationError
from renderer.formats import ImageFormat
from renderer.settings.load import load_settings
from renderer.sources.configured import configured_sources
from tests.servers.web import serving

PNG = pyvips.Image.black(3, 2).pngsave_buffer()
JPEG = pyvips.Image.black(3, 2).jpegsave_buffer()
WEBP = pyvips.Image.black(3, 2).webpsave_buffer()


async def answer(request: web.Request) -> web.Response:
    """A picture under some headers; `/304`, `/404` and `/text` are none."""
    if request.path == "/text":
        return web.Response(text="no picture")
    if request.path in ("/304", "/404"):
        return web.Response(status=int(request.path[1:]))
    return web.Response(body=WEBP, headers={"Cache-Control": "max-age=7", "Expires": "x", "ETag": '"e"'})


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    async with serving(answer) as port:
        yield f"http://127.0.0.1:{port}"


async def configured(**variables: str) -> ConfiguredImage | None:
    """The watermark of these settings."""
    settings = load_settings(
        {"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "true"}
        | {f"IMGPROXY_WATERMARK_{name}": text for name, text in variables.items()}
    )
    async with configured_sources(settings) as sources:
        return await configured_image(settings.watermark, sources, prefix="IMGPROXY_WATERMARK")


async def test_there_is_none_unless_a_setting_names_one() -> None:
    assert await configured() is None


async def test_data_wins_over_the_path_and_the_path_over_the_url(origin: str, tmp_path: Path) -> None:
    path = tmp_path / "mark"
    path.write_bytes(JPEG)
    data = base64.b64encode(PNG).decode()
    by_data = await configured(DATA=data, PATH=str(path), URL=f"{origin}/a")
    by_path = await configured(PATH=str(path), URL=f"{origin}/a")
    by_url = await configured(URL=f"{origin}/a")

    assert by_data is not None
    assert by_path is not None
    assert by_url is not None
    formats = [found.image.format for found in (by_data, by_path, by_url)]
    assert formats == [ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP]
    assert [found.url for found in (by_data, by_path, by_url)] == ["", "", f"{origin}/a"]


async def test_of_the_answer_only_what_it_says_about_caching_stays(origin: str) -> None:
    """Moments pass while the server runs, and the validators are of another picture than the answer's."""
    found = await configured(URL=f"{origin}/a")

    assert found is not None
    assert found.caching.cache_control == "max-age=7"
    assert (found.caching.expires, found.caching.etag, found.caching.last_modified) == (None, None, None)


async def test_a_path_that_is_no_file_is_ignored_and_said(
    origin: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in imgproxy; the URL counts then."""
    assert await configured(PATH=str(tmp_path / "nothing")) is None
    found = await configured(PATH=str(tmp_path), URL=f"{origin}/a")

    assert found is not None
    assert found.image.format is ImageFormat.WEBP
    assert caplog.text.count("is no file and is ignored") == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATA", "no base64!"),
        ("DATA", base64.b64encode(b"no picture").decode()),
        ("PATH", __file__),
        ("URL", "{origin}/text"),
        ("URL", "{origin}/304"),
        ("URL", "{origin}/404"),
        ("URL", "http://127.0.0.1:1/nobody"),
        ("URL", "nothing://a"),
    ],
)
async def test_what_is_no_picture_stops_the_start(origin: str, name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match="^IMGPROXY_WATERMARK_.*expected a picture"):
        await configured(**{name: text.replace("{origin}", origin)})
