"""Starts the whole platform on this machine without Docker: the processes of compose.yaml, listening on 127.0.0.1 only.

    python -m scripts.demo [--check] [--keep FOLDER] [--pictures FOLDER] [--cdn-port 8080] ...

Renderer, upload API, an S3 server with pictures, a stand-in for CloudFront that is told of deletions, and where they
are installed Prometheus and Grafana. It prints what there is to try, and ends with everything on Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from scripts import servers
from scripts.demo import programs
from scripts.demo.check import checked
from scripts.demo.grafana import found_grafana, grafana
from scripts.demo.page import Shown, page
from scripts.demo.processes import Processes
from scripts.demo.setup import CannotBegin, Ports, Setup, check_ports
from scripts.demo.store import fill, pictures_in
from scripts.samples.folder import draw_samples, is_current

SAMPLES: Final = programs.ROOT / ".samples"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 when something could not be started, has ended by itself, or has failed the check."""
    chosen = _parser().parse_args(arguments)
    os.environ.pop("AWS_PROFILE", None)  # of whoever sits here: the demonstration has a store and keys of its own
    ports = Ports(**{place.name: getattr(chosen, f"{place.name}_port") for place in dataclasses.fields(Ports)})
    has_prometheus, has_grafana = chosen.prometheus is not None, chosen.grafana is not None
    absent = {"prometheus": has_prometheus, "grafana": has_grafana}
    try:
        check_ports(ports, frozenset(name for name, is_there in absent.items() if not is_there))
        executable = _s3_executable()
        pictures = pictures_in(_samples() if chosen.pictures is None else chosen.pictures)
        with _folder(chosen.keep) as folder:
            shown = Shown(
                setup=Setup(folder=folder, ports=ports),
                pictures=pictures,
                has_prometheus=has_prometheus,
                has_grafana=has_grafana,
                stays=chosen.keep is not None,
            )
            return asyncio.run(_ran(shown, chosen, executable))
    except CannotBegin as error:
        print(f"make demo: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has read enough. Without a stdout the interpreter does not complain again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:  # while something was built or drawn
        return 130


async def _ran(shown: Shown, chosen: argparse.Namespace, s3_server: Path) -> int:
    """Starts everything, shows it until somebody has seen enough, and stops it."""
    ending, hurrying = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (hurrying if ending.is_set() else ending).set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told)
    logs, temporary = shown.setup.folder / "logs", shown.setup.folder / "temporary"
    for folder in (logs, temporary):
        folder.mkdir(exist_ok=True)
    processes = Processes(logs)
    showing = asyncio.create_task(_shown(processes, shown, chosen, s3_server))
    failing, ended = (asyncio.create_task(event.wait()) for event in (processes.failed, ending))
    try:
        await asyncio.wait((showing, failing, ended), return_when=asyncio.FIRST_COMPLETED)
        if processes.failed.is_set():
            print(f"make demo: {processes.failure}", file=sys.stderr, flush=True)
            return 1
        return showing.result() if showing.done() else int(chosen.check)
    finally:
        for task in (showing, failing, ended):
            task.cancel()
        await asyncio.gather(showing, failing, ended, return_exceptions=True)
        ending.set()
        try:
            print("Stopping ...", flush=True)
        finally:
            await processes.stop(hurrying)


async def _shown(processes: Processes, shown: Shown, chosen: argparse.Namespace, s3_server: Path) -> int:
    setup, environment = shown.setup, programs.inherited(os.environ, shown.setup)
    try:
        await processes.start([programs.s3_server(setup, s3_server, environment)])
        await asyncio.to_thread(fill, setup, shown.pictures)
        started = [program(setup, environment) for program in (programs.renderer, programs.cdn, programs.api)]
        if chosen.prometheus is not None:
            started.append(programs.prometheus(setup, chosen.prometheus, environment))
        if chosen.grafana is not None:
            started.append(grafana(setup, chosen.grafana, environment))
        await processes.start(started)
    except TimeoutError as error:
        raise CannotBegin(str(error)) from error
    if chosen.check:
        return 0 if await checked(shown) else 1
    print(page(shown), flush=True)
    await asyncio.Event().wait()
    return 0


def _s3_executable() -> Path:
    server = servers.VERSITYGW
    if not server.path.exists() and servers.can_be_had(server):
        print(f"Building {server.name} {server.version} (once, some minutes) ...", flush=True)
    executable = servers.executable(server)
    if executable is None:
        raise CannotBegin(f"there is no S3 server: {server.name} needs {server.tool} to be built")
    return executable


def _samples() -> Path:
    if not is_current(SAMPLES):
        print(f"Drawing sample pictures into {SAMPLES} ...", flush=True)
        draw_samples(SAMPLES)
    return SAMPLES


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65_536:
        raise argparse.ArgumentTypeError(f"{number} is no port: those are 1 to 65535")
    return number


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """The folder of this run; removed at the end unless it was named."""
    if kept is not None:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="bildwerk-demo-") as folder:
        yield Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="walk through it, and end: 0 if all went well, else 1")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep pictures and logs there, also for next time")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="your pictures in place of the samples")
    parser.add_argument(
        "--prometheus", type=Path, default=programs.found_prometheus(), metavar="PROGRAM", help="found on PATH"
    )
    parser.add_argument("--grafana", type=Path, default=found_grafana(), metavar="PROGRAM", help="found on PATH")
    for place in dataclasses.fields(Ports):
        flag, what = f"--{place.name}-port", place.metadata["what"]
        parser.add_argument(
            flag, type=_port, default=place.default, metavar="N", help=f"of {what} (default: %(default)s)"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
