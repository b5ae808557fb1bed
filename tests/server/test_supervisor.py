"""The supervisor over processes that behave badly: real forks and signals, with times of fractions of a second."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("supervised.py")


@dataclass(slots=True, kw_only=True)
class Supervised:
    """The program, its folder and its log."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def children(self, *, mode: str | None = None) -> list[int]:
        """Its processes that are there, those of one mode if one is given."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = [int(word) for word in path.read_text(encoding="ascii").split()]
        modes = dict(re.findall(r"process (\d+) is (\S+)", self.log))
        return [pid for pid in pids if mode in (None, modes.get(str(pid)))]

    def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Returns when the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log
            time.sleep(0.01)

    def change(self, **environment: str) -> None:
        """Says what the next reload finds."""
        (self.folder / "environment.json").write_text(json.dumps(environment), encoding="ascii")

    def reload(self, **environment: str) -> None:
        """Reloads with this."""
        self.change(**environment)
        self.process.send_signal(signal.SIGHUP)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stops it and gives its exit status."""
        self.process.send_signal(number)
        return self.process.wait(10)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    """Starts the program; with `is_ready` it serves when it is given back."""
    with ExitStack() as stack:

        def start(*, is_ready: bool = True, **environment: str) -> Supervised:
            (tmp_path / "environment.json").write_text(json.dumps(environment), encoding="ascii")
            output = stack.enter_context((tmp_path / "log").open("wb"))
            command = [sys.executable, str(PROGRAM), str(tmp_path)]
            process = stack.enter_context(subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT))
            stack.callback(kill, process)
            program = Supervised(process=process, folder=tmp_path)
            if is_ready:
                count = int(environment.get("BILDWERK_PROCESSES", "1"))
                program.until(
                    lambda: program.log.count("serves") >= count and re.search(r"ready on \d+\n", program.log)
                )
            return program

        yield start


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the program and whoever it has left behind."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    left = [] if process.poll() is not None else [int(word) for word in children.read_text(encoding="ascii").split()]
    for pid in (process.pid, *left):
        if process.poll() is None or pid != process.pid:
            os.kill(pid, signal.SIGKILL)


def listens(port: int) -> bool:
    """Whether somebody holds the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


Start = Callable[..., Supervised]


@pytest.mark.parametrize("mode", ["unusable", "failing", "never-ready"])
def test_settings_that_no_process_can_serve_under_are_forgotten(supervised: Start, mode: str) -> None:
    """A process that dies later is replaced under the settings that are known to be good."""
    program = supervised(MODE="well", BILDWERK_PROCESSES="2")
    before = program.children()
    program.reload(MODE=mode, BILDWERK_PROCESSES="1")
    program.until(lambda: "Nothing is reloaded: the first process under the new settings ended" in program.log)
    assert program.children() == before

    os.kill(before[0], signal.SIGKILL)
    program.until(lambda: len(program.children(mode="well")) == 2 and before[0] not in program.children())
    assert program.log.count(f"is {mode}") == 1
    assert program.stop() == 0


def test_a_reload_that_one_process_cannot_follow_goes_on_with_the_others(supervised: Start) -> None:
    """The new settings are known to be good when the first one serves; the second one is tried again and again."""
    program = supervised(MODE="well", BILDWERK_PROCESSES="3")
    program.reload(MODE="new,failing,new", BILDWERK_PROCESSES="3")
    program.until(lambda: len(program.children(mode="new")) == 2)
    program.until(lambda: program.log.count("is failing") >= 3)

    assert len(program.children(mode="well")) == 1


def test_the_number_of_processes_follows_a_reload(supervised: Start) -> None:
    program = supervised(MODE="well", BILDWERK_PROCESSES="2")
    for count in (4, 1, 2):
        program.reload(MODE=f"now-{count}", BILDWERK_PROCESSES=str(count))
        program.until(lambda count=count: len(program.children(mode=f"now-{count}")) == count)
        program.until(lambda count=count: len(program.children()) == count)

    assert program.stop() == 0


def test_a_second_reload_is_not_lost_while_the_first_one_reads(supervised: Start) -> None:
    program = supervised(MODE="old")
    program.reload(MODE="first", SECONDS="0.3")
    program.until(lambda: len(program.children()) == 2)
    program.reload(MODE="second")
    program.reload(MODE="second")

    program.until(lambda: program.children() and program.children() == program.children(mode="second"))


def test_a_successor_that_is_given_up_may_not_stay(supervised: Start) -> None:
    """It is on its way when the settings change again, and it does not hear SIGTERM."""
    program = supervised(MODE="old")
    program.reload(MODE="stubborn-start")
    program.until(lambda: program.children(mode="stubborn-start"))
    program.reload(MODE="new")

    program.until(lambda: program.children(mode="new") and len(program.children()) == 1)


def test_a_stop_does_not_wait_for_a_reload(supervised: Start) -> None:
    """Nobody is left who holds the port."""
    program = supervised(MODE="well")
    port = int(program.log.partition("ready on ")[2].split()[0])
    program.reload(MODE="new", SECONDS="60")
    program.until(lambda: len(program.children()) == 2)
    reading = program.children()[1]
    began = time.monotonic()

    assert program.stop() == 0
    assert time.monotonic() - began < 1
    assert not listens(port)
    assert not Path(f"/proc/{reading}").exists()


def test_a_reload_that_never_ends_is_given_up(supervised: Start) -> None:
    program = supervised(MODE="well")
    program.reload(MODE="new", SECONDS="60")
    program.until(lambda: "Nothing is reloaded" in program.log)
    program.reload(MODE="new")

    program.until(lambda: program.children(mode="new"))


def test_a_process_that_hangs_is_replaced(supervised: Start) -> None:
    program = supervised(MODE="silent")
    (first,) = program.children()
    program.until(lambda: first not in program.children())

    assert f"Process {first} has said nothing" in program.log
    program.until(lambda: "replaced: died" in program.log)


def test_nobody_is_taken_to_hang_because_the_supervisor_stood_still(supervised: Start) -> None:
    """A container that was paused, a machine that slept."""
    program = supervised(MODE="well")
    before = program.children()
    program.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    program.process.send_signal(signal.SIGCONT)
    time.sleep(0.3)

    assert program.children() == before
    assert "said nothing" not in program.log


@pytest.mark.parametrize("mode", ["failing", "never-ready", "unusable"])
def test_a_server_that_cannot_start_says_so_and_ends(supervised: Start, mode: str) -> None:
    program = supervised(MODE=mode, BILDWERK_PROCESSES="3", is_ready=False)

    assert program.process.wait(10) == 1
    assert program.log.count(f"is {mode}") == 1
    assert ("before it served" in program.log) == (mode != "unusable")


def test_a_machine_without_room_for_a_process_does_not_end_the_others(supervised: Start) -> None:
    """There are no file descriptors for a while; then the missing process is started."""
    program = supervised(MODE="well", BILDWERK_PROCESSES="2")
    first, second = program.children()
    (program.folder / "few-files").touch()
    os.kill(first, signal.SIGKILL)
    program.until(lambda: "No process can be started" in program.log)
    (program.folder / "few-files").unlink()

    program.until(lambda: len(program.children()) == 2)
    assert second in program.children()
    assert program.stop() == 0


def test_who_has_outgrown_its_memory_at_once_is_not_replaced_all_the_time(supervised: Start) -> None:
    program = supervised(MODE="outgrown")
    program.until(lambda: program.log.count("replaced: recycled") == 2)
    started = re.findall(r"process (\d+) is", program.log)

    assert len(started) <= 4


@pytest.mark.parametrize("mode", ["stubborn", "stubborn-start"])
def test_who_does_not_hear_is_killed_when_time_is_up(supervised: Start, mode: str) -> None:
    """The exit status says nothing of it: the server was told to stop and did."""
    program = supervised(MODE="well", IMGPROXY_GRACEFUL_STOP_TIMEOUT="1")
    program.reload(MODE=mode, IMGPROXY_GRACEFUL_STOP_TIMEOUT="1")
    program.until(lambda: program.children(mode=mode))
    began = time.monotonic()

    assert program.stop() == 0
    assert 0.7 < time.monotonic() - began < 1.5
    assert "is late" in program.log


def test_a_second_signal_ends_everybody_at_once(supervised: Start) -> None:
    program = supervised(MODE="stubborn", IMGPROXY_GRACEFUL_STOP_TIMEOUT="60")
    program.process.send_signal(signal.SIGINT)
    program.until(lambda: "Stopping" in program.log)

    assert program.stop(signal.SIGINT) == 0


def test_processes_have_no_files_of_each_other(supervised: Start) -> None:
    """Nor those of the supervisor: the last one has as many as the first."""
    program = supervised(MODE="well", BILDWERK_PROCESSES="4")
    files = re.findall(r"with (\d+) files", program.log)

    assert len(files) == 4
    assert len(set(files)) == 1


def test_nobody_is_left_unburied(supervised: Start) -> None:
    program = supervised(MODE="well", BILDWERK_PROCESSES="2")
    for turn in range(3):
        program.reload(MODE=f"turn-{turn}", BILDWERK_PROCESSES="2")
        program.until(lambda turn=turn: len(program.children(mode=f"turn-{turn}")) == 2)
    program.until(lambda: len(program.children()) == 2)
    states = [Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2][1] for pid in program.children()]

    assert "Z" not in states
    assert program.stop() == 0
