"""The stores whose libraries are optional: which of them the settings enable, and what is missing for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from renderer.errors import ConfigurationError
from renderer.settings.sources import SourceSettings
from renderer.settings.stores import AbsSettings, GcsSettings, SwiftSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.source import SourceLoader


async def open_stores(
    sources: SourceSettings,
    *,
    gcs: GcsSettings,
    abs_settings: AbsSettings,
    swift: SwiftSettings,
    budget: ByteBudget | None = None,
) -> dict[str, SourceLoader]:
    """The loaders of the stores that are enabled, by scheme; the caller closes them. `budget` bounds their bodies.

    Raises:
        ConfigurationError: a library is missing, or a store cannot be used with its settings.
    """
    loaders: dict[str, SourceLoader] = {}
    async with AsyncExitStack() as opened:
        if gcs.enabled:
            with _extra("gcs", variable="IMGPROXY_USE_GCS"):
                from renderer.sources.gcs import open_gcs
            loaders["gs"] = await open_gcs(gcs, sources, budget)
            opened.push_async_callback(loaders["gs"].close)
        if abs_settings.enabled:
            with _extra("azure", variable="IMGPROXY_USE_ABS"):
                from renderer.sources.azure import open_abs
            loaders["abs"] = open_abs(abs_settings, sources, budget)
            opened.push_async_callback(loaders["abs"].close)
        if swift.enabled:
            with _extra("swift", variable="IMGPROXY_USE_SWIFT"):
                from renderer.sources.swift import open_swift
            loaders["swift"] = await open_swift(swift, sources, budget)
        opened.pop_all()
    return loaders


@contextmanager
def _extra(name: str, *, variable: str) -> Iterator[None]:
    """Around the import of a module that needs an extra."""
    try:
        yield
    except ImportError as error:
        raise ConfigurationError([f"{variable}: needs the extra: pip install bildwerk[{name}] ({error})"]) from error
