"""Calls of functions as Lambda makes them: each in a thread of its own, a bounded number at once, each with a deadline.

A thread cannot be ended from outside. A function that outlives its deadline keeps its slot until it returns, so that
functions that hang make others wait, and never threads without number.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from api.problems import TimedOut

Event: TypeAlias = Mapping[str, Any]
Function: TypeAlias = Callable[[Event, object], object]

REGION: Final = "local"
ACCOUNT: Final = "000000000000"

_MEMORY_MB: Final = 2048


class Malformed(Exception):
    """What a function answered is none that API Gateway takes; the text says why and quotes nothing of it."""


class Functions(Protocol):
    """The functions of the API, as Lambda calls them: an event and a context in, an answer out."""

    def upload(self, event: Event, context: object) -> object:
        """Stores a picture (REST proxy event)."""

    def presign(self, event: Event, context: object) -> object:
        """Gives out places for large files (REST proxy event)."""

    def read(self, event: Event, context: object) -> object:
        """Tells of originals (REST proxy event)."""

    def delete(self, event: Event, context: object) -> object:
        """Deletes an original (REST proxy event)."""

    def authorize(self, event: Event, context: object) -> object:
        """The policy of a token (REQUEST authorizer event)."""

    def arrival(self, event: Event, context: object) -> object:
        """Deals with large files that have arrived (S3 event)."""

    def change(self, event: Event, context: object) -> object:
        """Orders purges for what was changed in the store (S3 event)."""

    def purge(self, event: Event, context: object) -> object:
        """Purges what the queue holds (SQS event)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What Lambda tells a function about its call; `ends_at` is on the monotonic clock."""

    function_name: str
    aws_request_id: str
    ends_at: float
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = _MEMORY_MB

    @property
    def invoked_function_arn(self) -> str:
        """The function's name among all of AWS."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """What is left until the deadline."""
        return max(0, round((self.ends_at - time.monotonic()) * 1000))


class Calls:
    """At most `most` calls at once; more wait for them."""

    def __init__(self, most: int) -> None:
        self._slots = asyncio.Semaphore(most)

    async def run(self, function: Function, event: Event, context: Context) -> object:
        """What the function answers, or whatever it raises.

        Raises:
            TimedOut: no thread was free, or no answer there, before the deadline of the context.
        """
        try:
            async with asyncio.timeout(context.ends_at - time.monotonic()):
                await self._slots.acquire()
                answer = self._started(function, event, context)
                return await answer
        except TimeoutError as error:
            # The function may raise one, too; to whoever waits for it that is the same.
            raise TimedOut("The function did not answer in time; it may still do what it was asked to.") from error

    def _started(self, function: Function, event: Event, context: Context) -> asyncio.Future[object]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[object] = loop.create_future()

        def ended(value: object, error: BaseException | None) -> None:
            self._slots.release()
            if answer.done():
                return  # nobody waits any more
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)

        def call() -> None:
            value, error = None, None
            try:
                value = function(event, context)
            except BaseException as raised:  # noqa: BLE001  it belongs to whoever waits
                # A future takes no StopIteration, and nobody's SystemExit may end the server.
                is_plain = isinstance(raised, Exception) and not isinstance(raised, StopIteration)
                error = raised if is_plain else RuntimeError(f"ended by {type(raised).__name__}")
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server has stopped waiting
                loop.call_soon_threadsafe(ended, value, error)

        try:
            # A daemon: a function that hangs does not keep the process from ending.
            threading.Thread(target=call, name=context.function_name, daemon=True).start()
        except RuntimeError:
            self._slots.release()
            raise
        return answer
