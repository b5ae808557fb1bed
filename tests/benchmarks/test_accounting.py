"""The kernel's accounting of processes that burn what they are told to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from benchmarks.load import accounting

_BURNING: Final = """
import os, sys, threading, time

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def child(seconds, then=lambda: None):
    pid = os.fork()
    if not pid:
        burn(seconds)
        then()
        os._exit(0)
    return pid

thread = threading.Thread(target=burn, args=(0.1,))
thread.start()
thread.join()
os.waitpid(child(0.1, lambda: os.waitpid(child(0.1), 0)), 0)
ready, stay = os.pipe()
alive = child(0.1, lambda: (os.write(stay, b"x"), sys.stdin.readline()))
os.read(ready, 1)
burn(0.1)
print("done", flush=True)
sys.stdin.readline()
"""
"""Half a second: of a thread that has ended, of a child and a grandchild that have, of a child that lives, its own."""


@contextmanager
def _process(program: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        yield process


def test_everything_that_a_tree_of_processes_has_burned_is_counted() -> None:
    idle = _idle_seconds()
    with _process(_BURNING) as process:
        seen = accounting.cpu_seconds(process.pid)
        members = accounting.tree(process.pid)

    # What ended and was waited for is told in ticks of 10 ms.
    assert seen - idle == pytest.approx(0.5, abs=0.06)
    assert len(members) == 2


def test_accounting_agrees_with_the_process_itself_to_the_millisecond() -> None:
    program = "import time\nwhile time.process_time() < 0.2: pass\nprint('done', flush=True)\ninput()"
    with _process(program) as process:
        assert accounting.own_cpu_seconds(process.pid) == pytest.approx(0.2, abs=0.01)


def test_of_a_process_that_is_gone_nothing_is_said() -> None:
    with _process("print('done', flush=True)") as process:
        process.wait()
        pid = process.pid
    assert accounting.tree(pid) == []
    assert accounting.own_cpu_seconds(pid) == 0.0
    with pytest.raises(ProcessLookupError):
        accounting.cpu_seconds(pid)


def test_memory_is_seen() -> None:
    held = bytearray(os.urandom(1_000_000))

    assert accounting.pss_bytes([os.getpid()]) > len(held)


def test_a_listener_is_found_by_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert accounting.listener(listening.getsockname()[1]) == os.getpid()


def _idle_seconds() -> float:
    """What it costs to start Python."""
    with _process("import os, sys, threading, time\nprint('done', flush=True)\ninput()") as process:
        return accounting.cpu_seconds(process.pid)
