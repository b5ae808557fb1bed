"""Settings -> all sources that they enable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from renderer.security.allowed_sources import check_source
from renderer.settings.load import Settings
from renderer.sources.registry import Sources, open_sources
from renderer.sources.stores import open_stores


@asynccontextmanager
async def configured_sources(settings: Settings) -> AsyncIterator[Sources]:
    """The sources, until the block ends.

    Raises:
        ConfigurationError: one of them cannot be used with its settings.
    """
    wanted = settings.sources

    def check(url: str) -> None:
        check_source(url, wanted.allowed_sources, query_separator=wanted.source_url_query_separator)

    sources = open_sources(
        wanted, check_source=check, headers=settings.headers, proxies=settings.proxies, s3=settings.s3
    )
    try:
        sources.add(
            await open_stores(
                wanted, gcs=settings.gcs, abs_settings=settings.abs, swift=settings.swift, budget=sources.budget
            )
        )
        yield sources
    finally:
        await sources.close()
