"""The composition root: Settings -> web.Application. Every service is built here and nowhere else."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from renderer.app_keys import SERVICES
from renderer.errors import BildwerkError, ConfigurationError
from renderer.formats import ImageFormat, detect
from renderer.handlers.landing import landing_page
from renderer.handlers.routing import route
from renderer.render import RenderService, source_image
from renderer.request.parse import Grammar, check_presets
from renderer.request.presets import parse_presets
from renderer.request.source_url import SourceGrammar
from renderer.response.validators import ValidatorRules
from renderer.response.vary import vary
from renderer.scalars import decode_base64
from renderer.security.allowed_sources import check_source
from renderer.security.signature import SigningKeys
from renderer.services import Services
from renderer.settings.load import Settings
from renderer.settings.processing import FormatSettings, WatermarkSettings
from renderer.sources.registry import Sources, open_sources
from renderer.sources.source import NotModified
from renderer.version import VERSION
from renderer.vips import runtime
from renderer.vips.picture import Renderer, SourceImage
from renderer.workers import Workers, default_worker_count

_log = logging.getLogger(__name__)


def make_app(settings: Settings) -> web.Application:
    """The application under these settings; its services start and stop with it."""
    app = web.Application()
    app.router.add_route("*", "/{target:.*}", route)

    async def services(app: web.Application) -> AsyncIterator[None]:
        built = await build_services(settings)
        app[SERVICES] = built
        yield
        await built.sources.close()
        built.workers.close()

    app.cleanup_ctx.append(services)
    return app


async def build_services(settings: Settings) -> Services:
    """Everything that requests need.

    Raises:
        ConfigurationError: naming every setting that cannot be used.
    """
    capabilities = runtime.start()
    settings = _with_usable_formats(settings, capabilities)
    grammar = make_grammar(settings)
    check_presets(grammar)
    allowed = settings.sources.allowed_sources
    sources = open_sources(settings.sources, check_source=_redirect_check(settings))
    try:
        renderer = await build_renderer(settings, sources)
    except BaseException:
        await sources.close()
        raise
    workers = Workers(
        settings.server.workers or default_worker_count(),
        settings.server.requests_queue_size,
        settings.server.max_clients,
    )
    _warn(settings)
    return Services(
        settings=settings,
        grammar=grammar,
        keys=SigningKeys.from_settings(settings.security),
        allowed_sources=allowed,
        validator_rules=ValidatorRules(
            etag_enabled=settings.server.etag_enabled, last_modified_enabled=settings.server.last_modified_enabled
        ),
        vary=vary(settings.formats),
        capabilities=capabilities,
        sources=sources,
        workers=workers,
        renders=RenderService(settings.sources, sources, renderer, workers),
        landing_page=landing_page(renderer, grammar, VERSION),
    )


async def build_renderer(settings: Settings, sources: Sources) -> Renderer:
    """The renderer with its watermark.

    Args:
        settings: with formats that this build can save, see `usable_formats`.
        sources: where the watermark comes from if it is a URL.

    Raises:
        ConfigurationError: the watermark is no picture.
    """
    return Renderer(settings, runtime.start(), await _watermark(settings.watermark, sources))


def _with_usable_formats(settings: Settings, capabilities: runtime.Capabilities) -> Settings:
    return dataclasses.replace(settings, formats=usable_formats(settings.formats, capabilities.savable))


def _redirect_check(settings: Settings) -> Callable[[str], None]:
    def check(url: str) -> None:
        check_source(url, settings.sources.allowed_sources, query_separator=settings.sources.source_url_query_separator)

    return check


def make_grammar(settings: Settings) -> Grammar:
    """What the settings say about processing paths.

    Raises:
        ConfigurationError: naming every preset that is none.
    """
    grammar = settings.grammar
    definitions = grammar.presets.split(grammar.presets_separator)
    if grammar.presets_path is not None:
        try:
            definitions += Path(grammar.presets_path).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise ConfigurationError([f"IMGPROXY_PRESETS_PATH: expected a readable file ({error})"]) from error
    return Grammar(
        now=time.time,
        separator=grammar.arguments_separator,
        allowed_options=frozenset(grammar.allowed_processing_options),
        presets=parse_presets(definitions, grammar.arguments_separator),
        is_presets_only=grammar.only_presets,
        allows_security_options=settings.security.allow_security_options,
        sources=SourceGrammar(
            replacements=settings.sources.url_replacements,
            base_url=settings.sources.base_url,
            includes_filename=settings.sources.base64_url_includes_filename,
            encryption_key=settings.sources.source_url_encryption_key,
        ),
    )


def usable_formats(formats: FormatSettings, savable: frozenset[ImageFormat]) -> FormatSettings:
    """The settings without formats that this build cannot save (DESIGN section 2, item 7).

    Raises:
        ConfigurationError: no preferred format is left.
    """
    preferred = tuple(format for format in formats.preferred_formats if format in savable)
    for format in formats.preferred_formats:
        if format not in savable:
            _log.warning("IMGPROXY_PREFERRED_FORMATS: %s cannot be saved by this build and is dropped", format.value)
    if not preferred:
        raise ConfigurationError(["IMGPROXY_PREFERRED_FORMATS: expected a format that this build can save"])
    usable = dataclasses.replace(formats, preferred_formats=preferred)
    for format in (ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.JXL):
        for name in (f"auto_{format.value}", f"enforce_{format.value}"):
            if getattr(formats, name) and format not in savable:
                _log.warning("IMGPROXY_%s: this build cannot save the format, the setting is dropped", name.upper())
                changes: dict[str, Any] = {name: False}
                usable = dataclasses.replace(usable, **changes)
    return usable


async def _watermark(settings: WatermarkSettings, sources: Sources) -> SourceImage | None:
    """The watermark, read once; data wins over the path, the path over the URL (spec 03 section 5.1).

    Raises:
        ConfigurationError: it is configured and no picture.
    """
    try:
        if settings.data:
            return _picture(decode_base64(settings.data), "IMGPROXY_WATERMARK_DATA")
        # A path that is no file is ignored, as in imgproxy; here it is at least said.
        if settings.path is not None:
            data = await asyncio.to_thread(_file, Path(settings.path))
            if data is not None:
                return _picture(data, "IMGPROXY_WATERMARK_PATH")
            _log.warning("IMGPROXY_WATERMARK_PATH: %s is no file, there is no watermark", settings.path)
        if settings.url:
            source = await sources.fetch(settings.url)
            return None if isinstance(source, NotModified) else source_image(source)
    except (BildwerkError, OSError, ValueError) as error:
        raise ConfigurationError([f"IMGPROXY_WATERMARK_*: the watermark cannot be read: {error}"]) from error
    return None


def _file(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _picture(data: bytes, name: str) -> SourceImage:
    format = detect(data)
    if format is None:
        raise ConfigurationError([f"{name}: expected a picture"])
    return SourceImage(data=data, format=format)


def _warn(settings: Settings) -> None:
    if not settings.security.keys:
        _log.warning("No keys and salts are set: signatures are not checked")
    if settings.sources.local_filesystem_root is not None and str(settings.sources.local_filesystem_root) == "/":
        _log.warning("IMGPROXY_LOCAL_FILESYSTEM_ROOT is /: every readable file of this machine is a source")
