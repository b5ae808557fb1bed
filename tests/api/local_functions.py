"""Functions that answer what a test wants and keep the events that they got, and a gateway over them on a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from api.local.gateway import SERVER_NAME, Gateway
from renderer.web.connection import ConnectionTimes
from renderer.web.connection_server import ConnectionServer

TOKEN: Final = "secret-token"
READER: Final = "reader-token"
AUTHORIZED: Final = {"Authorization": f"Bearer {TOKEN}"}

TIMES: Final = ConnectionTimes(read_seconds=0.5, write_seconds=5, keep_alive_seconds=30)


def answered(body: object, status: int = 200, **members: object) -> dict[str, Any]:
    """The answer of a function, with a JSON body."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
        **members,
    }


def policy(*resources: str, effect: str = "Allow", **context: object) -> dict[str, Any]:
    """The answer of an authorizer."""
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": list(resources)}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "me", "policyDocument": document, "context": context}


@dataclass
class FakeFunctions:
    """The functions; `events` and `contexts` hold what each was called with, `answers` what each says or does."""

    events: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    contexts: dict[str, list[Any]] = field(default_factory=dict)
    answers: dict[str, Callable[[Mapping[str, Any]], object]] = field(default_factory=dict)

    def upload(self, event: Mapping[str, Any], context: object) -> object:
        """Stores."""
        return self._called("upload", event, context)

    def presign(self, event: Mapping[str, Any], context: object) -> object:
        """Gives tickets."""
        return self._called("presign", event, context)

    def read(self, event: Mapping[str, Any], context: object) -> object:
        """Tells."""
        return self._called("read", event, context)

    def delete(self, event: Mapping[str, Any], context: object) -> object:
        """Deletes."""
        return self._called("delete", event, context)

    def arrival(self, event: Mapping[str, Any], context: object) -> object:
        """Takes files in."""
        return self._called("arrival", event, context)

    def change(self, event: Mapping[str, Any], context: object) -> object:
        """Orders purges."""
        return self._called("change", event, context)

    def purge(self, event: Mapping[str, Any], context: object) -> object:
        """Purges."""
        return self._called("purge", event, context)

    def authorize(self, event: Mapping[str, Any], context: object) -> object:
        """Knows two tokens."""
        self.answers.setdefault("authorize", _policy_of)
        return self._called("authorize", event, context)

    def _called(self, function: str, event: Mapping[str, Any], context: object) -> object:
        self.events.setdefault(function, []).append(event)
        self.contexts.setdefault(function, []).append(context)
        return self.answers.get(function, lambda _: answered({"function": function}))(event)

    def only(self, function: str) -> Mapping[str, Any]:
        """The event of the one call of a function."""
        (event,) = self.events[function]
        return event


def _policy_of(event: Mapping[str, Any]) -> object:
    stage = event["methodArn"].split("/")[0] + "/*"
    match event["headers"]["Authorization"]:
        case "Bearer secret-token":
            return policy(f"{stage}/*", token="me", age=3, is_admin=False)
        case "Bearer reader-token":
            return policy(f"{stage}/GET/*")
    raise Exception("Unauthorized")  # noqa: TRY002  what API Gateway asks of authorizers


@asynccontextmanager
async def listening(gateway: Gateway) -> AsyncIterator[int]:
    """The gateway on a port of this machine."""
    connections = ConnectionServer(gateway, TIMES, server_name=SERVER_NAME)
    server = await asyncio.get_running_loop().create_server(connections, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        while connections.connections:
            connections.cut("the test is over")
            await asyncio.sleep(0)
