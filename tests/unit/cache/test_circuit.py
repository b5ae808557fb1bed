"""A store that keeps failing is left alone, and tried again now and then."""

from __future__ import annotations

import logging

import pytest

from renderer.cache.circuit import LOG_SECONDS, Circuit


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_after_failures_in_a_row_one_request_tries_at_a_time() -> None:
    """A success closes it; the count begins anew."""
    clock = Clock()
    circuit = Circuit(failures=2, pause_seconds=5, clock=clock)
    error = OSError("no")

    circuit.failed("x", error)
    circuit.succeeded()
    circuit.failed("x", error)
    assert circuit.allows()
    circuit.failed("x", error)
    assert not circuit.allows()
    clock.now += 5
    assert [circuit.allows(), circuit.allows()] == [True, False]
    circuit.failed("x", error)
    clock.now += 4.9
    assert not circuit.allows()
    clock.now += 0.2
    assert circuit.allows()
    circuit.succeeded()
    assert [circuit.allows(), circuit.allows(), circuit.is_open] == [True, True, False]


def test_the_log_is_told_once_in_a_while_and_how_often(caplog: pytest.LogCaptureFixture) -> None:
    """A line for each failure would be a second failure."""
    clock = Clock()
    circuit = Circuit(failures=2, clock=clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            circuit.failed("find a result", TimeoutError())
        clock.now += LOG_SECONDS
        circuit.failed("keep a result", OSError("no space"))

    assert [record.getMessage() for record in caplog.records] == [
        "The store of results could not find a result: TimeoutError",
        "The store of results could not keep a result: no space (9 more since the last line)",
    ]
