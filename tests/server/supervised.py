"""A supervisor with processes that do nothing but behave well or badly, for the tests beside it.

Usage: supervised.py FOLDER; `environment.json` in it is what a reload reads. `MODE` says how processes behave, one mode
for all or one for each seat, with commas between them. Lines on standard output tell what happens.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from renderer.server.child import ALIVE, READY, REPLACE, UNUSABLE, Tell
from renderer.server.plan import Callbacks, Patience, Plan
from renderer.server.supervisor import Supervisor
from renderer.settings.load import load_settings
from renderer.settings.share import with_counts

_log = logging.getLogger(__name__)

FILES = resource.getrlimit(resource.RLIMIT_NOFILE)


class Told(Exception):
    """The process was told to end."""


def told(*_: object) -> None:
    raise Told


def serve(plan: Plan, index: int, tell: Tell) -> int:
    """The life of a process."""
    modes = plan.environment["MODE"].split(",")
    mode = modes[index % len(modes)]
    files = len(list(Path("/proc/self/fd").iterdir()))
    _log.info("process %d is %s with %d files", os.getpid(), mode, files)
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN if mode.startswith("stubborn") else told)
    if mode == "unusable":
        return UNUSABLE
    if mode == "failing":
        raise RuntimeError("failing")
    try:
        if mode not in ("stubborn-start", "never-ready"):
            tell(READY)
        while True:
            time.sleep(0.05)
            tell(b"" if mode == "silent" else REPLACE if mode == "outgrown" else ALIVE)
    except Told:
        return 0


def planned(environment: Mapping[str, str]) -> Plan:
    """The plan of an environment."""
    names = {name: text for name, text in environment.items() if name != "MODE"}
    return Plan(settings=with_counts(load_settings(names), cpus=1), environment=environment)


def read(folder: Path) -> dict[str, str]:
    """What a reload finds."""
    environment: dict[str, str] = json.loads((folder / "environment.json").read_text(encoding="ascii"))
    time.sleep(float(environment.pop("SECONDS", "0")))
    return environment


def replaced(reason: str) -> None:
    """Takes away all file descriptors when `few-files` is there, until the next second."""
    _log.info("replaced: %s", reason)
    if Path(sys.argv[1], "few-files").exists():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, FILES[1]))


def turned() -> None:
    """Gives them back."""
    resource.setrlimit(resource.RLIMIT_NOFILE, FILES)


def main() -> int:
    """Serves until told to stop."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    folder = Path(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    callbacks = Callbacks(
        serve=serve,
        planned=planned,
        reload=lambda: read(folder),
        retirement_seconds=lambda _: 0.3,
        ready=lambda: _log.info("ready on %d", listener.getsockname()[1]),
        replaced=replaced,
        turned=turned,
    )
    patience = Patience(
        turn=0.02,
        start=1,
        reload=1,
        silence=0.5,
        margin=0.1,
        least=0.2,
        last_backoff=0.4,
        first_backoff=0.05,
        steady=0.3,
    )
    return Supervisor(planned(read(folder)), [listener], callbacks, patience).run()


if __name__ == "__main__":
    sys.exit(main())
