"""The story of one picture: fetch, detect, render. Knows sources and workers, knows no web request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from renderer.errors import RequestTimeout, UnknownSourceType, UnsupportedFormat
from renderer.formats import detect
from renderer.request.values import RenderRequest
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import Sources
from renderer.sources.source import NotModified, Source, SourceHeaders
from renderer.vips.picture import RenderedImage, Renderer, SourceImage
from renderer.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A result and what its source's headers said."""

    image: RenderedImage
    source_headers: SourceHeaders
    source_bytes: int


class RenderService:
    """Turns understood requests into results."""

    def __init__(self, settings: SourceSettings, sources: Sources, renderer: Renderer, workers: Workers) -> None:
        self._settings = settings
        self._sources = sources
        self._renderer = renderer
        self._workers = workers

    async def render(self, wanted: RenderRequest, conditions: Conditions, at: float) -> Rendition | NotModified:
        """The result of a request, or the source's word that it has not changed.

        Args:
            wanted: the request, checked.
            conditions: what is asked of the source.
            at: when time is up, on the loop's clock.

        Raises:
            BildwerkError: for whatever goes wrong.
        """
        source = await self._fetch(wanted, conditions, at)
        if isinstance(source, NotModified):
            return source
        picture = source_image(source)
        self._check_loadable(picture)
        image = await self._workers.run(lambda deadline: self._renderer.render(picture, wanted, deadline), at)
        return Rendition(image=image, source_headers=source.headers, source_bytes=len(source.data))

    async def _fetch(self, wanted: RenderRequest, conditions: Conditions, at: float) -> Source | NotModified:
        limit = wanted.limits.max_src_file_size
        max_bytes = self._settings.max_src_file_size if limit is None else limit
        try:
            async with asyncio.timeout_at(at):
                return await self._sources.fetch(wanted.source_url, conditions=conditions, max_bytes=max_bytes)
        except TimeoutError as error:
            raise RequestTimeout("the source did not arrive before the deadline") from error

    def _check_loadable(self, picture: SourceImage) -> None:
        if picture.format not in self._renderer.capabilities.loadable:
            raise UnsupportedFormat(f"Source image format is not supported: {picture.format.value}")


def source_image(source: Source) -> SourceImage:
    """The source with the format that its bytes show.

    Raises:
        UnknownSourceType: they show none.
    """
    path = source.url.partition("?")[0].rpartition("/")[2]
    extension = path.rpartition(".")[2] if "." in path else ""
    format = detect(source.data, extension=extension, content_type=source.headers.content_type or "")
    if format is None:
        raise UnknownSourceType("Source image type not supported")
    return SourceImage(data=source.data, format=format)
