"""Results that are made already: looked up, checked against their sources' word, kept (DESIGN section 5).

What is kept is never the answer to a failure and never what a source said to one client only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from renderer.cache.entry import StoredResult
from renderer.cache.figures import CacheState
from renderer.cache.freshness import FreshnessRules, OriginCaching, fresh_until, may_be_shared
from renderer.cache.result_key import ResultKeys
from renderer.cache.results import Results
from renderer.cache.tags import original_tag
from renderer.formats import ImageFormat
from renderer.pipeline.geometry import Size
from renderer.rendition import Rendition, Turn
from renderer.request.values import RenderRequest
from renderer.response.validators import NO_CONDITIONS, Conditions
from renderer.sources.source import NotModified, SourceHeaders
from renderer.sources.validators import is_not_modified
from renderer.telemetry.observation import Observation
from renderer.vips.picture import RenderedImage


@dataclass(frozen=True, slots=True)
class Kept:
    """The kept results under one configuration.

    Attributes:
        results: where they are.
        keys: what tells them apart.
        rules: for how long they are fresh.
        query_separator: divides key and query of originals.
        reports_errors: whether errors of the store go to those who watch the request.
    """

    results: Results
    keys: ResultKeys
    rules: FreshnessRules
    query_separator: str
    reports_errors: bool = False

    def key(self, wanted: RenderRequest, turn: Turn) -> str | None:
        """The key of a request's result; None if its results are not for others."""
        return self.keys.key(turn.key, wanted.source_url, turn.headers)

    def remembered(self, key: str, conditions: Conditions) -> Rendition | NotModified | None:
        """The result that is in this process's memory and fresh, or the word that the client has it."""
        entry = self.results.remembered(key)
        if entry is None or not entry.is_fresh(time.time()):
            return None
        if conditions != NO_CONDITIONS:
            return answer(entry, conditions, CacheState.HIT_MEMORY)
        ready: Rendition | NotModified | None = entry.ready.get("rendition")
        if ready is None:
            ready = entry.ready["rendition"] = answer(entry, conditions, CacheState.HIT_MEMORY)
        return ready

    async def found(self, key: str, wanted: RenderRequest, seen: Observation) -> StoredResult | None:
        """The entry in memory or in the store, fresh or not."""
        tag = original_tag(wanted.source_url, self.query_separator)
        return await self.results.find(key, tag, failed=seen.failed if self.reports_errors else None)

    def keep(self, key: str, rendition: Rendition) -> None:
        """Keeps a result if it may be kept."""
        until = self._fresh_until(rendition.originals[0], rendition.caching, rendition.asked_at)
        if rendition.failure is not None or until is None or not may_be_shared(200, rendition.caching.passed):
            self.results.forget(key)
            return
        self.results.keep(key, stored(rendition, until))

    def refresh(self, key: str, entry: StoredResult, said: NotModified) -> StoredResult:
        """The entry after its source has said that nothing changed."""
        until = self._fresh_until(entry.originals[0], said.headers, said.asked_at)
        if until is None:
            self.results.forget(key)
            return entry
        return self.results.refresh(key, entry, began_at=said.asked_at, fresh_until=until)

    def _fresh_until(self, source_url: str, said: SourceHeaders, asked_at: float) -> float | None:
        caching = OriginCaching(cache_control=said.cache_control, expires=said.expires, date=said.date, age=said.age)
        return fresh_until(source_url, caching, asked_at, self.rules)


def answer(entry: StoredResult, conditions: Conditions, state: CacheState) -> Rendition | NotModified:
    """The entry as a result, or the word that the client has it."""
    headers = SourceHeaders(
        etag=entry.etag,
        last_modified=entry.last_modified,
        cache_control=entry.cache_control,
        expires=entry.expires,
        passed=dict(entry.passed),
    )
    if is_not_modified(headers, conditions):
        return NotModified(headers=headers)
    image = RenderedImage(
        data=entry.body,
        format=ImageFormat(entry.format),
        origin=Size(*entry.origin_size),
        result=Size(*entry.result_size),
    )
    return Rendition(
        image=image,
        source_bytes=entry.source_bytes,
        validators=headers,
        caching=headers,
        originals=entry.originals,
        asked_at=entry.began_at,
        state=state,
    )


def stored(rendition: Rendition, until: float) -> StoredResult:
    """The entry of a result that is fresh until a Unix time."""
    image, headers = rendition.image, rendition.validators
    return StoredResult(
        body=image.data,
        format=image.format.value,
        origin_size=(image.origin.width, image.origin.height),
        result_size=(image.result.width, image.result.height),
        source_bytes=rendition.source_bytes,
        etag=headers.etag,
        last_modified=headers.last_modified,
        cache_control=headers.cache_control,
        expires=headers.expires,
        passed=tuple(headers.passed.items()),
        originals=rendition.originals,
        began_at=rendition.asked_at,
        fresh_until=until,
    )
