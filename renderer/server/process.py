"""One server process: the application on an inherited socket, from ready to the last answer.

It ends in one of two ways. Stopped (SIGTERM), it answers what has reached the listener and what is under way, and is
gone before `IMGPROXY_GRACEFUL_STOP_TIMEOUT`. Retired (SIGUSR1), because a successor serves already, it has time: each
connection ends after its next answer or when its keep-alive runs out, so that no client is cut; what waits in the
listener is left to the others. Told to end before it serves, it does so at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renderer.app import Application, application
from renderer.handlers.metrics import metrics_handler
from renderer.server.acceptor import Acceptor
from renderer.server.child import ALIVE, READY, REPLACE, Tell
from renderer.server.memory import MemoryWatch
from renderer.server.scheduling import wait_for_turns
from renderer.services import Services
from renderer.settings.load import Settings
from renderer.settings.share import settings_of_process
from renderer.telemetry.logging import Log, log_memory
from renderer.telemetry.start import Surroundings
from renderer.web.connection import ConnectionTimes
from renderer.web.connection_server import ConnectionServer
from renderer.workers import Load

_log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 1.0
"""How often connections are looked at; no client is cut much later than its time."""

DRAIN_SECONDS: Final = 0.05
"""The same while the process ends."""

LINGER_SECONDS: Final = 1.0
"""For how long a stopping process waits for the next request on an idle connection: longer than one is under way."""

FOOTING_SECONDS: Final = 1.0
"""What a stopping process keeps of its time to close everything else, or half of its time if that is less."""

METRICS_CONNECTIONS: Final = 64
"""More than anybody needs who asks once in a while."""

METRICS_TIMES: Final = ConnectionTimes(read_seconds=5, write_seconds=10, keep_alive_seconds=120)
"""Spec 03 section 7.2 gives the first; Prometheus asks on the same connection once a minute at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a process is given.

    Attributes:
        index: its place among `BILDWERK_PROCESSES`.
        settings: the instance's.
        environment: the variables behind them, for libraries with variables of their own.
        listener: where clients connect.
        metrics: where Prometheus connects, if it may.
        folder: the instance's own, for what its processes share.
        log: of this process.
        lifeline: readable when the supervisor is gone.
        tell: sends the supervisor a byte, see `renderer.server.child`.
    """

    index: int
    settings: Settings
    environment: Mapping[str, str]
    listener: socket.socket
    metrics: socket.socket | None
    folder: Path
    log: Log
    lifeline: int
    tell: Tell


class ServerProcess:
    """The application, its connections, and their end."""

    def __init__(self, assignment: Assignment) -> None:
        self._given = assignment
        self._settings = settings_of_process(assignment.settings, assignment.index)
        self._ending = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None
        self._stopped_at: float | None = None

    async def run(self) -> None:
        """Serves until it is told to end.

        Raises:
            ConfigurationError: it cannot serve under these settings.
        """
        self._starting = asyncio.create_task(self._start_and_serve())
        self._listen_to_signals()
        try:
            await self._starting
        except asyncio.CancelledError:
            if not self._ending.is_set():
                raise
            _log.info("Told to end before it served")

    async def _start_and_serve(self) -> None:
        given = self._given
        surroundings = Surroundings(environment=given.environment, folder=given.folder, log=given.log)
        async with application(self._settings, surroundings) as app:
            self._starting = None
            await self._serve(app)

    async def _serve(self, app: Application) -> None:
        server, services = self._settings.server, app.services
        times = ConnectionTimes(
            read_seconds=server.read_request_timeout_seconds,
            write_seconds=server.write_response_timeout_seconds,
            keep_alive_seconds=server.keep_alive_timeout_seconds,
        )
        connections = ConnectionServer(app, times, server_name=server.server_name)
        acceptor = Acceptor(
            connections,
            self._given.listener,
            max_connections=server.max_clients,
            is_busy=(lambda: _is_full(services.workers.load)) if server.processes > 1 else None,
        )
        services.activity.count_connections = lambda: acceptor.count
        acceptor.start()
        metrics = self._serve_metrics()
        self._given.tell(READY)
        servers = (connections,) if metrics is None else (connections, metrics.server)
        housekeeping = asyncio.create_task(self._keep_house(servers, services))
        try:
            await self._ending.wait()
        finally:
            housekeeping.cancel()
        if metrics is not None:
            await metrics.stop()
        await self._drain(acceptor, connections, services)

    def _serve_metrics(self) -> Acceptor | None:
        """Answers Prometheus; any process may, for all of them."""
        given = self._given
        if given.metrics is None:
            return None
        handler = metrics_handler(given.folder, self._settings.metrics.prometheus_namespace)
        connections = ConnectionServer(handler, METRICS_TIMES)
        acceptor = Acceptor(connections, given.metrics, max_connections=METRICS_CONNECTIONS)
        acceptor.start()
        return acceptor

    async def _keep_house(self, servers: Sequence[ConnectionServer], services: Services) -> None:
        """Ends slow connections, gives free memory back, asks for a successor when one is needed."""
        server = self._settings.server
        memory = MemoryWatch(
            limit_bytes=server.process_max_memory_bytes, trim_seconds=server.free_memory_interval_seconds
        )
        stats = MemoryStats(self._settings, services)
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._given.tell(ALIVE)
            try:
                for connections in servers:
                    connections.sweep()
                if await memory.is_over_limit() or _is_stuck(services):
                    self._given.tell(REPLACE)
                _show_failing_origins(services)
                stats.tell()
            except Exception:  # noqa: BLE001  without sweeps the server would fill up with dead connections
                _log.exception("A turn of housekeeping failed")

    async def _drain(self, acceptor: Acceptor, connections: ConnectionServer, services: Services) -> None:
        """Answers what has come and ends the connections; what is not answered in time is cut."""
        services.activity.is_draining = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        await acceptor.stop(None if self._stopped_at is None else self._latest_end(began))
        # A request whose client is gone counts until it has ended, so that monitors hear of its end.
        while connections.connections and loop.time() < self._latest_end(began):
            self._let_go(connections, began)
            await asyncio.sleep(DRAIN_SECONDS)
        if connections.connections:
            _log.warning("Time is up with %d connections open: they are cut", len(connections.connections))
            # Their requests are cancelled in the loop's next turns, and their renders are killed.
            end = loop.time() + self._footing_seconds() / 2
            while connections.connections and loop.time() < end:
                connections.cut("the server stops")
                await asyncio.sleep(DRAIN_SECONDS)

    def _let_go(self, connections: ConnectionServer, began: float) -> None:
        """Ends connections that have been idle for long enough; a request may be under way on each of them."""
        if self._stopped_at is not None:
            connections.sweep(linger_seconds=LINGER_SECONDS, since=self._stopped_at)
        elif asyncio.get_running_loop().time() - began < LINGER_SECONDS:
            connections.sweep()
        else:
            connections.sweep(linger_seconds=self._settings.server.keep_alive_timeout_seconds)

    def _latest_end(self, began: float) -> float:
        """When the last connection must be gone; a retired process may be stopped meanwhile."""
        if self._stopped_at is None:
            return began + retirement_seconds(self._settings)
        return self._stopped_at + self._settings.server.graceful_stop_timeout_seconds - self._footing_seconds()

    def _footing_seconds(self) -> float:
        return min(FOOTING_SECONDS, self._settings.server.graceful_stop_timeout_seconds / 2)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGUSR1, self._end)
        loop.add_reader(self._given.lifeline, self._orphaned)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._given.lifeline)
        _log.error("The supervisor is gone: this process ends too")
        self._stop()

    def _stop(self) -> None:
        if self._stopped_at is None:
            self._stopped_at = asyncio.get_running_loop().time()
        self._end()

    def _end(self) -> None:
        self._ending.set()
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None  # a second word does not disturb the first one's cleaning up


class MemoryStats:
    """The lines of `IMGPROXY_LOG_MEM_STATS`, if they are asked for."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self._seconds = settings.server.free_memory_interval_seconds
        self._vitals = services.watch.vitals if settings.log.memory_stats else None
        self._told_at = time.monotonic()

    def tell(self) -> None:
        """Writes them when it is time."""
        now = time.monotonic()
        if self._vitals is not None and now - self._told_at >= self._seconds:
            self._told_at = now
            log_memory(self._vitals())


def _is_stuck(services: Services) -> bool:
    """Whether a render was killed and has gone on for as long again as a whole request may take.

    An encoder that takes a picture in one piece does not look whether it was killed. It holds its slot and its memory
    until it is through, which may be minutes; with the process's end they come back.
    """
    return services.workers.overstaying_seconds > services.settings.server.timeout_seconds


def _show_failing_origins(services: Services) -> None:
    breakers, origins = services.sources.breakers, services.watch.origins
    if breakers is not None and origins is not None:
        origins.show_open(breakers.failing())


def retirement_seconds(settings: Settings) -> float:
    """The longest time that a retired process may need: an idle connection's, then one more request's."""
    server = settings.server
    return (
        server.keep_alive_timeout_seconds
        + server.read_request_timeout_seconds
        + server.timeout_seconds
        + server.write_response_timeout_seconds
    )


def _is_full(load: Load) -> bool:
    return load.running >= load.count


def serve_until_told(assignment: Assignment) -> None:
    """Runs a process in a new event loop; raises ConfigurationError if it cannot serve."""
    import uvloop  # a native module that only server processes need

    wait_for_turns()

    async def main() -> None:
        await ServerProcess(assignment).run()

    uvloop.run(main())
    os.close(assignment.lifeline)
