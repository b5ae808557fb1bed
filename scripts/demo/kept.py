"""Answers that the demonstration's CDN keeps: by path and canonical Accept, for as long as they say, dropped by tag."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDict

MAX_BYTES: Final = 256 * 1024 * 1024
"""Of all answers together; the one used longest ago makes room."""

NOT_FOUND_SECONDS: Final = 10
"""For a 404 without an age of its own, as in compose/nginx.conf."""

_OWN_BYTES: Final = 2048
"""What an answer takes beside its body: key, headers, tags, objects."""

_DIRECTIVE: Final = re.compile(r'\s*([a-z-]+)(?:="?(\d+)"?)?\s*')

_FORMATS: Final = ("image/avif", "image/webp")
"""Those that this demonstration's renderer answers with where they are accepted."""

Key = tuple[str, str]
"""A path and a canonical Accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the renderer has answered; `headers` has no hop-by-hop ones, `at` is on a monotonic clock."""

    status: int
    headers: CIMultiDict[str]
    body: bytes
    tags: frozenset[str]
    seconds: int
    at: float

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.body) + _OWN_BYTES


class Kept:
    """The answers.

    Args:
        max_bytes: of all together.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._max_bytes = max_bytes
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Key, now: float) -> Answer | None:
        """The answer, if it may still be given."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        if now >= answer.at + answer.seconds:
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return answer

    def put(self, key: Key, answer: Answer) -> None:
        """Keeps an answer, if it may be kept at all and is not larger than everything."""
        if answer.seconds <= 0 or answer.size > self._max_bytes:
            return
        self._drop(key)
        self._answers[key] = answer
        self.bytes += answer.size
        while self.bytes > self._max_bytes:
            self._drop(next(iter(self._answers)))

    def drop_tagged(self, tags: Collection[str]) -> int:
        """Drops every answer with one of these tags, in lower case; how many there were."""
        found = [key for key, answer in self._answers.items() if not answer.tags.isdisjoint(tags)]
        for key in found:
            self._drop(key)
        return len(found)

    def _drop(self, key: Key) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self.bytes -= answer.size


def seconds_to_keep(status: int, cache_control: str) -> int:
    """How long a shared cache keeps an answer: `s-maxage` before `max-age` (RFC 9111 section 4.2.1).

    Args:
        status: of the answer; only pictures and what is not there are kept, never an error.
        cache_control: of the answer, empty if there is none.
    """
    if status not in (200, 404):
        return 0
    directives: dict[str, str] = {}
    for part in cache_control.lower().split(","):
        if match := _DIRECTIVE.fullmatch(part):
            directives.setdefault(match[1], match[2] or "")
    if not directives.keys().isdisjoint(("no-store", "no-cache", "private")):
        return 0
    for name in ("s-maxage", "max-age"):
        if directives.get(name):
            return int(directives[name])
    return NOT_FOUND_SECONDS if status == 404 else 0


def canonical_accept(accept: str) -> str:
    """One of four values in place of the hundreds that browsers send, by the rule of infra/delivery/accept.

    Args:
        accept: the first line of the header, empty if there is none; case matters, quality values do not.
    """
    return ",".join((*(name for name in _FORMATS if name in accept), "*/*"))


def tags_of(header: str) -> frozenset[str]:
    """The tags of a Cache-Tag header; CloudFront compares them without case."""
    return frozenset(tag for part in header.split(",") if (tag := part.strip().lower()))
