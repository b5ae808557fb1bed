"""The composition root: Settings -> Application. Every service is built here and nowhere else."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from renderer.cache.fingerprint import settings_fingerprint
from renderer.cache.opened import freshness_rules, open_results
from renderer.cache.result_key import ResultKeys
from renderer.configured_images import ConfiguredImage, configured_image
from renderer.cpus import usable_cpus
from renderer.errors import ConfigurationError
from renderer.formats import ImageFormat
from renderer.handlers.landing import landing_page
from renderer.handlers.routing import route
from renderer.kept import Kept
from renderer.making import Maker, Pictures
from renderer.render import RenderService
from renderer.request.parse import Grammar, check_presets
from renderer.request.presets import parse_presets
from renderer.request.source_url import SourceGrammar
from renderer.response.validators import ValidatorRules
from renderer.response.vary import vary
from renderer.security.signature import SigningKeys
from renderer.services import Activity, Services
from renderer.settings.load import Settings
from renderer.settings.processing import FormatSettings
from renderer.settings.server import ServerSettings
from renderer.settings.share import with_counts
from renderer.settings.sharing import SharingSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.configured import configured_sources
from renderer.sources.registry import Sources
from renderer.storage.held_file import whole_of
from renderer.telemetry.observation import Vitals
from renderer.telemetry.shared_figures import SharedFigures
from renderer.telemetry.start import ALONE, Surroundings, Watch, watching
from renderer.version import VERSION
from renderer.vips import runtime
from renderer.vips.health import HealthCheck
from renderer.vips.levels import SharedDecodes
from renderer.vips.picture import Renderer
from renderer.vips.tracked import tracked_memory
from renderer.workers import Load, Workers

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Application:
    """The handler of a `web.Server`: any request in, its answer out."""

    services: Services

    def __call__(self, request: web.BaseRequest) -> Coroutine[Any, Any, web.StreamResponse]:
        """The answer."""
        return route(request, self.services)


@asynccontextmanager
async def application(settings: Settings, surroundings: Surroundings = ALONE) -> AsyncIterator[Application]:
    """The application under these settings, until the block ends.

    Args:
        settings: of this process, see `settings_of_process`.
        surroundings: what it has from whoever started it.

    Raises:
        ConfigurationError: naming every setting that cannot be used.
    """
    async with build_services(settings, surroundings) as services:
        yield Application(services)


@asynccontextmanager
async def build_services(settings: Settings, surroundings: Surroundings) -> AsyncIterator[Services]:
    """Everything that requests need, for as long as they come.

    Raises:
        ConfigurationError: naming every setting that cannot be used.
    """
    capabilities = runtime.start()
    settings = _with_usable_formats(settings, capabilities)
    grammar = make_grammar(settings)
    check_presets(grammar)
    _warn(settings)
    async with AsyncExitStack() as stack:
        sources = await stack.enter_async_context(configured_sources(settings))
        watermark = await configured_image(settings.watermark, sources, prefix="IMGPROXY_WATERMARK")
        fallback = await configured_image(settings.fallback, sources, prefix="IMGPROXY_FALLBACK_IMAGE")
        renderer = Renderer(settings, capabilities, watermark.image if watermark else None)
        server = with_counts(settings, cpus=usable_cpus()).server
        workers = Workers(server.workers, server.requests_queue_size, server.max_clients)
        stack.callback(workers.close)
        health = HealthCheck()
        stack.callback(health.close)
        activity = Activity()
        watch = await stack.enter_async_context(
            watching(settings, surroundings, lambda: vitals(activity, workers.load, sources.budget))
        )
        if sources.breakers is not None:
            sources.breakers.witness = watch.origins
        maker = Maker(
            settings.sources,
            sources,
            renderer,
            workers,
            decodes=_shared_decodes(settings.sharing, watch.shared),
            spared=_counted(watch.shared),
            pictures=Pictures(watermark=watermark, fallback=fallback),
        )
        renders = RenderService(maker, _kept(settings, watermark, watch), spared=_counted(watch.shared))
        stack.push_async_callback(renders.close)
        yield Services(
            settings=settings,
            grammar=grammar,
            keys=SigningKeys.from_settings(settings.security),
            allowed_sources=settings.sources.allowed_sources,
            validator_rules=_validator_rules(settings.server),
            vary=vary(settings.formats, client_hints=settings.server.enable_client_hints),
            capabilities=capabilities,
            sources=sources,
            workers=workers,
            renders=renders,
            health=health,
            landing_page=landing_page(renderer, grammar, VERSION),
            watch=watch,
            activity=activity,
            response_headers=settings.headers.custom_response,
        )


def vitals(activity: Activity, load: Load, budget: ByteBudget | None) -> Vitals:
    """What this process's gauges show."""
    memory = tracked_memory()
    return Vitals(
        workers=load.count,
        requests_in_progress=activity.requests,
        images_in_progress=load.running + activity.streams,
        queue_length=load.queued,
        connections=activity.count_connections(),
        source_bytes_in_flight=budget.held_bytes if budget else 0,
        vips_memory_bytes=memory.held_bytes,
        vips_max_memory_bytes=memory.most_bytes,
        vips_allocs=memory.allocations,
    )


def _kept(settings: Settings, watermark: ConfiguredImage | None, watch: Watch) -> Kept | None:
    """The results that are made already, if the settings want any to be kept.

    Raises:
        ConfigurationError: their store cannot be used.
    """
    separator = settings.sources.source_url_query_separator
    results = open_results(settings.results, query_separator=separator, figures=watch.results)
    if results is None:
        return None
    mark = whole_of(watermark.image.data) if watermark else None
    keys = ResultKeys(settings, settings_fingerprint(settings, versions=runtime.versions(), watermark=mark))
    return Kept(results, keys, freshness_rules(settings.results), separator, settings.results.report_errors)


def _shared_decodes(settings: SharingSettings, figures: SharedFigures | None) -> SharedDecodes:
    max_bytes = 0 if settings.decode == "off" else settings.max_bytes
    return SharedDecodes(
        max_bytes, serves_smaller=settings.decode == "larger", spared=partial(_counted(figures), "decode")
    )


def _counted(figures: SharedFigures | None) -> Callable[[str], None]:
    return (lambda _kind: None) if figures is None else figures.spared


def _validator_rules(settings: ServerSettings) -> ValidatorRules:
    return ValidatorRules(
        etag_enabled=settings.etag_enabled,
        last_modified_enabled=settings.last_modified_enabled,
        etag_buster=settings.etag_buster,
        last_modified_buster=settings.last_modified_buster,
    )


async def build_renderer(settings: Settings, sources: Sources) -> Renderer:
    """The renderer with its watermark.

    Args:
        settings: with formats that this build can save, see `usable_formats`.
        sources: where the watermark comes from if it is a URL.

    Raises:
        ConfigurationError: the watermark is no picture.
    """
    mark = await configured_image(settings.watermark, sources, prefix="IMGPROXY_WATERMARK")
    return Renderer(settings, runtime.start(), mark.image if mark else None)


def _with_usable_formats(settings: Settings, capabilities: runtime.Capabilities) -> Settings:
    return dataclasses.replace(settings, formats=usable_formats(settings.formats, capabilities.savable))


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


def _warn(settings: Settings) -> None:
    if not settings.security.keys:
        _log.warning("No keys and salts are set: signatures are not checked")
    if settings.sources.local_filesystem_root is not None and str(settings.sources.local_filesystem_root) == "/":
        _log.warning("IMGPROXY_LOCAL_FILESYSTEM_ROOT is /: every readable file of this machine is a source")
