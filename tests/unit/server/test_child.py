"""Forking, in a program of its own: a test process may have threads."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def ran(program: str, *arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """A program that has `fork_child` and gives the exit status of a child."""
    head = """
        import os, signal, sys, time
        from renderer.server.child import ALIVE, FAILED, READY, fork_child

        def status(child):
            return os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
    """
    text = textwrap.dedent(head) + textwrap.dedent(program)
    command = [sys.executable, "-c", text, *arguments]
    # Buffered, as a server's standard output is.
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    return subprocess.run(
        command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=20, check=False
    )


def test_a_child_tells_and_its_result_is_its_status() -> None:
    ended = ran("""
        def life(tell):
            tell(READY)
            tell(ALIVE)
            return 7

        child = fork_child(life)
        assert status(child) == 7
        assert child.words() == READY + ALIVE
        assert child.words() is None
        silent = fork_child(lambda tell: time.sleep(1) or 0)
        assert silent.words() == b""
        assert status(silent) == 0
    """)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_error_is_told_once_and_never_reaches_the_parents_code() -> None:
    ended = ran("""
        def life(tell):
            raise RuntimeError("life is hard")

        print("before")
        child = fork_child(life)
        assert status(child) == FAILED
        leaving = fork_child(lambda tell: sys.exit(3))
        assert status(leaving) == FAILED
        print("after")
    """)

    assert (ended.returncode, ended.stdout) == (0, "before\nafter\n")
    assert ended.stderr.count("life is hard") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_standard_output_that_is_full_ends_a_child_all_the_same() -> None:
    """What was printed is lost. The child does not go on in its parent's code."""
    with Path("/dev/full").open("wb") as full:
        ended = ran(
            """
            def life(tell):
                print("lost")
                return 5

            pid = os.getpid()
            child = fork_child(life)
            assert os.getpid() == pid, "a child got out"
            assert status(child) == 5
            os.write(2, b"parent")
            os._exit(0)
            """,
            stdout=full.fileno(),
        )

    assert (ended.returncode, ended.stderr) == (0, "parent")


def test_a_child_that_nobody_listens_to_does_not_wait() -> None:
    ended = ran("""
        def life(tell):
            for _ in range(100_000):
                tell(b"x" * 100)
            return 0

        child = fork_child(life)
        assert status(child) == 0
    """)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_without_descriptors_there_is_an_error_and_nothing_else() -> None:
    """No descriptor is lost and no signal stays blocked."""
    ended = ran("""
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        before = os.listdir("/proc/self/fd")
        for limit in (3, 4):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                fork_child(lambda tell: 0)
            except OSError as error:
                print(error.errno)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert os.listdir("/proc/self/fd") == before
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
    """)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "24\n24\n", "")


def test_a_child_begins_with_the_systems_signals_but_without_ctrl_c() -> None:
    ended = ran("""
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

        def life(tell):
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
            assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            return 0

        assert status(fork_child(life)) == -signal.SIGTERM
    """)

    assert (ended.returncode, ended.stderr) == (0, "")
