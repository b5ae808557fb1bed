"""Services that take a report as one JSON document over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from renderer.telemetry.reporters.report import Report

SEND_SECONDS: Final = 10.0
NOTIFIER: Final = {"name": "Bildwerk", "url": "about:blank"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One request: POST of `document` to `url`."""

    url: str
    headers: Mapping[str, str]
    document: Mapping[str, Any]


class LetterRefused(Exception):
    """The service did not take the report."""


class Post:
    """Sends letters. The connection is opened for the first one: nothing is kept while nothing goes wrong."""

    def __init__(self, service: str, compose: Callable[[Report], Letter]) -> None:
        self.service = service
        self._compose = compose
        self._session: aiohttp.ClientSession | None = None

    async def send(self, report: Report) -> None:
        """Sends one report.

        Raises:
            LetterRefused: the service answered with an error.
            aiohttp.ClientError, TimeoutError: it did not answer.
        """
        letter = self._compose(report)
        if self._session is None:
            # Outbound proxies are told by the environment, as to every client of such a service.
            self._session = aiohttp.ClientSession(
                trust_env=True, timeout=aiohttp.ClientTimeout(total=SEND_SECONDS), cookie_jar=aiohttp.DummyCookieJar()
            )
        body = json.dumps(letter.document).encode()
        headers = {"Content-Type": "application/json", **letter.headers}
        async with self._session.post(letter.url, data=body, headers=headers, allow_redirects=False) as answer:
            if not 200 <= answer.status < 300:
                raise LetterRefused(f"status {answer.status}")

    async def close(self) -> None:
        """Gives the connection back."""
        if self._session is not None:
            await self._session.close()
