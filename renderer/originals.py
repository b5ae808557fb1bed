"""The pictures that results are made from: each fetched and looked at once for all renders that need it at one time.

The bytes stay for as long as somebody uses them, and for a moment after they have come others may still join: a page
asks for several sizes of one picture at once. Only requests to which the source would give the same answer share: same
URL, same conditions, same headers that go on to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Final

from msgspec import Struct

from renderer.errors import RequestTimeout, UnknownSourceType
from renderer.flights import Flights
from renderer.formats import detect
from renderer.response.validators import NO_CONDITIONS, Conditions
from renderer.sources.registry import Sources
from renderer.sources.source import ANONYMOUS, ClientRequest, NotModified, Source
from renderer.storage.held_file import head_of
from renderer.vips.levels import Levels, SharedDecodes
from renderer.vips.picture import SourceImage

_JOINABLE_SECONDS: Final = 1.0
"""How old the bytes may be that a request joins. It bounds how long a source that has changed is still shown."""


class Original(Struct, kw_only=True):
    """A source, its picture with the format that its bytes show, and the Unix time when it was asked for.

    `key` is what it is found under, `users` how many renders have it.
    """

    key: Hashable
    source: Source
    asked_at: float
    image: SourceImage
    users: int = 1
    joinable_until: float

    @property
    def is_shared(self) -> bool:
        """Whether other renders use it at the same time."""
        return self.users > 1


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be fetched: the arguments of `Sources.fetch`, and until when, on the loop's clock."""

    url: str
    max_bytes: int
    at: float
    conditions: Conditions = NO_CONDITIONS
    client: ClientRequest = ANONYMOUS


class Originals:
    """The originals that are fetched or in use."""

    def __init__(self, sources: Sources, decodes: SharedDecodes, spared: Callable[[str], None]) -> None:
        self._sources = sources
        self._decodes = decodes
        self._spared = spared
        self._flights: Flights[Original | NotModified] = Flights(boarded=_board, left=_leave)
        self._in_use: dict[Hashable, Original] = {}
        self.joined = 0

    async def taken(self, wish: Wish) -> Original | NotModified:
        """The original, which the caller lets go of with `leave`, or the word that it has not changed.

        Raises:
            SourceError: or one of its kinds.
            UnknownSourceType: the bytes show no known format.
            RequestTimeout: time was up.
        """
        key = (wish.url, wish.max_bytes, wish.conditions, self._sources.audience(wish.url, wish.client))
        found = self._in_use.get(key)
        if found is not None and asyncio.get_running_loop().time() < found.joinable_until:
            self._join()
            found.users += 1
            return found
        asked_at = time.time()
        source = self._sources.at_once(wish.url, conditions=wish.conditions, max_bytes=wish.max_bytes)
        if source is not None:
            return self._original(source, key, asked_at)
        answer, is_own = await self._flights.shared(key, partial(self._fetched, wish, key), wish.at)
        if not is_own:
            self._join()
        return answer

    def leave(self, original: Original) -> None:
        """Lets go of an original that was taken."""
        _leave(original)
        if not original.users and self._in_use.get(original.key) is original:
            del self._in_use[original.key]

    def _join(self) -> None:
        self.joined += 1
        self._spared("download")

    async def _fetched(self, wish: Wish, key: Hashable) -> Original | NotModified:
        asked_at = time.time()
        try:
            async with asyncio.timeout_at(wish.at):
                source = await self._sources.fetch(
                    wish.url, conditions=wish.conditions, max_bytes=wish.max_bytes, client=wish.client
                )
        except TimeoutError as error:
            raise RequestTimeout("the source did not arrive before the deadline") from error
        return self._original(source, key, asked_at)

    def _original(self, source: Source | NotModified, key: Hashable, asked_at: float) -> Original | NotModified:
        """What has come, known to who asks for the same next; raises UnknownSourceType."""
        if isinstance(source, NotModified):
            return replace(source, asked_at=asked_at)
        try:
            image = source_image(source, self._decodes.levels())
        except UnknownSourceType:
            source.release()
            raise
        joinable_until = asyncio.get_running_loop().time() + _JOINABLE_SECONDS
        original = Original(key=key, source=source, image=image, asked_at=asked_at, joinable_until=joinable_until)
        self._in_use[key] = original
        return original


def _board(answer: Original | NotModified) -> None:
    if isinstance(answer, Original):
        answer.users += 1


def _leave(answer: Original | NotModified) -> None:
    if not isinstance(answer, Original):
        return
    answer.users -= 1
    if not answer.users:
        answer.source.release()
        if answer.image.levels is not None:
            answer.image.levels.close()


def source_image(source: Source, levels: Levels | None = None) -> SourceImage:
    """The source with the format that its bytes show, and the decoded sizes that renders of it share.

    Raises:
        UnknownSourceType: they show none.
    """
    path = source.url.partition("?")[0].rpartition("/")[2]
    extension = path.rpartition(".")[2] if "." in path else ""
    format = detect(head_of(source.data), extension=extension, content_type=source.headers.content_type or "")
    if format is None:
        error = UnknownSourceType("Source image type not supported")
        error.etag, error.last_modified = source.headers.etag, source.headers.last_modified
        raise error
    return SourceImage(data=source.data, format=format, levels=levels)
