"""Which scheme is read by whom (spec 03 section 4.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

from aiohttp.abc import AbstractResolver

from renderer.errors import ConfigurationError, SourceError
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.http import HttpLoader
from renderer.sources.local import LocalLoader
from renderer.sources.object_url import scheme_of
from renderer.sources.source import NotModified, RawRequest, RawSource, Source, SourceLoader
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

    def __init__(self, loaders: Mapping[str, SourceLoader]) -> None:
        """`loaders` by lower-case scheme; one loader may stand under several."""
        self._loaders = loaders

    async def fetch(
        self, url: str, *, conditions: Conditions | None = None, max_bytes: int = 0
    ) -> Source | NotModified:
        """The whole source, or the word that it has not changed since `conditions`.

        Args:
            url: after replacements and base URL; the caller has held it against the allow-list.
            conditions: makes the fetch conditional.
            max_bytes: the largest file that passes; 0 leaves the memory's bound.

        Raises:
            SourceError: or one of its kinds.
            SourceNotAllowed: a redirect led to a URL that the allow-list refuses.
        """
        return await self._loader(url).fetch(url, conditions=conditions or Conditions(), max_bytes=max_bytes)

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """The source as it is, for `raw:1`; the caller closes it. Raises as `fetch` does."""
        return await self._loader(url).stream(url, request)

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
) -> Sources:
    """The sources that the settings enable. It must be called while the event loop runs.

    Args:
        settings: what is enabled, and the limits.
        check_source: called with the URL of every redirect; raises SourceNotAllowed.
        resolver: looks host names up; the system's by default.
        executor: its threads read files; the event loop's own pool by default.

    Raises:
        ConfigurationError: the folder for local sources is not there.
    """
    root = settings.local_filesystem_root
    if root is not None and not Path(root).is_dir():
        raise ConfigurationError([f"IMGPROXY_LOCAL_FILESYSTEM_ROOT: expected an existing folder, got {str(root)!r}"])
    http = HttpLoader(settings, check_source=check_source, resolver=resolver)
    loaders: dict[str, SourceLoader] = {"http": http, "https": http}
    if root is not None:
        loaders["local"] = LocalLoader(Filesystem(root), settings, executor=executor)
    return Sources(loaders)
