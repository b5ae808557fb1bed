"""`bildwerk serve`: the render server on `IMGPROXY_BIND`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Mapping

from bildwerk.environment import load_or_complain, read_environment

_log = logging.getLogger("bildwerk")

MAX_LINE_BYTES = 1_052_672
"""1 MiB and 4 KiB of request line (spec 01 section 1.9)."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def run(arguments: list[str]) -> int:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="bildwerk serve", description="Start the render server.")
    parser.add_argument("--examples", action="store_true", help="print URLs over the sample pictures")
    chosen = parser.parse_args(arguments)
    environment = read_environment()
    settings = load_or_complain(environment)
    if settings is None:
        return 1
    logging.basicConfig(
        level=_LEVELS[settings.server.log_level], stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s"
    )
    # pyvips tells of every thread that libvips starts and ends.
    logging.getLogger("pyvips").setLevel(logging.WARNING)
    import uvloop

    return uvloop.run(_serve(environment, print_examples=chosen.examples))


async def _serve(environment: Mapping[str, str], *, print_examples: bool) -> int:
    # Imported here: an error in the settings should not wait for libvips.
    from aiohttp import web

    from renderer.app import make_app
    from renderer.errors import ConfigurationError
    from renderer.settings.load import load_settings, unknown_names

    settings = load_settings(environment)
    for name, nearest in unknown_names(environment):
        _log.warning("%s is unknown%s", name, f"; is {nearest} meant?" if nearest else "")
    runner = web.AppRunner(
        make_app(settings),
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,
        keepalive_timeout=settings.server.keep_alive_timeout_seconds,
        shutdown_timeout=settings.server.graceful_stop_timeout_seconds,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
    )
    try:
        await runner.setup()
        listener = _listen(settings.server.bind)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        await runner.cleanup()
        return 1
    await web.SockSite(runner, listener, backlog=1024).start()
    address = _shown(listener)
    _log.info("Bildwerk listens on %s", address)
    if print_examples:
        _print_examples(address)
    await _until_stopped()
    _log.info("Stopping: no new connections, requests in flight end first")
    await runner.cleanup()
    return 0


def _listen(bind: str) -> socket.socket:
    from renderer.errors import ConfigurationError

    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
        return socket.create_server(
            (host, int(port)), family=family, dualstack_ipv6=not host and socket.has_dualstack_ipv6(), backlog=1024
        )
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigurationError([f"IMGPROXY_BIND: expected host:port to listen on, got {bind!r} ({error})"]) from error


def _shown(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("::", "0.0.0.0"):  # noqa: S104  compared, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _print_examples(address: str) -> None:
    from bildwerk.examples import EXAMPLES

    print(f"\nOpen {address}/ or one of these:\n")
    for title, path in EXAMPLES:
        print(f"  {title}\n    {address}{path}")
    print("\nCtrl-C stops the server.\n", flush=True)


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    with contextlib.suppress(asyncio.CancelledError):
        await stopped.wait()
