"""The pictures that results are made from: each fetched and looked at once for all renders that need it at one time.

A fetch belongs to all who wait for it. Its bytes stay for as long as somebody uses them, and for a moment after they
have come others may still join: a page asks for several sizes of one picture at once. Only requests to which the source
would give the same answer share: same URL, same conditions, same headers that go on to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from renderer.errors import RequestTimeout, UnknownSourceType
from renderer.flights import Flights, Seat
from renderer.formats import detect
from renderer.response.validators import Conditions
from renderer.sources.registry import Sources
from renderer.sources.source import ClientRequest, NotModified, Source
from renderer.vips.levels import SharedDecodes
from renderer.vips.picture import SourceImage

_LINGERING_SECONDS: Final = 1.0
"""How old the bytes may be that a request joins. It bounds how long a source that has changed is still shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A source, its picture with the format that its bytes show, and the Unix time when it was asked for."""

    source: Source
    asked_at: float
    image: SourceImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be fetched: the arguments of `Sources.fetch`, and until when, on the loop's clock."""

    url: str
    max_bytes: int
    at: float
    conditions: Conditions = field(default_factory=Conditions)
    client: ClientRequest = field(default_factory=ClientRequest)


class Originals:
    """The originals that are fetched or in use."""

    def __init__(self, sources: Sources, decodes: SharedDecodes) -> None:
        self._sources = sources
        self._decodes = decodes
        self._flights: Flights[Original | NotModified] = Flights(lingering_seconds=_LINGERING_SECONDS, release=_let_go)

    @property
    def joined(self) -> int:
        """How many fetches were not needed."""
        return self._flights.joined

    def ask(self, wish: Wish) -> AbstractContextManager[Seat[Original | NotModified]]:
        """A seat in the fetch; the original may be used until it is left.

        What landing raises:
            SourceError: or one of its kinds.
            UnknownSourceType: the bytes show no known format.
            RequestTimeout: the time of whoever asked first was up.
        """
        return self._flights.join(self._key(wish), partial(self._fetched, wish))

    async def close(self) -> None:
        """Ends the fetches that still run."""
        await self._flights.close()

    def _key(self, wish: Wish) -> Hashable:
        return (wish.url, wish.max_bytes, wish.conditions, self._sources.audience(wish.url, wish.client))

    async def _fetched(self, wish: Wish) -> Original | NotModified:
        asked_at = time.time()
        try:
            async with asyncio.timeout_at(wish.at):
                source = await self._sources.fetch(
                    wish.url, conditions=wish.conditions, max_bytes=wish.max_bytes, client=wish.client
                )
        except TimeoutError as error:
            raise RequestTimeout("the source did not arrive before the deadline") from error
        if isinstance(source, NotModified):
            return replace(source, asked_at=asked_at)
        try:
            image = replace(source_image(source), levels=self._decodes.levels())
        except UnknownSourceType:
            source.lease.release()
            raise
        return Original(source=source, image=image, asked_at=asked_at)


def _let_go(original: Original | NotModified) -> None:
    if isinstance(original, Original):
        original.source.lease.release()
        if original.image.levels is not None:
            original.image.levels.close()


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
