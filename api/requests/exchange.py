"""A request and an answer between the gateway's event and what is done about it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from api.access.principal import Principal
from api.settings import GATEWAY_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request.

    Attributes:
        method: upper case.
        headers: by lower-case name.
        query: decoded; the last one where a name comes twice.
        body: decoded from the event's base64.
        principal: who asks.
        encoded_key: what stands behind the route in the path, as it was sent; empty where a route has none.
        ends_at: when whoever asks stops waiting, on the monotonic clock.
    """

    method: str
    principal: Principal
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    encoded_key: str = ""
    ends_at: float = field(default_factory=lambda: time.monotonic() + GATEWAY_SECONDS)

    @property
    def media_type(self) -> str:
        """Of the body, in lower case and without parameters; empty if none is declared."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def seconds_left(self) -> float:
        """What is left until then; below 0 it is too late."""
        return self.ends_at - time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """An answer; `body` becomes JSON, and is left out of the answer to HEAD."""

    status: int
    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
