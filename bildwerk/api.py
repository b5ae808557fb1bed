"""`bildwerk api`: the upload API on this machine, on `BILDWERK_API_BIND`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import hashlib
import logging
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bildwerk.environment import complain, load_everything

if TYPE_CHECKING:
    from api.application import Api
    from api.local.journal import Journal
    from api.settings import ApiSettings

_log = logging.getLogger("bildwerk")

_EXAMPLES: Final = """\
examples:
  BILDWERK_API_FOLDER=pictures BILDWERK_API_TOKENS='[{"name": "me", "token": "...", "scopes": ["upload", "delete"]}]' \\
    bildwerk api
  BILDWERK_BUCKET=originals BILDWERK_S3_ENDPOINT=http://127.0.0.1:7070 bildwerk api

These are the functions that run on AWS Lambda; this command turns HTTP requests into API Gateway's events for them. Its
queue of purges is the file BILDWERK_API_STATE, which outlives the process. `bildwerk token NAME` makes a token."""


def run(arguments: list[str]) -> int:
    """Serves until SIGTERM or SIGINT; the exit status is 0 then, and 1 when it cannot serve."""
    chosen = _parser().parse_args(arguments)
    # The first process of a container would not hear SIGTERM without a handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from renderer.errors import ConfigurationError

    try:
        environment = load_everything()
        _set_up_log(environment)
        _served(_settings(environment), retry_dead=chosen.retry_dead)
    except ConfigurationError as error:
        return complain(error)
    return 0


def _settings(environment: Mapping[str, str]) -> ApiSettings:
    """The settings, which must name somebody who may ask."""
    from api.settings import load_api_settings
    from renderer.errors import ConfigurationError

    settings = load_api_settings(environment)
    if settings.access.auth == "iam":
        raise ConfigurationError(["BILDWERK_API_AUTH: iam is API Gateway's; here it would let everybody in"])
    return settings


def _served(settings: ApiSettings, *, retry_dead: bool) -> None:
    from api.application import Api
    from api.local.events import WatchedOriginals
    from api.local.gateway import Gateway
    from api.local.journal import Journal
    from api.local.pump import Pump
    from api.local.server import serve
    from api.opened import open_services
    from renderer.server.listener import open_listener, shown_address

    journal = Journal(_journal_file(settings))
    bucket = settings.store.bucket
    services = open_services(settings, queue=None if settings.store.purge_queue_url else journal)
    watched = WatchedOriginals(services.originals, journal, bucket=bucket)
    api: Api = Api(dataclasses.replace(services, originals=watched))
    _tell_of_dead(journal, retry_dead=retry_dead)
    pump = Pump(api, journal, bucket=bucket)
    gateway = Gateway(api, origins=settings.access.allow_origins, on_ticket=pump.announced)
    listener = open_listener(settings.access.bind, name="BILDWERK_API_BIND")

    def ready() -> None:
        print(f"Bildwerk's API listens on {shown_address(listener)}", flush=True)

    is_idle = asyncio.run(serve(gateway, pump, listener, ready=ready))
    if waiting := journal.waiting():
        _log.info("%d messages stay in the queue until the next start", waiting)
    if is_idle:
        journal.close()


def _tell_of_dead(journal: Journal, *, retry_dead: bool) -> None:
    from api.local.pump import subject

    if retry_dead:
        _log.info("%d dead letters are tried again", journal.revive())
    elif dead := journal.dead():
        shown = ", ".join(subject(message) for message in dead[-10:])
        _log.warning("%d messages have failed for good, the last: %s; --retry-dead tries them again", len(dead), shown)


def _journal_file(settings: ApiSettings) -> Path:
    """The file of the queue: one for each store, by default in a folder that nobody else may write to."""
    from renderer.errors import ConfigurationError

    if settings.access.state is not None:
        return Path(settings.access.state)
    store = settings.store
    name = hashlib.sha256(f"{store.s3_endpoint}\0{store.bucket}\0{store.folder or ''}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"bildwerk-api-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise ConfigurationError([f"BILDWERK_API_STATE: {folder} is not only this user's; name another file"])
    return folder / f"{name}.sqlite3"


def _set_up_log(environment: Mapping[str, str]) -> None:
    from api.settings import TABLES
    from renderer.errors import ConfigurationError
    from renderer.settings.load import load_table, unknown_settings
    from renderer.settings.monitoring import LogSettings
    from renderer.telemetry.logging import configure

    problems: list[str] = []
    log = load_table(LogSettings, environment, problems)
    if problems:
        raise ConfigurationError(problems)
    configure(log)
    for text in unknown_settings(environment, TABLES.values()):
        _log.warning("%s", text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk api",
        description="Start the upload API on this machine.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--retry-dead", action="store_true", help="put messages that failed for good into the queue again"
    )
    return parser
