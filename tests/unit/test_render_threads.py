"""The threads of renders: what comes back, where, and how many threads that takes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial

import pytest

from renderer.render_threads import RenderThreads

_PATIENCE_SECONDS = 10


@pytest.fixture
def threads(request: pytest.FixtureRequest) -> RenderThreads:
    """None yet."""
    threads = RenderThreads()
    request.addfinalizer(threads.close)
    return threads


async def _ended(threads: RenderThreads, call: Callable[[], object]) -> tuple[object, object, str]:
    """Value and error of a call, and the name of the thread that told them."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[tuple[object, object, str]] = loop.create_future()
    threads.start(
        loop,
        call,
        lambda value, error: told.set_result((value, error, threading.current_thread().name)),
    )
    return await asyncio.wait_for(told, _PATIENCE_SECONDS)


async def test_a_value_comes_back_on_the_thread_of_the_loop(threads: RenderThreads) -> None:
    value, error, told_in = await _ended(threads, lambda: threading.current_thread().name)

    assert (value, error) == ("render_0", None)
    assert told_in == threading.current_thread().name


async def test_an_error_comes_back_and_the_thread_goes_on(threads: RenderThreads) -> None:
    def fail() -> None:
        raise LookupError("no")

    value, error, _ = await _ended(threads, fail)

    assert value is None
    assert isinstance(error, LookupError)
    assert (await _ended(threads, lambda: "next"))[0] == "next"


async def test_there_are_as_many_threads_as_calls_that_run(threads: RenderThreads) -> None:
    names = {(await _ended(threads, lambda: threading.current_thread().name))[0] for _ in range(5)}
    assert names == {"render_0"}

    meeting = threading.Barrier(3)
    indexes = await asyncio.gather(*(_ended(threads, lambda: meeting.wait(_PATIENCE_SECONDS)) for _ in range(3)))
    assert sorted(int(str(value)) for value, _, _ in indexes) == [0, 1, 2]


async def test_the_thread_that_ended_last_goes_on(threads: RenderThreads) -> None:
    """What it needs is still in the processor's caches; the others sleep."""
    meeting = threading.Barrier(3)
    await asyncio.gather(*(_ended(threads, lambda: meeting.wait(_PATIENCE_SECONDS)) for _ in range(3)))

    assert len({(await _ended(threads, lambda: threading.current_thread().name))[0] for _ in range(20)}) == 1


async def test_no_call_is_lost_when_many_follow_each_other(threads: RenderThreads) -> None:
    """A next one begins in the very turn of the loop in which it is told of the last one's end."""
    names: set[object] = set()

    async def chain() -> None:
        for _ in range(300):
            names.add((await _ended(threads, lambda: threading.current_thread().name))[0])

    await asyncio.gather(*(chain() for _ in range(4)))

    assert names <= {f"render_{index}" for index in range(4)}


async def test_nothing_of_a_call_stays_behind(threads: RenderThreads) -> None:
    """A thread that waits would otherwise hold the last picture until the next one comes."""

    class Picture:
        pass

    picture = Picture()
    is_gone = threading.Event()
    watched = weakref.ref(picture, lambda _reference: is_gone.set())
    await _ended(threads, partial(bool, picture))
    del picture

    # The thread lets go just after it has told.
    assert await asyncio.to_thread(is_gone.wait, _PATIENCE_SECONDS)
    assert watched() is None


def test_a_loop_that_is_closed_is_told_nothing(threads: RenderThreads) -> None:
    may_end, has_ended = threading.Event(), threading.Event()
    told: list[object] = []

    def tell(*what: object) -> None:
        told.append(what)

    async def begin() -> None:
        threads.start(asyncio.get_running_loop(), lambda: may_end.wait(_PATIENCE_SECONDS), tell)

    asyncio.run(begin())
    may_end.set()

    async def go_on() -> None:
        threads.start(asyncio.get_running_loop(), has_ended.set, lambda _value, _error: None)
        assert await asyncio.to_thread(has_ended.wait, _PATIENCE_SECONDS)

    asyncio.run(go_on())
    assert not told


def test_a_call_does_not_wait_for_one_whose_loop_is_closed(threads: RenderThreads) -> None:
    """Nobody counts it any more, but it holds its thread."""
    may_end = threading.Event()

    def hold() -> None:
        may_end.wait(_PATIENCE_SECONDS)

    async def begin() -> None:
        threads.start(asyncio.get_running_loop(), hold, lambda _value, _error: None)

    asyncio.run(begin())
    value, error, _ = asyncio.run(_ended(threads, lambda: "done"))
    may_end.set()

    assert (value, error) == ("done", None)


async def test_nothing_starts_after_the_end(threads: RenderThreads) -> None:
    assert (await _ended(threads, lambda: "done"))[0] == "done"
    threads.close()

    with pytest.raises(RuntimeError, match="shutdown"):
        threads.start(asyncio.get_running_loop(), lambda: None, lambda _value, _error: None)


_PROGRAM = """
import asyncio, threading, time
from renderer.render_threads import RenderThreads

begun = threading.Event()

def call():
    begun.set()
    for _ in range(20):
        time.sleep(0.01)
    print("done", flush=True)

async def main():
    threads = RenderThreads()
    threads.start(asyncio.get_running_loop(), call, lambda value, error: None)
    begun.wait()
    threads.close(wait=False)

asyncio.run(main())
"""


def test_a_program_ends_only_after_what_runs() -> None:
    """The interpreter would tear a thread out of libvips, which may then take the whole process with it."""
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
