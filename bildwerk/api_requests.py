"""Requests to the upload API: each with a deadline, and tried again where that may help.

Tried again are answers that say so (429, 502, 503, 504) and connections that break, with growing pauses, or after what
`Retry-After` says; every request of the API may be repeated without harm. Redirects are not followed, so the token goes
to the API and to nobody else.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from yarl import URL

from bildwerk.api_access import Access
from renderer.version import VERSION

ATTEMPTS: Final = 6
_LONGEST_PAUSE_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 60.0
"""Twice what API Gateway waits for a function."""
_SLOWEST: Final = 16_384
"""Bytes a second: a file may take so long."""
_MOST_BYTES: Final = 1_048_576
"""Of an answer."""
_AGAIN: Final = (429, 502, 503, 504)

MakeBody = Callable[[], Any]
"""Makes what aiohttp sends, anew for each attempt."""
Tell = Callable[[int], None]
"""Gets the bytes that went out; 0 begins anew."""


class Refused(Exception):
    """The API does not do it; `str()` of it is why.

    Attributes:
        status: of the answer.
        name: of the problem (api.problems), or blank.
        document: the answer's JSON, for programs.
        attempts: how often it was asked for.
    """

    def __init__(
        self, status: int, name: str, detail: str, *, document: Mapping[str, Any] | None = None, attempts: int = 1
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.document = document or {}
        self.attempts = attempts


class TokenRefused(Refused):
    """The token is not known: nothing else will be done either."""


class Unreachable(Exception):
    """There was no answer, as often as it was tried."""


class Again(Exception):
    """An attempt that failed in a way that another one need not."""

    def __init__(self, reason: str, after_seconds: float = 0.0, refusal: Refused | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to a request, which was sent so many times."""

    status: int
    body: bytes
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent.

    Attributes:
        body: None for none.
        size: of what the deadline depends on, in bytes.
        tell: gets the progress of the body.
    """

    method: str
    url: str
    body: MakeBody | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    tell: Tell | None = None


@dataclass(slots=True)
class _Watch:
    """What happens to a request within aiohttp, which sends some again by itself when a kept connection is dead."""

    tell: Tell | None
    times: int = 0


class Connection:
    """Sends requests.

    Args:
        access: where the API is, and as whom to ask.
        session: of aiohttp, see `opened`.
        sleep: pauses for seconds.
        note: is told of a failure that is tried again.
    """

    def __init__(
        self,
        access: Access,
        session: aiohttp.ClientSession,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._access = access
        self._session = session
        self._note = note
        self.sleep = sleep

    async def ask(self, method: str, path: str, body: MakeBody | None = None, **more: Any) -> Answer:  # noqa: ANN401  members of a request
        """The API's answer, if it is a good one.

        Raises:
            Refused: it is not.
            Unreachable: there is none.
        """
        headers = {**more.pop("headers", {}), "Authorization": f"Bearer {self._access.token}"}
        request = Request(method=method, url=f"{self._access.url}{path}", body=body, headers=headers, **more)
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self.send(request)
            except Again as failure:
                await self.again(attempt, failure)
            else:
                if answer.status < 300:
                    return answer
                raise _refusal(answer, attempts=attempt - 1 + answer.times)

    async def send(self, request: Request) -> Answer:
        """The answer to one attempt, whatever it is.

        Raises:
            Again: there is none, or one after which another attempt may do better.
        """
        url = URL(request.url, encoded=True)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS + request.size / _SLOWEST):
                answer, after_seconds = await self._exchanged(request, url)
        except TimeoutError as error:
            raise Again(f"no answer from {url.authority} in time") from error
        except aiohttp.ClientError as error:
            raise Again(f"no connection to {url.authority}: {_told(error)}") from error
        if answer.status in _AGAIN:
            refusal = _refusal(answer)
            raise Again(f"{url.authority} says: {refusal}", after_seconds, refusal)
        return answer

    async def _exchanged(self, request: Request, url: URL) -> tuple[Answer, float]:
        watch = _Watch(request.tell)
        async with self._session.request(
            request.method,
            url,
            data=request.body() if request.body else None,
            headers=request.headers,
            allow_redirects=False,
            trace_request_ctx=watch,
        ) as response:
            after = response.headers.get("Retry-After", "")
            seconds = float(after) if after.isascii() and after.isdecimal() and len(after) < 6 else 0.0
            return Answer(status=response.status, body=await _body(response), times=watch.times), seconds

    async def again(self, attempt: int, failure: Again) -> None:
        """Waits before the next attempt, from 1.

        Raises:
            Refused: that was the last one, and the answer says why.
            Unreachable: that was the last one, and there was no answer.
        """
        if attempt >= ATTEMPTS:
            raise failure.refusal or Unreachable(f"no answer after {attempt} attempts: {failure}") from failure
        self._note(str(failure).rstrip("."))
        growing = 0.5 * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311  so that clients do not come at once
        await self.sleep(min(_LONGEST_PAUSE_SECONDS, max(growing, failure.after_seconds)))


@asynccontextmanager
async def opened(access: Access, *, connections: int, note: Callable[[str], None]) -> AsyncIterator[Connection]:
    """A connection to the API, of so many of TCP at most."""
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(_begin)
    trace.on_connection_reuseconn.append(_begin)
    trace.on_request_chunk_sent.append(_count)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        headers={"User-Agent": f"bildwerk-client/{VERSION}", "Accept": "application/json"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_ANSWER_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
    ) as session:
        yield Connection(access, session, note=note)


async def _begin(_: aiohttp.ClientSession, context: Any, __: object) -> None:  # noqa: ANN401  aiohttp's
    watch: _Watch = context.trace_request_ctx
    watch.times += 1
    if watch.tell:
        watch.tell(0)


async def _count(_: aiohttp.ClientSession, context: Any, sent: aiohttp.TraceRequestChunkSentParams) -> None:  # noqa: ANN401  aiohttp's
    watch: _Watch = context.trace_request_ctx
    if watch.tell and sent.chunk:
        watch.tell(len(sent.chunk))


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Refused(response.status, "", "the answer is too long: is this the API's address?")
    return bytes(body)


def _refusal(answer: Answer, *, attempts: int = 1) -> Refused:
    """What a bad answer says: a problem of the API (RFC 9457), or a message of the gateway."""
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {}
    name = str(document.get("type", "")).rpartition(":")[2]
    detail = str(document.get("detail") or document.get("message") or f"the answer has status {answer.status}")
    kind = TokenRefused if answer.status == 401 else Refused
    return kind(answer.status, name, detail, document=document, attempts=attempts)


def _told(error: aiohttp.ClientError) -> str:
    """What is wrong with a connection, without the words that its library puts around it."""
    cause = getattr(error, "os_error", None) or error
    number = getattr(cause, "errno", None)
    # Those of name resolution are below zero, and have a text of their own.
    if isinstance(number, int) and number > 0:
        return os.strerror(number)
    return getattr(cause, "strerror", None) or str(cause) or type(error).__name__
