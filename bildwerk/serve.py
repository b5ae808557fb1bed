"""`bildwerk serve`: the render server on `IMGPROXY_BIND`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bildwerk.environment import complain, load_everything, load_or_complain, read_environment, restore
from bildwerk.supervisor_log import log_as_supervisor

if TYPE_CHECKING:
    import socket

    from renderer.server.child import Tell
    from renderer.server.plan import Callbacks, Plan
    from renderer.settings.load import Settings
    from renderer.telemetry.prometheus import Supervision

_log = logging.getLogger("bildwerk")

_AT_START_ONLY: Final[Mapping[str, Callable[[Settings], object]]] = {
    "IMGPROXY_BIND": lambda settings: settings.server.bind,
    "IMGPROXY_NETWORK": lambda settings: settings.server.network,
    "IMGPROXY_SO_REUSEPORT": lambda settings: settings.server.so_reuseport,
    "IMGPROXY_PROMETHEUS_BIND": lambda settings: settings.metrics.prometheus_bind,
}
"""What a reload leaves as it was: sockets are kept, so that no client notices."""


def run(arguments: list[str]) -> int:
    """Serves until SIGTERM or SIGINT; the exit status is 0 then, and 1 when it cannot serve."""
    parser = argparse.ArgumentParser(prog="bildwerk serve", description="Start the render server.")
    parser.add_argument("--examples", action="store_true", help="print URLs over the sample pictures")
    chosen = parser.parse_args(arguments)
    with _starting():
        return _serve(print_examples=chosen.examples)


def _serve(*, print_examples: bool) -> int:
    given = read_environment()
    settings = load_or_complain()
    if settings is None:
        return 1
    environment = read_environment()
    log_as_supervisor(settings)
    _warn_of_unknown(environment)

    from renderer.errors import ConfigurationError
    from renderer.server.supervisor import Supervisor

    with tempfile.TemporaryDirectory(prefix="bildwerk-") as folder:
        try:
            instance = _Instance(settings, given=given, folder=Path(folder), print_examples=print_examples)
        except ConfigurationError as error:
            return complain(error)
        return Supervisor(instance.plan(environment), instance.listeners, instance.callbacks()).run()


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Signals before and after the supervisor hears them: settings are new, and who serves nobody may just end.

    The first process of a container would not even hear SIGTERM without a handler.
    """
    before = {
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Instance:
    """The sockets of one server, and what its supervisor calls."""

    def __init__(self, settings: Settings, *, given: Mapping[str, str], folder: Path, print_examples: bool) -> None:
        from renderer.server.listener import open_listener

        self._settings = settings
        self._given = given
        self._folder = folder
        self._print_examples = print_examples
        server, metrics = settings.server, settings.metrics
        self._metrics = (
            open_listener(metrics.prometheus_bind, name="IMGPROXY_PROMETHEUS_BIND") if metrics.prometheus_bind else None
        )
        # Last: a unix socket leaves a file, which nobody would remove if the other one could not be opened.
        self._listener = open_listener(
            server.bind, server.network, reuse_port=server.so_reuseport, name="IMGPROXY_BIND"
        )
        self._supervision = self._measured(metrics.prometheus_namespace) if metrics.are_wanted else None
        # Readable in every process as soon as the supervisor, which alone holds the other end, is gone.
        self._lifeline, self._held = os.pipe()

    @property
    def listeners(self) -> list[socket.socket]:
        return [listener for listener in (self._listener, self._metrics) if listener is not None]

    def callbacks(self) -> Callbacks:
        # Imports what every process needs, once, before the first of them is forked: its memory is shared.
        from renderer.server.plan import Callbacks
        from renderer.server.process import retirement_seconds

        supervision = self._supervision
        return Callbacks(
            serve=self._serve,
            planned=self._replanned,
            reload=self._reload,
            retirement_seconds=retirement_seconds,
            ready=self._ready,
            replaced=_nothing if supervision is None else supervision.restarted,
            turned=_nothing if supervision is None else supervision.update,
        )

    def plan(self, environment: Mapping[str, str]) -> Plan:
        """What processes are started with; raises ConfigurationError if the variables cannot be used."""
        from renderer.cpus import usable_cpus
        from renderer.server.plan import Plan
        from renderer.settings.load import load_settings
        from renderer.settings.share import with_counts

        return Plan(settings=with_counts(load_settings(environment), cpus=usable_cpus()), environment=environment)

    def _replanned(self, environment: Mapping[str, str]) -> Plan:
        """The plan of a reload, which also says what it does not change."""
        plan = self.plan(environment)
        log_as_supervisor(plan.settings)
        _warn_of_unknown(environment)
        for name, of in _AT_START_ONLY.items():
            if of(plan.settings) != of(self._settings):
                _log.warning("%s has changed: the socket stays as it is until the server is started anew", name)
        return plan

    def _serve(self, plan: Plan, index: int, tell: Tell) -> int:
        """The life of a server process."""
        from renderer.errors import ConfigurationError
        from renderer.server.child import UNUSABLE
        from renderer.server.process import Assignment, serve_until_told
        from renderer.telemetry.logging import configure

        os.close(self._held)
        restore(plan.environment)
        logging.getLogger().handlers.clear()
        log = configure(plan.settings.log)
        try:
            serve_until_told(
                Assignment(
                    index=index,
                    settings=plan.settings,
                    environment=plan.environment,
                    listener=self._listener,
                    metrics=self._metrics,
                    folder=self._folder,
                    log=log,
                    lifeline=self._lifeline,
                    tell=tell,
                )
            )
        except ConfigurationError as error:
            complain(error)
            return UNUSABLE
        finally:
            log.close()
        return 0

    def _reload(self) -> Mapping[str, str] | None:
        """The variables as they are now, in a process of its own: what was loaded before is forgotten."""
        from renderer.errors import ConfigurationError
        from renderer.settings.load import load_settings

        os.close(self._held)
        restore(self._given)
        try:
            environment = load_everything()
            load_settings(environment)
        except ConfigurationError as error:
            complain(error)
            return None
        return environment

    def _measured(self, namespace: str) -> Supervision:
        from renderer.telemetry.metric_files import MetricFiles, prepare
        from renderer.telemetry.prometheus import Supervision

        prepare(self._folder)
        return Supervision(MetricFiles(self._folder, namespace))

    def _ready(self) -> None:
        from renderer.server.listener import shown_address

        address = shown_address(self._listener)
        _log.info("Bildwerk listens on %s", address)
        if self._print_examples:
            _print_examples(address)


def _warn_of_unknown(environment: Mapping[str, str]) -> None:
    from api.settings import TABLES
    from renderer.settings.load import unknown_settings

    # One environment for both programs is how they are started side by side.
    for text in unknown_settings(environment, TABLES.values()):
        _log.warning("%s", text)


def _print_examples(address: str) -> None:
    from bildwerk.examples import EXAMPLES

    print(f"\nOpen {address}/ or one of these:\n")
    for title, path in EXAMPLES:
        print(f"  {title}\n    {address}{path}")
    print("\nCtrl-C stops the server.\n", flush=True)


def _nothing(*_: object) -> None:
    """Does nothing."""
