"""Who may render: admission, slots, deadlines, and that no slot is ever lost."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable

import pytest

from renderer.errors import RequestTimeout, TooManyRequests
from renderer.telemetry.observation import Observation, Stage
from renderer.vips.runtime import Deadline
from renderer.workers import Load, Workers, retry_after_seconds

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


async def test_cheap_renders_do_not_wait_behind_expensive_ones(workers: Workers) -> None:
    running = Render()
    order: list[str] = []

    def noting(name: str) -> Callable[[Deadline], str]:
        def render(_: Deadline) -> str:
            order.append(name)
            return "done"

        return render

    tasks = [asyncio.create_task(workers.run(running, _at(60)))]
    await _happens(running.has_begun)
    for name, cost_ms in (("animation", 5000), ("large", 300), ("small", 20), ("small too", 20)):
        tasks.append(asyncio.create_task(workers.run(noting(name), _at(60), cost_ms=cost_ms)))
        await asyncio.sleep(0)
    assert workers.load.queued == 4
    running.may_end.set()
    await asyncio.gather(*tasks)

    assert order == ["small", "small too", "large", "animation"]


async def test_one_slot_is_open_to_cheap_renders_while_expensive_ones_wait() -> None:
    workers = Workers(2, 0, 0)
    expensive = [Render() for _ in range(3)]
    tasks = [asyncio.create_task(workers.run(render, _at(60), cost_ms=5000)) for render in expensive]
    await _happens(expensive[0].has_begun)

    assert await workers.run(lambda _: "cheap", _at(10), cost_ms=20) == "cheap"
    assert not expensive[1].has_begun.is_set()
    for render in expensive:
        render.may_end.set()
    assert await asyncio.gather(*tasks) == ["done"] * 3
    workers.close()


async def test_the_load_is_counted(workers: Workers) -> None:
    stubborn, waiting = Stubborn(), Render()
    with workers.admission(), workers.admission():
        first = asyncio.create_task(workers.run(stubborn, _at(0.05)))
        await _happens(stubborn.has_begun)
        second = asyncio.create_task(workers.run(waiting, _at(60)))
        await asyncio.sleep(0)
        assert workers.load == Load(count=1, admitted=2, queued=1, running=1, overstaying=0)

        with pytest.raises(RequestTimeout):
            await first
        assert workers.load == Load(count=1, admitted=2, queued=1, running=1, overstaying=1)
        stubborn.may_end.set()
        await _happens(waiting.has_begun)
        assert workers.load == Load(count=1, admitted=2, queued=0, running=1, overstaying=0)
        waiting.may_end.set()
        await second
    assert workers.load == Load(count=1, admitted=0, queued=0, running=0, overstaying=0)


async def test_a_cancelled_render_that_cannot_stop_is_counted_too(workers: Workers) -> None:
    stubborn = Stubborn()
    task = asyncio.create_task(workers.run(stubborn, _at(60)))
    await _happens(stubborn.has_begun)
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert workers.load.overstaying == 1
    stubborn.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert workers.load.overstaying == 0


def _seen() -> Observation:
    return Observation(request_id="1", method="GET", target="/", client_ip="127.0.0.1")


async def test_the_queue_and_the_render_are_timed_apart(workers: Workers) -> None:
    first, seen = Render(), _seen()
    running = asyncio.create_task(workers.run(first, _at(60)))
    await _happens(first.has_begun)
    waiting = asyncio.create_task(workers.run(lambda _: "next", _at(60), seen=seen))
    await asyncio.sleep(0)
    assert not seen.timings
    first.may_end.set()

    assert await waiting == "next"
    assert await running == "done"
    assert [timing.stage for timing in seen.timings] == [Stage.QUEUE, Stage.PROCESSING]


async def test_a_request_that_gets_no_slot_was_in_the_queue_only(workers: Workers) -> None:
    first, seen = Render(), _seen()
    running = asyncio.create_task(workers.run(first, _at(60)))
    await _happens(first.has_begun)
    with pytest.raises(RequestTimeout):
        await workers.run(lambda _: "never", _at(0.01), seen=seen)
    first.may_end.set()
    await running

    assert [timing.stage for timing in seen.timings] == [Stage.QUEUE]


async def test_a_refused_client_is_told_when_to_come_back() -> None:
    workers = Workers(1, 1, 0)
    with workers.admission(), workers.admission(), pytest.raises(TooManyRequests) as refusal, workers.admission():
        pytest.fail("one request too many")

    assert refusal.value.retry_after_seconds == 1
    workers.close()


@pytest.mark.parametrize(
    ("admitted", "mean_seconds", "count", "seconds"),
    [(2, 0.01, 2, 1), (20, 0.5, 2, 5), (21, 0.5, 2, 6), (2048, 2.0, 2, 60)],
)
def test_a_client_may_come_back_when_the_others_are_through(
    admitted: int, mean_seconds: float, count: int, seconds: int
) -> None:
    assert retry_after_seconds(admitted, mean_seconds, count) == seconds


async def _one(workers: Workers, choose: random.Random) -> str:
    """A request with a random fate."""
    fate = choose.choice(["ends", "fails", "is late", "is cancelled", "cannot wait"])
    render = Render()

    def failing(_: Deadline) -> str:
        raise LookupError(fate)

    work: Callable[[Deadline], str] = failing if fate == "fails" else render
    at = {"is late": 0.005, "cannot wait": 0.0}.get(fate, 60)
    task = asyncio.create_task(workers.run(work, _at(at), cost_ms=choose.choice([0, 20, 3000])))
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
    assert workers.load == Load(count=3, admitted=0, queued=0, running=0, overstaying=0)
    assert {"done", "LookupError", "RequestTimeout", "CancelledError"} >= set(outcomes) > {"done"}
    workers.close()


@pytest.mark.parametrize("seed", range(5))
async def test_a_request_may_be_cancelled_at_any_turn_of_the_loop(seed: int) -> None:
    """Also in the turn in which its slot is free, and in that between the grant and its waking.

    Clients go away in the order in which they came, so that it is often the first in the line.
    """
    choose = random.Random(seed)
    workers = Workers(2, 0, 0)

    async def cancelled(turns: int) -> None:
        task = asyncio.create_task(workers.run(lambda _: "done", _at(60), cost_ms=choose.choice([0, 3000])))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    await asyncio.gather(*(cancelled(number + choose.randrange(9)) for number in range(300)))

    assert await asyncio.gather(*(workers.run(lambda _: "next", _at(60)) for _ in range(3))) == ["next"] * 3
    assert workers.load == Load(count=2, admitted=0, queued=0, running=0, overstaying=0)
    workers.close()


async def test_a_render_that_cannot_start_gives_its_slot_back() -> None:
    workers = Workers(1, 0, 0)
    workers.close()

    for _ in range(2):
        with pytest.raises(RuntimeError, match="shutdown"):
            await workers.run(lambda _: "never", _at(10))
    assert workers.load.running == 0
