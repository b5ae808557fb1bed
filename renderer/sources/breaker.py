"""A circuit breaker for each origin, so that a dead one cannot hold requests that others could use.

An origin is scheme, host and port of an http(s) URL, each hop of a redirect for itself, or scheme and bucket. What
counts against it is evidence that nothing there answers:

- no connection can be made;
- a request waited at least a second (half the time limit if that is less) and got nothing, or a gateway's 502, 503 or
  504, and in all that time the origin answered nobody else either.

After some such failures in a row the breaker opens: requests fail at once, as the one that opened it did. When the
pause is over one request is let through, and the next one a pause later, whatever became of the first. Any answer, a
404 as well as a quick 503, closes the breaker and forgets all failures.

Before that, while somebody has waited two seconds for an origin that answered nobody meanwhile, only a few requests may
wait there; more fail at once with 504.

Can somebody who chooses source URLs shut an origin for others? Not with URLs that fail quickly: a refused file, an
error page or a connection that breaks counts for nothing. With URLs that hang: not while anybody else is served,
because every answer in between makes the wait count for nothing. Only where he alone uses an origin that has URLs which
hang, he can have it left alone for a pause at a time; the first answer after he stops ends that. A redirect cannot do
it for another: each hop is judged by its own wait, and the time that an earlier hop took is not part of that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from renderer.errors import (
    SourceError,
    SourceIncomplete,
    SourceStatus,
    SourceTimeout,
    SourceTooLarge,
    SourceUnreachable,
    StoreUnreachable,
    UnknownSourceType,
)
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.object_url import object_address, scheme_of
from renderer.sources.source import NotModified, PromptLoader, RawRequest, RawSource, Source, SourceLoader

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS: Final = 0.5
_COUNTED_WAIT_SECONDS: Final = 1.0
_SUSPECT_WAIT_SECONDS: Final = 2.0
_MAX_ORIGINS: Final = 1024
"""How many origins with troubles are remembered; healthy ones are only while requests are under way."""

_GATEWAY_STATUSES: Final = frozenset({502, 503, 504})


_Kind = Callable[[str], SourceError]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How a request ended: `kind` if it may count as a failure, `is_answer` if the origin said something."""

    kind: _Kind | None = None
    is_answer: bool = False


@dataclass(slots=True)
class _Origin:
    """What is known of an origin. `pause_seconds` is 0 while the breaker is closed."""

    failures: int = 0
    answered_at: float = float("-inf")
    pause_seconds: float = 0.0
    retry_at: float = 0.0
    error: _Kind = SourceError
    waiting: dict[Inquiry, float] = field(default_factory=dict)

    @property
    def state(self) -> str:
        if not self.pause_seconds:
            return "closed"
        return "half-open" if self.waiting else "open"


@dataclass(slots=True, kw_only=True)
class BreakerCounts:
    """How often breakers opened, and how many requests failed without being sent, since the start."""

    opened: int = 0
    refused: int = 0


class Inquiry:
    """One request to an origin, until it has an answer.

    As a context manager: leaving it without a word is an answer, an exception may be a failure.
    """

    __slots__ = ("_end", "is_probe", "name", "origin", "started")

    def __init__(
        self, name: str, origin: _Origin, started: float, *, is_probe: bool, end: Callable[[Inquiry, _Outcome], None]
    ) -> None:
        self.name = name
        self.origin = origin
        self.started = started
        self.is_probe = is_probe
        self._end = end

    def answered(self, status: int = 200) -> None:
        """The origin's answer has begun to come. Only the first word on an inquiry counts."""
        if self.origin.waiting.pop(self, None) is not None:
            self._end(self, _GATEWAY if status in _GATEWAY_STATUSES else _ANSWER)

    def failed(self, error: BaseException) -> None:
        """The request ended with an error, which may be an answer, or nobody's failure."""
        if self.origin.waiting.pop(self, None) is not None:
            self._end(self, _outcome(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            self.answered()
        else:
            self.failed(error)


class OriginWitness(Protocol):
    """Somebody who counts what origins are asked and how often they fail."""

    def requested(self, origin: str) -> None:
        """A request is sent to an origin."""

    def failed(self, origin: str) -> None:
        """A request failed in a way that counts against its origin."""


class OriginBreakers:
    """The breakers of all origins of this process; `witness`, once it is set, is told of requests and failures."""

    def __init__(
        self,
        settings: SourceSettings,
        *,
        timeout_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout_seconds` stands in for the time limit of downloads; `clock` tells seconds."""
        limit = settings.download_timeout_seconds if timeout_seconds is None else timeout_seconds
        self._counted_wait_seconds = min(_COUNTED_WAIT_SECONDS, limit / 2)
        self._clock = clock
        self._max_failures = settings.origin_failures
        self._max_pause_seconds = settings.origin_max_pause_seconds
        self._max_waiting = settings.origin_max_waiting
        self._origins: OrderedDict[str, _Origin] = OrderedDict()
        self.counts = BreakerCounts()
        self.witness: OriginWitness | None = None

    def asking(self, name: str, *, shows_waits: bool = True) -> Inquiry:
        """A request to the origin `name`.

        Args:
            name: of the origin.
            shows_waits: the caller tells when an answer begins, so that until then the origin is silent.

        Raises:
            SourceError: the request must not be sent now; of the kind that earlier ones failed with.
        """
        now = self._clock()
        origin = self._origins.get(name)
        if origin is None:
            origin = self._origins[name] = _Origin()
            if len(self._origins) > _MAX_ORIGINS:
                self._origins.popitem(last=False)
        is_probe = self._admit(origin, now)
        if self.witness is not None:
            self.witness.requested(name)
        inquiry = Inquiry(name, origin, now, is_probe=is_probe, end=self._end)
        # A wait that includes the body says nothing about silence.
        origin.waiting[inquiry] = now if shows_waits else float("inf")
        return inquiry

    def states(self) -> Mapping[str, tuple[str, int]]:
        """State (`closed`, `open`, `half-open`) and failures in a row of each origin that has any."""
        return {name: (origin.state, origin.failures) for name, origin in self._origins.items() if origin.failures}

    def failing(self) -> list[str]:
        """The origins whose breaker is not closed."""
        return [name for name, origin in self._origins.items() if origin.pause_seconds]

    def _admit(self, origin: _Origin, now: float) -> bool:
        """Whether the request is a probe; raises SourceError if it must not be sent."""
        if origin.pause_seconds:
            if now < origin.retry_at:
                self.counts.refused += 1
                text = f"The source's origin is failing, not asked again for {origin.retry_at - now:.1f} s"
                raise origin.error(text)
            origin.retry_at = now + origin.pause_seconds
            return True
        if self._max_waiting and len(origin.waiting) >= self._max_waiting and _is_silent(origin, now):
            self.counts.refused += 1
            raise SourceTimeout(f"The source's origin answers nobody, and {len(origin.waiting)} requests wait for it")
        return False

    def _end(self, inquiry: Inquiry, outcome: _Outcome) -> None:
        origin, now, kind = inquiry.origin, self._clock(), outcome.kind
        is_long = kind in (SourceUnreachable, StoreUnreachable) or now - inquiry.started >= self._counted_wait_seconds
        if kind is not None and is_long:
            if origin.answered_at <= inquiry.started:
                self._fail(inquiry, kind, now)
        elif outcome.is_answer:
            origin.answered_at, origin.failures, origin.pause_seconds = now, 0, 0.0
        if not origin.failures and not origin.waiting and self._origins.get(inquiry.name) is origin:
            # An origin without troubles and requests needs no memory.
            del self._origins[inquiry.name]

    def _fail(self, inquiry: Inquiry, kind: _Kind, now: float) -> None:
        origin = inquiry.origin
        origin.failures += 1
        origin.error = kind
        if self.witness is not None:
            self.witness.failed(inquiry.name)
        if self._origins.get(inquiry.name) is origin:
            self._origins.move_to_end(inquiry.name)
        if origin.pause_seconds:
            # Only what was sent to find out makes the pause longer, not what was under way when the breaker opened.
            if inquiry.is_probe:
                origin.pause_seconds = min(origin.pause_seconds * 2, self._max_pause_seconds)
                origin.retry_at = max(origin.retry_at, now + origin.pause_seconds)
        elif self._max_failures and origin.failures >= self._max_failures:
            self.counts.opened += 1
            origin.pause_seconds = min(_FIRST_PAUSE_SECONDS, self._max_pause_seconds)
            origin.retry_at = now + origin.pause_seconds
            _log.warning("The origin %s is failing and is left alone for a moment", inquiry.name)


class BreakerLoader:
    """A loader behind breakers, one for each bucket."""

    def __init__(self, loader: SourceLoader, breakers: OriginBreakers) -> None:
        self._loader = loader
        self._prompt = loader if isinstance(loader, PromptLoader) else None
        self._breakers = breakers

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
        """What the loader brings; raises what it raises, and as `OriginBreakers.asking` does."""
        with self._breakers.asking(_bucket(url), shows_waits=False):
            return await self._loader.fetch(url, conditions=conditions, max_bytes=max_bytes)

    def at_once(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified | None:
        """What the loader has; that says nothing of how its bucket is, and does not depend on it."""
        if self._prompt is None:
            return None
        answer = self._prompt.at_once(url, conditions=conditions, max_bytes=max_bytes)
        if answer is not None and self._breakers.witness is not None:
            self._breakers.witness.requested(_bucket(url))
        return answer

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """As `fetch`; the body is not waited for."""
        with self._breakers.asking(_bucket(url)) as inquiry:
            source = await self._loader.stream(url, request)
            inquiry.answered(source.status)
            return source

    async def close(self) -> None:
        """Closes the loader."""
        await self._loader.close()


def _bucket(url: str) -> str:
    return f"{scheme_of(url)}://{object_address(url, query_separator='').container}"


def _is_silent(origin: _Origin, now: float) -> bool:
    """Whether the request that waits longest has waited long, and nobody was answered since it began."""
    oldest = next(iter(origin.waiting.values()))
    return now - oldest > _SUSPECT_WAIT_SECONDS and origin.answered_at <= oldest


def _outcome(error: BaseException) -> _Outcome:
    if isinstance(error, SourceStatus):
        return _GATEWAY if error.status == 502 else _ANSWER
    if isinstance(error, SourceTooLarge | SourceIncomplete | UnknownSourceType):
        return _ANSWER
    if isinstance(error, SourceTimeout | asyncio.CancelledError):
        # Who is canceled has been given up by a deadline or a client: the wait counts if it was long.
        return _Outcome(kind=SourceTimeout)
    if isinstance(error, SourceUnreachable):
        return _Outcome(kind=type(error))
    return _Outcome(kind=SourceError if type(error) is SourceError else None)


def _bad_gateway(text: str) -> SourceError:
    return SourceStatus(text, source_status=502)


_ANSWER: Final = _Outcome(is_answer=True)
_GATEWAY: Final = _Outcome(kind=_bad_gateway, is_answer=True)
