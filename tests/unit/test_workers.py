"""Who may render: admission, slots, deadlines, and that no slot is ever lost."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable

import pytest

from renderer.errors import RequestTimeout, TooManyRequests
from renderer.vips.runtime import Deadline
from renderer.workers import Workers, default_worker_count

_PATIENCE_SECONDS = 10


def _at(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


class Render:
    """A render that lasts until it is told to end, or killed."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.has_ended = threading.Event()
        self.was_killed = False

    def __call__(self, deadline: Deadline) -> str:
        """Runs in the worker's thread."""
        self.has_begun.set()
        try:
            while not self.may_end.wait(0.002):
                deadline.check()
        except RequestTimeout:
            self.was_killed = True
            raise
        finally:
            self.has_ended.set()
        return "done"


class Stubborn(Render):
    """A render inside one call that libvips cannot interrupt, such as the encoding of a frame."""

    def __call__(self, deadline: Deadline) -> str:
        """Runs in the worker's thread."""
        self.has_begun.set()
        self.may_end.wait(_PATIENCE_SECONDS)
        self.has_ended.set()
        deadline.check()
        return "done"


async def _happens(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, _PATIENCE_SECONDS)


@pytest.fixture
def workers(request: pytest.FixtureRequest) -> Workers:
    """One slot."""
    workers = Workers(1, 0, 0)
    request.addfinalizer(workers.close)
    return workers


async def test_a_render_runs_in_a_thread_and_its_result_comes_back(workers: Workers) -> None:
    name = await workers.run(lambda _: threading.current_thread().name, _at(10))

    assert name.startswith("render")


async def test_what_a_render_raises_comes_back(workers: Workers) -> None:
    def fail(_: Deadline) -> None:
        raise LookupError("no")

    with pytest.raises(LookupError):
        await workers.run(fail, _at(10))

    assert await workers.run(lambda _: "next", _at(10)) == "next"


async def test_no_more_renders_run_at_once_than_there_are_slots() -> None:
    workers = Workers(2, 0, 0)
    renders = [Render() for _ in range(5)]
    tasks = [asyncio.create_task(workers.run(render, _at(60))) for render in renders]

    await _happens(renders[0].has_begun)
    await _happens(renders[1].has_begun)
    assert not any(render.has_begun.is_set() for render in renders[2:])
    renders[0].may_end.set()
    await _happens(renders[2].has_begun)
    assert not any(render.has_begun.is_set() for render in renders[3:])
    for render in renders:
        render.may_end.set()

    assert await asyncio.gather(*tasks) == ["done"] * 5
    workers.close()


async def test_waiting_for_a_slot_ends_at_the_deadline(workers: Workers) -> None:
    first = Render()
    running = asyncio.create_task(workers.run(first, _at(60)))
    await _happens(first.has_begun)

    with pytest.raises(RequestTimeout, match="no worker was free"):
        await workers.run(lambda _: "never", _at(0.01))

    first.may_end.set()
    assert await running == "done"
    assert await workers.run(lambda _: "next", _at(10)) == "next"


async def test_a_render_is_killed_at_its_deadline(workers: Workers) -> None:
    render = Render()

    with pytest.raises(RequestTimeout):
        await workers.run(render, _at(0.02))

    await _happens(render.has_ended)
    assert render.was_killed
    assert await workers.run(lambda _: "next", _at(10)) == "next"


async def test_the_answer_at_the_deadline_does_not_wait_for_a_thread_that_cannot_stop(workers: Workers) -> None:
    """The slot does wait: two renders never share it."""
    stubborn = Stubborn()

    with pytest.raises(RequestTimeout):
        await workers.run(stubborn, _at(0.02))
    assert not stubborn.has_ended.is_set()
    with pytest.raises(RequestTimeout, match="no worker was free"):
        await workers.run(lambda _: "never", _at(0.02))
    stubborn.may_end.set()

    assert await workers.run(lambda _: "next", _at(10)) == "next"


async def test_a_deadline_that_has_passed_starts_nothing_that_counts(workers: Workers) -> None:
    with pytest.raises(RequestTimeout):
        await workers.run(Render(), _at(-1))

    assert await workers.run(lambda _: "next", _at(10)) == "next"


async def test_cancelling_kills_the_render_and_waits_for_its_end(workers: Workers) -> None:
    render = Render()
    task = asyncio.create_task(workers.run(render, _at(60)))
    await _happens(render.has_begun)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert render.was_killed
    assert render.has_ended.is_set()
    assert await workers.run(lambda _: "next", _at(10)) == "next"


async def test_cancelling_twice_still_leaves_the_slot_with_the_thread(workers: Workers) -> None:
    stubborn = Stubborn()
    task = asyncio.create_task(workers.run(stubborn, _at(60)))
    await _happens(stubborn.has_begun)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not stubborn.has_ended.is_set()

    with pytest.raises(RequestTimeout, match="no worker was free"):
        await workers.run(lambda _: "never", _at(0.02))
    stubborn.may_end.set()

    assert await workers.run(lambda _: "next", _at(10)) == "next"


async def test_cancelling_while_waiting_for_a_slot_takes_none(workers: Workers) -> None:
    first, second = Render(), Render()
    running = asyncio.create_task(workers.run(first, _at(60)))
    await _happens(first.has_begun)
    waiting = asyncio.create_task(workers.run(second, _at(60)))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    first.may_end.set()

    assert await running == "done"
    assert not second.has_begun.is_set()
    assert await workers.run(lambda _: "next", _at(10)) == "next"


@pytest.mark.parametrize(
    ("queue_size", "max_requests", "admitted"), [(0, 0, 50), (0, 7, 7), (3, 0, 5), (3, 4, 5), (1, 2048, 3)]
)
async def test_so_many_requests_are_admitted(queue_size: int, max_requests: int, admitted: int) -> None:
    """Slots and queue; without a queue of its own, what the server takes at all; without that, any number."""
    workers = Workers(2, queue_size, max_requests)
    entered = 0
    passes = []
    try:
        for _ in range(50):
            admission = workers.admission()
            admission.__enter__()
            passes.append(admission)
            entered += 1
    except TooManyRequests as error:
        assert error.status == 429

    assert entered == admitted
    for admission in passes:
        admission.__exit__(None, None, None)
    with workers.admission():
        workers.close()


async def test_a_request_that_fails_makes_room_for_the_next(workers: Workers) -> None:
    small = Workers(1, 1, 0)
    for _ in range(5):
        with pytest.raises(LookupError), small.admission(), small.admission():
            raise LookupError
    with small.admission(), small.admission(), pytest.raises(TooManyRequests), small.admission():
        pytest.fail("one request too many")
    small.close()
    assert await workers.run(lambda _: 1, _at(10)) == 1


async def _one(workers: Workers, choose: random.Random) -> str:
    """A request with a random fate."""
    fate = choose.choice(["ends", "fails", "is late", "is cancelled", "cannot wait"])
    render = Render()

    def failing(_: Deadline) -> str:
        raise LookupError(fate)

    work: Callable[[Deadline], str] = failing if fate == "fails" else render
    at = {"is late": 0.005, "cannot wait": 0.0}.get(fate, 60)
    task = asyncio.create_task(workers.run(work, _at(at)))
    for _ in range(choose.randrange(4)):
        await asyncio.sleep(0)
    if fate == "is cancelled":
        task.cancel()
    elif fate == "ends":
        render.may_end.set()
    try:
        return await task
    except (LookupError, RequestTimeout, asyncio.CancelledError) as error:
        return type(error).__name__


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_to_requests_every_slot_is_free_in_the_end(seed: int) -> None:
    choose = random.Random(seed)
    workers = Workers(3, 0, 0)

    outcomes = await asyncio.gather(*(_one(workers, choose) for _ in range(60)))
    last = [Render() for _ in range(3)]
    tasks = [asyncio.create_task(workers.run(render, _at(60))) for render in last]
    for render in last:
        await _happens(render.has_begun)
    for render in last:
        render.may_end.set()

    assert await asyncio.gather(*tasks) == ["done"] * 3
    assert {"done", "LookupError", "RequestTimeout", "CancelledError"} >= set(outcomes) > {"done"}
    workers.close()


def test_there_are_two_workers_for_each_cpu() -> None:
    assert default_worker_count() >= 2
    assert default_worker_count() % 2 == 0
