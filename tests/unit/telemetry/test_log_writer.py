"""Lines leave through a thread; a stuck reader costs lines, never time."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NamedTuple

import pytest

from renderer.telemetry.log_writer import Line, LineWriter, StreamSink, Waiting


def noticed(count: int) -> Line:
    """The notice of lost lines."""
    return Line(logging.WARNING, f"{count} lost")


class Gate:
    """A sink that waits until it is opened."""

    def __init__(self) -> None:
        self.opened, self.entered = threading.Event(), threading.Event()
        self.texts: list[str] = []

    def close(self) -> None:
        """Holds nothing."""

    def write(self, lines: Sequence[Waiting]) -> None:
        """Waits, then keeps the texts."""
        self.entered.set()
        assert self.opened.wait(10)
        self.texts += [line.text for line in lines]


def test_lines_come_out_whole_and_in_order() -> None:
    """Also one that is longer than a pipe holds."""
    read, write = os.pipe()
    received: list[bytes] = []

    def drain() -> None:
        while data := os.read(read, 65536):
            received.append(data)

    reader = threading.Thread(target=drain)
    reader.start()
    writer = LineWriter(StreamSink(write), noticed)
    texts = [f"{number} ä" for number in range(1000)] + ["x" * 300_000, "end"]
    for text in texts:
        writer.write(Line(logging.INFO, text))
    writer.close()
    os.close(write)
    reader.join(10)
    os.close(read)

    assert b"".join(received).decode().splitlines() == texts


def test_a_non_blocking_pipe_is_waited_for() -> None:
    """Somebody who shares standard output may have made it non-blocking."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    writer = LineWriter(StreamSink(write), noticed)
    writer.write(Line(logging.INFO, "x" * 200_000))

    received = b""
    while not received.endswith(b"\n"):
        received += os.read(read, 65536)
    writer.close()
    os.close(read)
    os.close(write)

    assert len(received) == 200_001


def test_a_stuck_sink_costs_lines_and_they_are_counted() -> None:
    """What does not fit is dropped at once; the next write says how many were."""
    gate = Gate()
    writer = LineWriter(gate, noticed, max_characters=10)
    writer.write(Line(logging.INFO, "12345"))
    assert gate.entered.wait(10)
    for _ in range(5):
        writer.write(Line(logging.INFO, "67890"))
    assert not writer.flush(0.01)
    gate.opened.set()
    assert writer.flush(10)
    writer.write(Line(logging.INFO, "more"))
    writer.close()

    assert gate.texts == ["12345", "67890", "4 lost", "more"]


def test_lines_are_bounded_by_number_too() -> None:
    """One that is put together later takes memory whatever it says of its length."""
    gate = Gate()
    writer = LineWriter(gate, noticed, max_lines=2)
    writer.write(Line(logging.INFO, "first"))
    assert gate.entered.wait(10)
    for text in "abcd":
        writer.write(Line(logging.INFO, text))
    gate.opened.set()
    writer.close()

    assert gate.texts == ["first", "a", "b", "2 lost"]


class Batches:
    """A sink that keeps what comes together."""

    def __init__(self) -> None:
        self.come: SimpleQueue[list[str]] = SimpleQueue()

    def close(self) -> None:
        """Holds nothing."""

    def write(self, lines: Sequence[Waiting]) -> None:
        """Keeps the texts."""
        self.come.put([line.text for line in lines])


_EVER_SECONDS = 100_000.0


def test_lines_wait_for_company_and_a_flush_ends_that() -> None:
    """Each flush anew."""
    sink = Batches()
    writer = LineWriter(sink, noticed, linger_seconds=_EVER_SECONDS)
    for letter in "abc":
        for number in range(3):
            writer.write(Line(logging.INFO, f"{letter}{number}"))
        assert writer.flush(10)
        assert sink.come.get_nowait() == [f"{letter}0", f"{letter}1", f"{letter}2"]
    writer.close()

    assert sink.come.empty()


def test_the_end_waits_for_no_company() -> None:
    """Also when lines wait that came after a flush."""
    sink = Batches()
    writer = LineWriter(sink, noticed, linger_seconds=_EVER_SECONDS)
    writer.write(Line(logging.INFO, "a"))
    assert writer.flush(10)
    writer.write(Line(logging.INFO, "b"))
    writer.close(10)

    assert (sink.come.get_nowait(), sink.come.get_nowait()) == (["a"], ["b"])


@pytest.mark.parametrize("before", [[], ["a"]])
def test_a_writer_that_is_closed_takes_nothing(before: list[str]) -> None:
    """Neither one that has written nor one that never had to."""
    sink = Batches()
    writer = LineWriter(sink, noticed)
    for text in before:
        writer.write(Line(logging.INFO, text))
    writer.close(10)
    writer.write(Line(logging.INFO, ""))
    writer.write(Line(logging.INFO, "late"))

    assert writer.flush(10)
    assert [sink.come.get_nowait() for _ in before] == [[text] for text in before]
    assert sink.come.empty()


@pytest.mark.parametrize(("max_characters", "max_lines"), [(10, 1000), (1000, 10)])
def test_a_crowd_does_not_wait(max_characters: int, max_lines: int) -> None:
    """Half of what may wait is one, by characters or by lines."""
    sink = Batches()
    writer = LineWriter(sink, noticed, max_characters, max_lines, linger_seconds=_EVER_SECONDS)
    for round_ in range(3):
        texts = [f"{round_}" for _ in range(6)]
        for text in texts:
            writer.write(Line(logging.INFO, text))
        come: list[str] = []
        while len(come) < 5:
            come += sink.come.get(timeout=10)
        writer.flush(10)
        while not sink.come.empty():
            come += sink.come.get_nowait()
        assert come == texts
    writer.close()


def test_as_much_as_a_pipe_holds_does_not_wait() -> None:
    """However much more may wait: to put many lines together at once holds up who wants the interpreter."""
    sink = Batches()
    writer = LineWriter(sink, noticed, linger_seconds=_EVER_SECONDS)
    writer.write(Line(logging.INFO, "a" * 60_000))
    writer.write(Line(logging.INFO, "b" * 6_000))
    come = sink.come.get(timeout=10)
    writer.close()

    assert [text[0] for text in come] == ["a", "b"]


@pytest.mark.parametrize("linger_seconds", [0.0, 0.001])
def test_each_line_comes_by_itself(linger_seconds: float) -> None:
    """Whether the thread comes round on its own or sleeps by now and has to be woken."""
    sink = Batches()
    writer = LineWriter(sink, noticed, linger_seconds=linger_seconds)
    for number in range(500):
        writer.write(Line(logging.INFO, f"{number}"))
        assert sink.come.get(timeout=10) == [f"{number}"]
    writer.close()


class Told(NamedTuple):
    """A line that says less of its length than its text has."""

    level: int
    size: int
    text: str


def test_a_line_counts_as_long_as_it_says() -> None:
    """Its text is not asked for before it is written; what was counted is given back."""
    gate = Gate()
    writer = LineWriter(gate, noticed, max_characters=10)
    writer.write(Told(logging.INFO, 8, "x" * 100))
    assert gate.entered.wait(10)
    writer.write(Told(logging.INFO, 3, "lost"))
    writer.write(Told(logging.INFO, 2, "fits"))
    gate.opened.set()
    assert writer.flush(10)
    writer.write(Told(logging.INFO, 10, "fits again"))
    writer.close()

    assert gate.texts == ["x" * 100, "fits", "1 lost", "fits again"]


class Fragile:
    """A sink that loses lines while it is broken."""

    def __init__(self) -> None:
        self.is_broken = True
        self.texts: list[str] = []

    def close(self) -> None:
        """Holds nothing."""

    def write(self, lines: Sequence[Waiting]) -> None:
        """Keeps the texts, or fails."""
        if self.is_broken:
            raise BrokenPipeError
        self.texts.extend(line.text for line in lines)


def test_lines_that_a_sink_loses_are_reported_when_it_works_again() -> None:
    """An OSError is a loss, not an end."""
    sink = Fragile()
    writer = LineWriter(sink, noticed)
    writer.write(Line(logging.INFO, "a"))
    writer.write(Line(logging.INFO, "b"))
    assert writer.flush(10)
    sink.is_broken = False
    writer.write(Line(logging.INFO, "c"))
    writer.close()

    assert sink.texts == ["c", "2 lost"]


START = """
import logging, os, sys
from renderer.telemetry.log_writer import Line, LineWriter, StreamSink
writer = LineWriter(StreamSink(1), lambda count: Line(logging.WARNING, f"{count} lost"))
"""
FORK = """
writer.write(Line(logging.INFO, "parent"))
child = os.fork()
if not child:
    writer.write(Line(logging.INFO, "child"))
    writer.close()
    os._exit(0)
os.waitpid(child, 0)
writer.close()
"""
LONG = """
for _ in range(20):
    writer.write(Line(logging.INFO, sys.argv[1] * 100_000))
writer.close(30)
"""


def test_a_forked_process_writes_lines_of_its_own() -> None:
    """The child has neither the thread nor the lines of its parent."""
    # Later Pythons warn of a fork beside threads; that it works is what is tested.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", START + FORK]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert (sorted(result.stdout.splitlines()), result.stderr) == (["child", "parent"], "")


def test_processes_do_not_mix_their_lines() -> None:
    """Two processes write lines longer than a pipe keeps together."""
    read, write = os.pipe()
    writers = [subprocess.Popen([sys.executable, "-c", START + LONG, letter], stdout=write) for letter in "ab"]
    os.close(write)
    received = b""
    while data := os.read(read, 65536):
        received += data
    os.close(read)

    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert sorted(set(received.decode().splitlines())) == ["a" * 100_000, "b" * 100_000]
    assert received.count(b"\n") == 40
