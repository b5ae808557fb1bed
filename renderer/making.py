"""The making of one picture: fetch, detect, render, or the fallback picture. Knows sources and workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from renderer.codecs.dimensions import dimensions
from renderer.configured_images import ConfiguredImage
from renderer.errors import SourceError, UnsupportedFormat
from renderer.originals import Original, Originals, Wish
from renderer.pipeline.cost import EncodedSource, Estimate, estimate
from renderer.pipeline.output import resolved_limits
from renderer.rendition import Rendition, Turn
from renderer.request.values import RenderRequest
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import Sources
from renderer.sources.source import ClientRequest, NotModified, SourceHeaders
from renderer.storage.held_file import head_of
from renderer.telemetry.observation import Stage
from renderer.vips.levels import SharedDecodes
from renderer.vips.picture import RenderedImage, Renderer, SourceImage
from renderer.workers import Workers

_log = logging.getLogger(__name__)

_WORTH_WAITING_MS: Final = 20.0
_GATHERING_SECONDS: Final = 0.001
"""How long a render that costs so much waits for others of its source, where one size may serve another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What the settings name beside the sources: watermark and fallback."""

    watermark: ConfiguredImage | None = None
    fallback: ConfiguredImage | None = None


class Maker:
    """Makes results from sources.

    Args:
        settings: limits of sources.
        sources: all of them.
        renderer: has the watermark already; `pictures` says where it came from.
        workers: slots and threads.
        decodes: the decoded pixels that renders share; none by default.
        pictures: that the settings name.
        spared: is told of each `download` that was not needed.
    """

    def __init__(
        self,
        settings: SourceSettings,
        sources: Sources,
        renderer: Renderer,
        workers: Workers,
        *,
        decodes: SharedDecodes | None = None,
        pictures: Pictures | None = None,
        spared: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._renderer = renderer
        self._workers = workers
        self.decodes = decodes or SharedDecodes(0)
        self.originals = Originals(sources, self.decodes, spared)
        pictures = pictures or Pictures()
        self._watermark_url = pictures.watermark.url if pictures.watermark else ""
        self._fallback = pictures.fallback

    def audience(self, wanted: RenderRequest, turn: Turn) -> Hashable:
        """What of the client's request may change its result, beside what it wants; equal where results are equal."""
        return self._sources.audience(wanted.source_url, ClientRequest(headers=turn.headers))

    async def made(self, wanted: RenderRequest, turn: Turn) -> Rendition | NotModified:
        """The result of a request, or the source's word that it has not changed.

        Raises:
            BildwerkError: for whatever goes wrong.
        """
        try:
            return await self._from_source(wanted, turn)
        except SourceError as error:
            if self._fallback is None or error.is_late:
                raise
            return await self._render_fallback(self._fallback, wanted, turn, error)

    async def _from_source(self, wanted: RenderRequest, turn: Turn) -> Rendition | NotModified:
        limit = wanted.limits.max_src_file_size
        wish = Wish(
            url=wanted.source_url,
            max_bytes=self._settings.max_src_file_size if limit is None else limit,
            at=turn.at,
            conditions=turn.conditions,
            client=ClientRequest(headers=turn.headers, extra_headers=turn.seen.source_headers()),
        )
        with turn.seen.stage(Stage.DOWNLOAD):
            original = await self.originals.taken(wish)
        if isinstance(original, NotModified):
            return original
        try:
            return await self._render_original(original, wanted, turn)
        finally:
            self.originals.leave(original)

    async def _render_original(self, original: Original, wanted: RenderRequest, turn: Turn) -> Rendition:
        headers = original.source.headers
        image = await self._render(original.image, wanted, turn, is_shared=original.is_shared)
        return Rendition(
            image=image,
            source_bytes=len(original.source.data),
            validators=headers,
            caching=headers,
            originals=self.made_from(wanted),
            asked_at=original.asked_at,
        )

    def made_from(self, wanted: RenderRequest) -> tuple[str, ...]:
        """The source URLs that a result is made from."""
        if self._watermark_url and any(pipeline.watermark.watermark.opacity for pipeline in wanted.pipelines):
            return wanted.source_url, self._watermark_url
        return (wanted.source_url,)

    async def _render_fallback(
        self, fallback: ConfiguredImage, wanted: RenderRequest, turn: Turn, error: SourceError
    ) -> Rendition:
        """The fallback picture under the request's own options (spec 03 section 5.3)."""
        turn.seen.failed(error)
        _log.warning(
            "Could not load image. Using fallback image",
            extra={
                "fields": {
                    "request_id": turn.seen.request_id,
                    "image_url": wanted.source_url,
                    "error": str(error) or error.public,
                }
            },
        )
        image = await self._render(fallback.image, wanted, turn)
        originals = self.made_from(wanted)
        return Rendition(
            image=image,
            source_bytes=len(fallback.image.data),
            validators=SourceHeaders(etag=error.etag, last_modified=error.last_modified),
            caching=fallback.caching,
            originals=(*originals, fallback.url) if fallback.url else originals,
            failure=error,
        )

    async def _render(
        self, picture: SourceImage, wanted: RenderRequest, turn: Turn, *, is_shared: bool = False
    ) -> RenderedImage:
        if picture.format not in self._renderer.capabilities.loadable:
            raise UnsupportedFormat(f"Source image format is not supported: {picture.format.value}")
        needs = self._estimate(picture, wanted)
        levels, shrink = picture.levels, needs.shrink
        if levels is None or shrink is None:
            return await self._run(picture, wanted, turn, needs)
        # Lets other renders of the picture know that one comes which needs this level.
        levels.expect(shrink)
        try:
            if levels.serves_smaller and needs.ms >= _WORTH_WAITING_MS:
                # A page's requests for sizes of a picture come one after the other; the largest makes the level.
                await asyncio.sleep(_GATHERING_SECONDS)
            elif is_shared:
                # All who waited for the source wake up in one turn of the loop: each says what it needs before any
                # of them is rendered.
                await asyncio.sleep(0)
            return await self._run(picture, wanted, turn, needs)
        finally:
            levels.expect(shrink, -1)

    def _run(
        self, picture: SourceImage, wanted: RenderRequest, turn: Turn, needs: Estimate
    ) -> Coroutine[Any, Any, RenderedImage]:
        render = partial(self._renderer.render, picture, wanted, foreseen=needs.foreseen)
        return self._workers.run(render, turn.at, cost_ms=needs.ms, seen=turn.seen)

    def _estimate(self, picture: SourceImage, wanted: RenderRequest) -> Estimate:
        """What the render is estimated to need, from the header alone."""
        settings = self._renderer.settings
        limits = resolved_limits(wanted.limits, settings.security)
        seen = dimensions(head_of(picture.data), picture.format, max_frames=max(2, limits.max_animation_frames))
        encoded = EncodedSource(format=picture.format, size_bytes=len(picture.data), dimensions=seen)
        return estimate(wanted, encoded, settings, self._renderer.capabilities.savable, limits=limits)
