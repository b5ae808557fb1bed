"""`bildwerk serve`: the render server on `IMGPROXY_BIND`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bildwerk.environment import complain, load_everything, load_or_complain, publish, read_environment, restore

if TYPE_CHECKING:
    import socket

    from renderer.server.child import Tell
    from renderer.server.supervisor import Callbacks, Plan
    from renderer.settings.load import Settings
    from renderer.telemetry.prometheus import Supervision

_log = logging.getLogger("bildwerk")

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def run(arguments: list[str]) -> int:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="bildwerk serve", description="Start the render server.")
    parser.add_argument("--examples", action="store_true", help="print URLs over the sample pictures")
    chosen = parser.parse_args(arguments)
    given = read_environment()
    settings = load_or_complain()
    if settings is None:
        return 1
    environment = read_environment()
    _log_plainly(settings)
    _warn_of_unknown(environment)

    from renderer.errors import ConfigurationError
    from renderer.server.supervisor import Supervisor

    with tempfile.TemporaryDirectory(prefix="bildwerk-") as folder:
        try:
            instance = _Instance(settings, given=given, folder=Path(folder), print_examples=chosen.examples)
        except ConfigurationError as error:
            return complain(error)
        return Supervisor(_planned(environment), instance.listeners, instance.callbacks()).run()


class _Instance:
    """The sockets of one server, and what its supervisor calls."""

    def __init__(self, settings: Settings, *, given: Mapping[str, str], folder: Path, print_examples: bool) -> None:
        from renderer.server.listener import open_listener

        server, metrics = settings.server, settings.metrics
        self._given = given
        self._folder = folder
        self._print_examples = print_examples
        self._listener = open_listener(
            server.bind, server.network, reuse_port=server.so_reuseport, name="IMGPROXY_BIND"
        )
        self._metrics = (
            open_listener(metrics.prometheus_bind, name="IMGPROXY_PROMETHEUS_BIND") if metrics.prometheus_bind else None
        )
        self._supervision = self._measured(metrics.prometheus_namespace) if metrics.are_wanted else None
        # Readable in every process as soon as the supervisor, which alone holds the other end, is gone.
        self._lifeline, self._held = os.pipe()

    @property
    def listeners(self) -> list[socket.socket]:
        return [listener for listener in (self._listener, self._metrics) if listener is not None]

    def callbacks(self) -> Callbacks:
        # Imports what every process needs, once, before the first of them is forked: its memory is shared.
        from renderer.server.process import retirement_seconds
        from renderer.server.supervisor import Callbacks

        supervision = self._supervision
        return Callbacks(
            serve=self._serve,
            planned=_planned,
            reload=self._reload,
            retirement_seconds=retirement_seconds,
            ready=self._ready,
            replaced=_nothing if supervision is None else supervision.restarted,
            turned=_nothing if supervision is None else supervision.update,
        )

    def _serve(self, plan: Plan, index: int, tell: Tell) -> int:
        """The life of a server process."""
        from renderer.errors import ConfigurationError
        from renderer.server.child import UNUSABLE
        from renderer.server.process import Assignment, serve_until_told
        from renderer.telemetry.logging import configure

        os.close(self._held)
        publish(plan.environment)
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


class _PlainHandler(logging.Handler):
    """Writes each line itself: the supervisor may have no thread, because it forks."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record))


def _log_plainly(settings: Settings) -> None:
    """The supervisor's log, in the format of the others and on the same standard output."""
    from renderer.telemetry.formats import line_formatter
    from renderer.telemetry.log_writer import Line, StreamSink

    sink = StreamSink(sys.stdout.fileno())
    handler = _PlainHandler(lambda text: sink.write([Line(logging.INFO, text)]))
    handler.setFormatter(line_formatter(settings.log.format or ("pretty" if sys.stdout.isatty() else "structured")))
    logging.basicConfig(level=_LEVELS[settings.log.level], handlers=[handler])


def _warn_of_unknown(environment: Mapping[str, str]) -> None:
    from renderer.settings.load import unknown_names

    for name, nearest in unknown_names(environment):
        _log.warning("%s is unknown%s", name, f"; is {nearest} meant?" if nearest else "")


def _print_examples(address: str) -> None:
    from bildwerk.examples import EXAMPLES

    print(f"\nOpen {address}/ or one of these:\n")
    for title, path in EXAMPLES:
        print(f"  {title}\n    {address}{path}")
    print("\nCtrl-C stops the server.\n", flush=True)


def _planned(environment: Mapping[str, str]) -> Plan:
    """What processes are started with, from variables that are known to be usable."""
    from renderer.cpus import usable_cpus
    from renderer.server.supervisor import Plan
    from renderer.settings.load import load_settings
    from renderer.settings.share import with_counts

    return Plan(settings=with_counts(load_settings(environment), cpus=usable_cpus()), environment=environment)


def _nothing(*_: object) -> None:
    """Does nothing."""
