"""Which scheme is read by whom (spec 03 section 4.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

from aiohttp.abc import AbstractResolver

from renderer.errors import ConfigurationError, SourceError
from renderer.response.validators import Conditions
from renderer.settings.headers import HeaderSettings
from renderer.settings.proxies import ProxySettings
from renderer.settings.s3 import S3Settings
from renderer.settings.sources import SourceSettings
from renderer.sources.breaker import BreakerLoader, OriginBreakers
from renderer.sources.budget import ByteBudget
from renderer.sources.http import HttpLoader
from renderer.sources.local import LocalLoader
from renderer.sources.object_url import scheme_of
from renderer.sources.source import (
    ClientRequest,
    NotModified,
    PromptLoader,
    RawRequest,
    RawSource,
    Source,
    SourceLoader,
)
from renderer.storage.cached_files import CachedFiles
from renderer.storage.filesystem import Filesystem

_ENABLED_BY: Final[Mapping[str, str]] = {
    "local": "IMGPROXY_LOCAL_FILESYSTEM_ROOT",
    "s3": "IMGPROXY_USE_S3",
    "gs": "IMGPROXY_USE_GCS",
    "abs": "IMGPROXY_USE_ABS",
    "swift": "IMGPROXY_USE_SWIFT",
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Sources:
    """All sources behind one door: the URL's scheme chooses."""

    def __init__(
        self,
        loaders: Mapping[str, SourceLoader],
        *,
        breakers: OriginBreakers | None = None,
        budget: ByteBudget | None = None,
    ) -> None:
        """`loaders` by lower-case scheme; one loader may stand under several.

        `breakers` and `budget` are those that the loaders use, for whoever wants figures of them.
        """
        self._loaders: dict[str, SourceLoader] = {}
        self._prompt: dict[str, PromptLoader] = {}
        self._set(loaders)
        self.breakers = breakers
        self.budget = budget

    async def fetch(
        self,
        url: str,
        *,
        conditions: Conditions | None = None,
        max_bytes: int = 0,
        client: ClientRequest | None = None,
    ) -> Source | NotModified:
        """The whole source, or the word that it has not changed since `conditions`.

        Args:
            url: after replacements and base URL; the caller has held it against the allow-list.
            conditions: makes the fetch conditional.
            max_bytes: the largest file that passes; 0 leaves the memory's bound.
            client: what http(s) sources may be told of the request; others are told nothing.

        Raises:
            SourceError: or one of its kinds.
            SourceNotAllowed: a redirect led to a URL that the allow-list refuses.
        """
        loader, asked = self._loader(url), conditions or Conditions()
        if client is not None and isinstance(loader, HttpLoader):
            return await loader.fetch(url, conditions=asked, max_bytes=max_bytes, client=client)
        return await loader.fetch(url, conditions=asked, max_bytes=max_bytes)

    def at_once(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified | None:
        """The answer of `fetch` if nothing has to be waited for; None if something has, or nobody reads the URL."""
        loader = self._prompt.get(scheme_of(url))
        if loader is None or _CONTROL.search(url):
            return None
        return loader.at_once(url, conditions=conditions, max_bytes=max_bytes)

    def audience(self, url: str, client: ClientRequest) -> Hashable:
        """What of the client's request may change the source's answer; equal for requests that may share one."""
        loader = self._loaders.get(scheme_of(url))
        return loader.audience(client) if isinstance(loader, HttpLoader) else None

    async def stream(self, url: str, request: RawRequest, *, client: ClientRequest | None = None) -> RawSource:
        """The source as it is, for `raw:1`; the caller closes it. Arguments and errors are those of `fetch`."""
        loader = self._loader(url)
        if client is not None and isinstance(loader, HttpLoader):
            return await loader.stream(url, request, client=client)
        return await loader.stream(url, request)

    def add(self, loaders: Mapping[str, SourceLoader]) -> None:
        """Further loaders by scheme; they get breakers and are closed as the others."""
        breakers = self.breakers
        for scheme, loader in loaders.items():
            self._set({scheme: loader if breakers is None else BreakerLoader(loader, breakers)})

    def _set(self, loaders: Mapping[str, SourceLoader]) -> None:
        for scheme, loader in loaders.items():
            self._loaders[scheme] = loader
            if isinstance(loader, PromptLoader):
                self._prompt[scheme] = loader

    async def close(self) -> None:
        """Frees every loader's connections."""
        for loader in dict.fromkeys(self._loaders.values()):
            await loader.close()

    def _loader(self, url: str) -> SourceLoader:
        if _CONTROL.search(url):
            raise SourceError("Source URL is malformed: a control character")
        scheme = scheme_of(url)
        loader = self._loaders.get(scheme)
        if loader is None:
            variable = _ENABLED_BY.get(scheme)
            hint = f" (set {variable} to enable)" if variable else ""
            raise SourceError(f"Can't download source image: unknown scheme: {scheme[:100]}{hint}")
        return loader


def open_sources(
    settings: SourceSettings,
    *,
    check_source: Callable[[str], None],
    resolver: AbstractResolver | None = None,
    executor: Executor | None = None,
    headers: HeaderSettings | None = None,
    proxies: ProxySettings | None = None,
    s3: S3Settings | None = None,
) -> Sources:
    """The sources that the settings enable. It must be called while the event loop runs.

    Args:
        settings: what is enabled, and the limits.
        check_source: called with the URL of every redirect; raises SourceNotAllowed.
        resolver: looks host names up; the system's by default.
        executor: its threads read files; the event loop's own pool by default.
        headers: what is added to requests of http(s) sources and passed on from answers; nothing by default.
        proxies: of http(s) sources; none by default.
        s3: turns `s3://` on.

    Raises:
        ConfigurationError: the folder for local sources is not there, or the settings of a store cannot be used.
    """
    root = settings.local_filesystem_root
    if root is not None and not Path(root).is_dir():
        raise ConfigurationError([f"IMGPROXY_LOCAL_FILESYSTEM_ROOT: expected an existing folder, got {str(root)!r}"])
    breakers, budget = OriginBreakers(settings), ByteBudget(settings.max_source_bytes_in_flight)
    loaders: dict[str, SourceLoader] = {}
    if s3 is not None and s3.enabled:
        from renderer.sources.s3 import S3Loader  # the SDK takes 0.3 s to import

        loaders["s3"] = S3Loader(s3, settings, budget=budget)
    if root is not None:
        cached = CachedFiles(root)
        loaders["local"] = LocalLoader(Filesystem(root), settings, cached=cached, executor=executor, budget=budget)
    http = HttpLoader(
        settings,
        check_source=check_source,
        headers=headers,
        proxies=proxies,
        resolver=resolver,
        breakers=breakers,
        budget=budget,
    )
    # Hops of one http(s) fetch have several origins: that loader asks the breakers itself.
    guarded = {scheme: BreakerLoader(loader, breakers) for scheme, loader in loaders.items()}
    return Sources({**guarded, "http": http, "https": http}, breakers=breakers, budget=budget)
