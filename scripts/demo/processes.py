"""The processes of a demonstration: started in order, watched, and stopped in the opposite order, none left behind.

Each is in a session of its own, so that a terminal's Ctrl-C reaches this process alone, which then decides the order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
"""What is still there after SIGTERM and so long is killed."""

_POLL_SECONDS: Final = 0.05
_SHOWN_LINES: Final = 15
_BOUND: Final = Path(__file__).with_name("bound.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a process is started.

    Attributes:
        name: for people, and of its log.
        command: an absolute path and arguments.
        environment: all of it.
        ready: a URL; the process is ready when it answers there with a status below 500.
        is_optional: the others go on without it.
        speaks: what it prints is for people and is shown.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: str
    is_optional: bool = False
    speaks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    program: Program
    process: asyncio.subprocess.Process
    watch: asyncio.Task[None]


class Processes:
    """Those of one demonstration; to be stopped however it ends.

    Args:
        logs: a folder for what each writes.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[_Running] = []
        self._is_stopping = False
        self.failed = asyncio.Event()
        """Set when one has ended that should not have."""
        self.failure = ""

    async def start(self, programs: Sequence[Program]) -> None:
        """Starts them and waits until each is ready.

        Raises:
            TimeoutError: one was not ready in time.
        """
        for program in programs:
            await self._start(program)
        await asyncio.gather(*(self._ready(program) for program in programs if not program.is_optional))

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ends them, the last one first.

        Args:
            hurry: set when nobody wants to wait any longer.
        """
        self._is_stopping = True
        for running in reversed(self._running):
            await _ended(running.process, hurry)
            await running.watch

    def log(self, name: str) -> Path:
        """The file of what a process has written."""
        return self._logs / f"{name}.log"

    async def _start(self, program: Program) -> None:
        # -S and -E: bound.py needs nothing but Python itself, and so takes 20 ms.
        command = [sys.executable, "-S", "-E", str(_BOUND), str(os.getpid()), *program.command]
        with self.log(program.name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if program.speaks else log,
                stderr=log,
                start_new_session=True,
            )
        watch = asyncio.create_task(self._watch(program, process))
        self._running.append(_Running(program=program, process=process, watch=watch))

    async def _watch(self, program: Program, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            async for line in process.stdout:
                with suppress(BrokenPipeError):  # nobody reads any more, but it must not be held up
                    print(line.decode(errors="replace"), end="", flush=True)
        status = await process.wait()
        if self._is_stopping:
            return
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"has ended with status {status}"
        text = f"{program.name} {how}; the last lines of its log:\n{self._last_lines(program.name)}"
        if program.is_optional:
            print(f"{text}\nThe others go on without it.", flush=True)
        elif not self.failed.is_set():
            self.failure = text
            self.failed.set()

    async def _ready(self, program: Program) -> None:
        try:
            async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as client:
                while not await _answers(client, program.ready):  # noqa: ASYNC110  another process has no Event
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            lines = self._last_lines(program.name)
            raise TimeoutError(f"{program.name} is not ready after {START_SECONDS:.0f} s:\n{lines}") from None

    def _last_lines(self, name: str) -> str:
        with self.log(name).open(encoding="utf-8", errors="replace") as log:
            lines = deque(log, _SHOWN_LINES)
        return "".join(f"  {line.rstrip()}\n" for line in lines).rstrip() or "  (it has written nothing)"


async def _answers(client: aiohttp.ClientSession, url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with client.get(url) as response:
            return response.status < 500
    return False


async def _ended(process: asyncio.subprocess.Process, hurry: asyncio.Event) -> None:
    """Ends a process with all that it has started: asked first, and killed when its time is up."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    waits = [asyncio.create_task(process.wait()), asyncio.create_task(hurry.wait())]
    await asyncio.wait(waits, timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await waits[0]
    waits[1].cancel()
