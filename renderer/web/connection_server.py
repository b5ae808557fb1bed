"""All connections of a server: made alike, swept for those whose client takes too long, and ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.web_server import Server

from renderer.web.connection import MAX_HEAD_BYTES, Connection, ConnectionTimes

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

NEVER: Final = 1e9
"""Seconds: aiohttp's own keep-alive timer, which `ConnectionServer.sweep` replaces, never fires."""

_ABSOLUTE: Final = "http://"


class ConnectionServer(Server):
    """Makes connections and knows them all; `on_lost` is called for each that has ended."""

    def __init__(self, handler: Handler, times: ConnectionTimes, *, server_name: str = "") -> None:
        """Answers requests with what `handler` gives, and what is no HTTP under `server_name`."""
        super().__init__(handler, handler_cancellation=True)
        make_request = self.request_factory

        def began(message: Any, *parts: Any) -> web.BaseRequest:  # noqa: ANN401  what aiohttp hands on
            if message.path[:1] != "/" and message.path[: len(_ABSOLUTE)].lower() == _ABSOLUTE:
                message = message._replace(path=_origin_form(message.path))
            request = make_request(message, *parts)
            request.protocol.request_began()  # type: ignore[attr-defined]  # a Connection, see `__call__`
            return request

        self.request_factory = began
        self._times = times
        self._server_name = server_name
        self.on_lost: Callable[[], None] = _nothing

    def __call__(self) -> Connection:
        """A protocol for one connection."""
        return Connection(
            self,
            loop=self._loop,
            keepalive_timeout=NEVER,
            lingering_time=self._times.read_seconds,
            access_log=None,
            auto_decompress=False,  # nobody looks at a body
            max_line_size=MAX_HEAD_BYTES,
            max_field_size=MAX_HEAD_BYTES,
            server_name=self._server_name,
        )

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forgets a connection."""
        super().connection_lost(handler, exc)
        self.on_lost()

    def sweep(self, *, linger_seconds: float | None = None, since: float = 0.0) -> None:
        """Ends connections whose client takes too long.

        Args:
            linger_seconds: those on which nothing has been asked for so long are ended too; None leaves them.
            since: when that time begins at the earliest, on the loop's clock.
        """
        now = self._loop.time()
        for connection in self.connections:
            if not isinstance(connection, Connection):
                continue
            reason, idle_since = connection.overdue(now, self._times), connection.idle_since
            if reason:
                connection.end(reason, is_abort=connection.is_stalled)
            elif linger_seconds is None or idle_since is None:
                continue
            elif now - max(idle_since, since) >= linger_seconds:
                connection.end(is_abort=False)

    def cut(self, reason: str) -> None:
        """Ends all connections at once; requests that are worked on are cancelled."""
        for connection in self.connections:
            if isinstance(connection, Connection):
                connection.end(reason, is_abort=True)


def _origin_form(target: str) -> str:
    """The path of a target that is a whole URL, which every server must accept (RFC 9112 section 3.2.2)."""
    _, slash, path = target[len(_ABSOLUTE) :].partition("/")
    return slash + path or "/"


def _nothing() -> None:
    """Does nothing."""
