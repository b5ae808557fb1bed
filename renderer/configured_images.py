"""The pictures that settings name, watermark and fallback: read once at start (spec 03 section 5.1).

Data wins over the path, the path over the URL. A path that is no file is ignored, as in imgproxy; here it is said.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

from renderer.errors import BildwerkError, ConfigurationError
from renderer.formats import detect
from renderer.scalars import decode_base64
from renderer.sources.registry import Sources
from renderer.sources.source import NotModified, SourceHeaders
from renderer.storage.held_file import whole_of
from renderer.vips.picture import SourceImage

_log = logging.getLogger(__name__)

NO_HEADERS = SourceHeaders()


class ImageSettings(Protocol):
    """The three ways in which settings name a picture."""

    @property
    def data(self) -> str:
        """The picture in standard base64."""

    @property
    def path(self) -> PurePath | None:
        """Its file."""

    @property
    def url(self) -> str:
        """Its URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredImage:
    """A picture that the settings name.

    `url` is where it came from, empty for data and files; `caching` is what that answer said about caching, except for
    times that have passed by the time it is used.
    """

    image: SourceImage
    url: str = ""
    caching: SourceHeaders = NO_HEADERS


async def configured_image(settings: ImageSettings, sources: Sources, *, prefix: str) -> ConfiguredImage | None:
    """The picture, or None where the settings name none.

    Args:
        settings: the ways in which it may be named.
        sources: fetches a URL.
        prefix: of the variables, for instance `IMGPROXY_WATERMARK`.

    Raises:
        ConfigurationError: it is named and no picture.
    """
    try:
        if settings.data:
            return ConfiguredImage(image=_picture(decode_base64(settings.data), f"{prefix}_DATA"))
        if settings.path is not None:
            data = await asyncio.to_thread(_file, Path(settings.path))
            if data is not None:
                return ConfiguredImage(image=_picture(data, f"{prefix}_PATH"))
            _log.warning("%s_PATH: %s is no file and is ignored", prefix, settings.path)
        return await _fetched(settings.url, sources, f"{prefix}_URL") if settings.url else None
    except (BildwerkError, OSError, ValueError) as error:
        raise ConfigurationError([f"{prefix}_*: expected a picture that can be read: {error}"]) from error


async def _fetched(url: str, sources: Sources, name: str) -> ConfiguredImage | None:
    source = await sources.fetch(url)
    if isinstance(source, NotModified):
        raise ConfigurationError([f"{name}: expected a picture, the source answers that nothing has changed"])
    # It stays for as long as the server runs, so it is not counted among the sources in flight.
    data = whole_of(source.data)
    source.release()
    caching = replace(NO_HEADERS, cache_control=source.headers.cache_control)
    return ConfiguredImage(image=_picture(data, name), url=url, caching=caching)


def _file(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _picture(data: bytes, name: str) -> SourceImage:
    format = detect(data)
    if format is None:
        raise ConfigurationError([f"{name}: expected a picture"])
    return SourceImage(data=data, format=format)
