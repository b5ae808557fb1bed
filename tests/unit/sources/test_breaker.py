"""When an origin is left alone, and who cannot bring that about."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from renderer.errors import (
    SourceAddressForbidden,
    SourceError,
    SourceIncomplete,
    SourceNotAllowed,
    SourceStatus,
    SourceTimeout,
    SourceTooLarge,
    SourceUnreachable,
)
from renderer.settings.sources import SourceSettings
from renderer.sources.breaker import Inquiry, OriginBreakers

A, B = "http://a.test:80", "http://b.test:80"


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


class Bench:
    """Breakers and their clock."""

    def __init__(self, **settings: object) -> None:
        self.clock = Clock()
        self.breakers = OriginBreakers(SourceSettings(**settings), clock=self.clock)  # type: ignore[arg-type]

    def ask(self, origin: str = A) -> Inquiry:
        """A request."""
        return self.breakers.asking(origin)

    def begin(self, *, shows_waits: bool = True) -> Inquiry:
        """A request that goes on."""
        return self.breakers.asking(A, shows_waits=shows_waits)

    def fail(self, error: BaseException | None = None, *, after: float = 0.0, origin: str = A) -> None:
        """A request that ends with the error after so many seconds."""
        raised = error or SourceUnreachable("refused")
        with contextlib.suppress(type(raised)), self.ask(origin):
            self.clock.now += after
            raise raised

    def answer(self, status: int = 200, *, after: float = 0.0, origin: str = A) -> None:
        """A request that is answered after so many seconds."""
        with self.ask(origin) as inquiry:
            self.clock.now += after
            inquiry.answered(status)

    def is_open(self, origin: str = A) -> bool:
        """Whether a request would fail at once; it counts as none."""
        try:
            with self.ask(origin) as inquiry:
                inquiry.failed(SourceNotAllowed())
        except SourceError:
            return True
        return False

    @property
    def failures(self) -> int:
        """How many are counted against the origin."""
        return self.breakers.states().get(A, ("closed", 0))[1]


@pytest.mark.parametrize(
    ("error", "after", "counts"),
    [
        (SourceUnreachable("refused"), 0.0, True),
        (SourceTimeout("late"), 5.0, True),
        (SourceTimeout("late"), 0.01, False),
        (SourceError("broke"), 0.01, False),
        (SourceError("broke"), 2.0, True),
        (SourceStatus("busy", source_status=503), 0.01, False),
        (SourceStatus("busy", source_status=503), 2.0, True),
        (SourceStatus("none", source_status=404), 2.0, False),
        (SourceTooLarge("big"), 2.0, False),
        (SourceIncomplete("short"), 2.0, False),
        (SourceAddressForbidden("inner"), 2.0, False),
        (SourceNotAllowed("list"), 2.0, False),
        (asyncio.CancelledError(), 0.5, False),
        (asyncio.CancelledError(), 2.0, True),
        (ValueError("ours"), 2.0, False),
    ],
)
def test_what_counts_against_an_origin(error: BaseException, after: float, *, counts: bool) -> None:
    """A quick failure of what was asked for says nothing of the origin; nobody there, or a long silence, does."""
    bench = Bench()

    bench.fail(error, after=after)

    assert bench.failures == counts


@pytest.mark.parametrize(("status", "after", "failures"), [(200, 9, 0), (404, 9, 0), (503, 0.1, 0), (504, 4, 2)])
def test_an_answer_forgets_all_failures_unless_a_gateway_waited_for_it(
    status: int, after: float, failures: int
) -> None:
    bench = Bench()
    bench.fail()

    bench.answer(status, after=after)

    assert bench.failures == failures


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (SourceUnreachable("x"), SourceUnreachable, 404),
        (SourceTimeout("x"), SourceTimeout, 504),
        (SourceStatus("x", source_status=503), SourceStatus, 502),
        (SourceError("x"), SourceError, 404),
    ],
)
def test_while_it_is_open_requests_fail_as_the_one_that_opened_it(
    error: SourceError, kind: type[SourceError], status: int
) -> None:
    bench = Bench(origin_failures=3)
    for _ in range(3):
        assert not bench.is_open()
        bench.fail(error, after=2)

    with pytest.raises(kind, match=r"not asked again for 0\.5 s") as raised, bench.ask():
        pass

    assert (type(raised.value), raised.value.status) == (kind, status)
    assert bench.breakers.states() == {A: ("open", 3)}
    assert (bench.breakers.counts.opened, bench.breakers.counts.refused) == (1, 1)
    assert not bench.is_open(B)


def test_after_a_pause_one_request_finds_out_and_an_answer_closes() -> None:
    bench = Bench()
    for _ in range(5):
        bench.fail()
    bench.clock.now += 0.5

    with bench.ask() as probe:
        assert bench.breakers.states() == {A: ("half-open", 5)}
        assert bench.is_open()
        probe.answered(404)

    assert not bench.is_open()
    assert bench.breakers.states() == {}


def test_the_pause_doubles_up_to_the_setting() -> None:
    bench = Bench(origin_max_pause_seconds=3)
    for _ in range(5):
        bench.fail()

    pauses = []
    for _ in range(4):
        began = bench.clock.now
        while bench.is_open():
            bench.clock.now += 0.125
        pauses.append(bench.clock.now - began)
        # `is_open` was let through and told nothing: the next one is, a pause later.
        bench.clock.now += pauses[-1]
        bench.fail()

    assert pauses == [0.5, 1, 2, 3]


def test_a_probe_that_hangs_does_not_keep_others_from_finding_out() -> None:
    bench = Bench()
    for _ in range(5):
        bench.fail()
    bench.clock.now += 0.5

    with bench.ask():
        bench.clock.now += 0.5
        bench.answer()
        assert not bench.is_open()


def test_requests_that_were_under_way_do_not_make_the_pause_longer() -> None:
    bench = Bench(origin_failures=2)
    under_way = [bench.begin() for _ in range(6)]
    bench.clock.now += 5
    for inquiry in under_way:
        inquiry.failed(SourceTimeout("late"))

    bench.clock.now += 0.5

    assert bench.failures == 6
    assert not bench.is_open()


def test_urls_that_hang_on_an_origin_that_answers_others_count_for_nothing() -> None:
    """A hundred hanging requests fail in the same moment; one answer after they began shows that the origin lives."""
    bench = Bench()
    hanging = [bench.begin() for _ in range(15)]
    bench.clock.now += 1
    bench.answer()
    bench.clock.now += 4
    for inquiry in hanging:
        inquiry.failed(SourceTimeout("late"))

    assert bench.failures == 0
    assert not bench.is_open()


def test_urls_that_fail_quickly_never_shut_an_origin() -> None:
    bench = Bench()
    for error in (SourceError("broken head"), SourceStatus("busy", source_status=503), SourceTimeout("redirected")):
        for _ in range(20):
            bench.fail(error, after=0.01)

    assert not bench.is_open()


def test_only_a_few_wait_for_an_origin_that_is_silent() -> None:
    bench = Bench(origin_max_waiting=3)
    waiting = [bench.begin() for _ in range(3)]
    with bench.ask() as another:
        assert not another.is_probe
        bench.clock.now += 2.5
        with pytest.raises(SourceTimeout, match="3|4") as raised, bench.ask():
            pass
        assert raised.value.status == 504
        waiting[2].answered()
        assert not bench.is_open()


def test_an_origin_that_answers_somebody_is_not_silent_however_many_wait() -> None:
    bench = Bench(origin_max_waiting=3)
    waiting = [bench.begin() for _ in range(3)]
    bench.clock.now += 1
    with bench.ask() as answered:
        answered.answered()
    bench.clock.now += 2

    assert not bench.is_open()
    assert len(waiting) == 3


def test_a_wait_that_includes_the_body_is_not_silence() -> None:
    bench = Bench(origin_max_waiting=1)
    bench.begin(shows_waits=False)
    bench.clock.now += 10

    assert not bench.is_open()


def test_both_can_be_turned_off() -> None:
    bench = Bench(origin_failures=0, origin_max_waiting=0)
    for _ in range(50):
        bench.fail()
    hanging = [bench.begin() for _ in range(50)]
    bench.clock.now += 9

    assert not bench.is_open()
    assert len(hanging) == 50


def test_healthy_origins_are_not_remembered_and_failing_ones_only_so_many() -> None:
    bench = Bench()
    for number in range(3000):
        bench.answer(origin=f"http://{number}.test")
    assert len(bench.breakers._origins) == 0

    for number in range(3000):
        bench.fail(origin=f"http://{number}.test")

    assert len(bench.breakers.states()) == 1024
    assert "http://2999.test" in bench.breakers.states()


def test_a_short_time_limit_makes_the_counted_wait_shorter() -> None:
    breakers = OriginBreakers(SourceSettings(), timeout_seconds=0.2, clock=(clock := Clock()))
    with breakers.asking(A) as inquiry:
        clock.now += 0.2
        inquiry.failed(SourceTimeout("late"))

    assert breakers.states() == {A: ("closed", 1)}
