"""The story of one picture: fetch, detect, render. Knows sources and workers, knows no web request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from renderer.codecs.dimensions import dimensions
from renderer.configured_images import ConfiguredImage
from renderer.errors import RequestTimeout, SourceError, UnknownSourceType, UnsupportedFormat
from renderer.formats import detect
from renderer.pipeline.cost import EncodedSource, cost_ms
from renderer.pipeline.output import resolved_limits
from renderer.request.values import RenderRequest
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import Sources
from renderer.sources.source import ClientRequest, NotModified, Source, SourceHeaders
from renderer.telemetry.observation import Observation, Stage
from renderer.vips.picture import RenderedImage, Renderer, SourceImage
from renderer.workers import Workers

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A result and what is told about it.

    Attributes:
        image: the result.
        source_bytes: how many bytes it was made from.
        validators: whose ETag and Last-Modified the answer carries.
        caching: whose Cache-Control and Expires may be passed on; another's than the validators' for a fallback.
        originals: the source URLs whose change makes the result stale.
        failure: why it shows the fallback picture; None if it does not.
    """

    image: RenderedImage
    source_bytes: int
    validators: SourceHeaders
    caching: SourceHeaders
    originals: tuple[str, ...]
    failure: SourceError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request's turn.

    Attributes:
        at: until when it may take, on the loop's clock.
        seen: who watches.
        headers: the client's; the settings say what of them goes to http(s) sources.
        conditions: what is asked of the source.
    """

    at: float
    seen: Observation
    headers: Mapping[str, str] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)


class RenderService:
    """Turns understood requests into results."""

    def __init__(
        self,
        settings: SourceSettings,
        sources: Sources,
        renderer: Renderer,
        workers: Workers,
        *,
        watermark: ConfiguredImage | None = None,
        fallback: ConfiguredImage | None = None,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._renderer = renderer
        self._workers = workers
        self._watermark_url = watermark.url if watermark else ""
        self._fallback = fallback

    async def render(self, wanted: RenderRequest, turn: Turn) -> Rendition | NotModified:
        """The result of a request, or the source's word that it has not changed.

        Raises:
            BildwerkError: for whatever goes wrong.
        """
        try:
            source = await self._fetch(wanted, turn)
            if isinstance(source, NotModified):
                return source
            with source.lease:
                return await self._render_source(source, wanted, turn)
        except SourceError as error:
            if self._fallback is None or error.is_late:
                raise
            return await self._render_fallback(self._fallback, wanted, turn, error)

    async def _render_source(self, source: Source, wanted: RenderRequest, turn: Turn) -> Rendition:
        image = await self._render(source_image(source), wanted, turn)
        return Rendition(
            image=image,
            source_bytes=len(source.data),
            validators=source.headers,
            caching=source.headers,
            originals=self.originals(wanted),
        )

    def originals(self, wanted: RenderRequest) -> tuple[str, ...]:
        """The source URLs that a result is made from."""
        has_mark = any(pipeline.watermark.watermark.opacity for pipeline in wanted.pipelines)
        return (wanted.source_url, self._watermark_url) if has_mark and self._watermark_url else (wanted.source_url,)

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
        originals = self.originals(wanted)
        return Rendition(
            image=image,
            source_bytes=len(fallback.image.data),
            validators=SourceHeaders(etag=error.etag, last_modified=error.last_modified),
            caching=fallback.caching,
            originals=(*originals, fallback.url) if fallback.url else originals,
            failure=error,
        )

    async def _fetch(self, wanted: RenderRequest, turn: Turn) -> Source | NotModified:
        limit = wanted.limits.max_src_file_size
        max_bytes = self._settings.max_src_file_size if limit is None else limit
        try:
            with turn.seen.stage(Stage.DOWNLOAD):
                async with asyncio.timeout_at(turn.at):
                    client = ClientRequest(headers=turn.headers, extra_headers=turn.seen.source_headers())
                    return await self._sources.fetch(
                        wanted.source_url, conditions=turn.conditions, max_bytes=max_bytes, client=client
                    )
        except TimeoutError as error:
            raise RequestTimeout("the source did not arrive before the deadline") from error

    async def _render(self, picture: SourceImage, wanted: RenderRequest, turn: Turn) -> RenderedImage:
        if picture.format not in self._renderer.capabilities.loadable:
            raise UnsupportedFormat(f"Source image format is not supported: {picture.format.value}")
        return await self._workers.run(
            lambda deadline: self._renderer.render(picture, wanted, deadline),
            turn.at,
            cost_ms=self._cost_ms(picture, wanted),
            seen=turn.seen,
        )

    def _cost_ms(self, picture: SourceImage, wanted: RenderRequest) -> float:
        """What the render is estimated to cost, from the header alone."""
        settings = self._renderer.settings
        frames = resolved_limits(wanted.limits, settings.security).max_animation_frames
        encoded = EncodedSource(
            format=picture.format,
            size_bytes=len(picture.data),
            dimensions=dimensions(picture.data, picture.format, max_frames=frames),
        )
        return cost_ms(wanted, encoded, settings, self._renderer.capabilities.savable)


def source_image(source: Source) -> SourceImage:
    """The source with the format that its bytes show.

    Raises:
        UnknownSourceType: they show none.
    """
    path = source.url.partition("?")[0].rpartition("/")[2]
    extension = path.rpartition(".")[2] if "." in path else ""
    format = detect(source.data, extension=extension, content_type=source.headers.content_type or "")
    if format is None:
        error = UnknownSourceType("Source image type not supported")
        error.etag, error.last_modified = source.headers.etag, source.headers.last_modified
        raise error
    return SourceImage(data=source.data, format=format)
