"""A request and an answer between the gateway's event and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from api.principal import Principal


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
    """

    method: str
    principal: Principal
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    encoded_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """An answer; `body` becomes JSON, and is left out of the answer to HEAD."""

    status: int
    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
