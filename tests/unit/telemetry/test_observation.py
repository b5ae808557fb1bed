"""A request that is watched: who is told what, and that watching never touches it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from renderer.errors import BildwerkError, RequestCancelled, TooManyRequests
from renderer.telemetry.access_log import AccessLog
from renderer.telemetry.observation import Audience, Observation, Silent, Stage, Timing, audience


class Recorder(Silent):
    """Writes down every turn."""

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self.turns: list[str] = []
        self.headers = headers or {}

    def request_started(self, seen: Observation) -> None:
        """Notes it."""
        self.turns.append(f"started {seen.method}")

    def request_understood(self, seen: Observation) -> None:
        """Notes it."""
        self.turns.append(f"understood {seen.source_url} {dict(seen.options)}")

    def stage_started(self, _seen: Observation, stage: Stage) -> None:
        """Notes it."""
        self.turns.append(f"{stage.value} begins")

    def stage_ended(self, seen: Observation, timing: Timing) -> None:
        """Notes it."""
        assert seen.timings[-1] is timing
        self.turns.append(f"{timing.stage.value} ends")

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Notes it."""
        assert seen.error is error
        self.turns.append(f"failed {error.status}")

    def request_ended(self, seen: Observation) -> None:
        """Notes it."""
        self.turns.append(f"ended {seen.status} {seen.result_bytes}")

    def source_headers(self, _seen: Observation) -> Mapping[str, str]:
        """Some headers."""
        return self.headers


class Broken(Silent):
    """Fails at every turn."""

    def request_started(self, _seen: Observation) -> None:
        """Fails."""
        raise RuntimeError("broken")

    request_understood = request_ended = request_started

    def stage_started(self, _seen: Observation, _stage: Stage) -> None:
        """Fails."""
        raise RuntimeError("broken")

    def stage_ended(self, _seen: Observation, _timing: Timing) -> None:
        """Fails."""
        raise RuntimeError("broken")

    def request_failed(self, _seen: Observation, _error: BildwerkError) -> None:
        """Fails."""
        raise RuntimeError("broken")

    def source_headers(self, _seen: Observation) -> Mapping[str, str]:
        """Fails."""
        raise RuntimeError("broken")


def observation(*monitors: Silent) -> Observation:
    return Observation(request_id="a", method="GET", target="/x", client_ip="127.0.0.1", monitors=monitors)


def watched(seen: Observation) -> None:
    """A request with everything."""
    seen.begin()
    seen.understood("local:///a", {"width": 3})
    with seen.stage(Stage.QUEUE):
        pass
    with pytest.raises(ZeroDivisionError), seen.stage(Stage.PROCESSING):
        raise ZeroDivisionError
    seen.failed(TooManyRequests())
    seen.failed(RequestCancelled())
    seen.end(499, 5)


TOLD = [
    "started GET",
    "understood local:///a {'width': 3}",
    "queue begins",
    "queue ends",
    "processing_image begins",
    "processing_image ends",
    "failed 429",
    "failed 499",
    "ended 499 5",
]


def test_monitors_are_told_of_every_turn_in_order() -> None:
    """A stage ends although what it surrounds has failed."""
    first, second = Recorder(), Recorder()
    seen = observation(first, second)
    watched(seen)

    assert first.turns == second.turns == TOLD
    assert [timing.stage for timing in seen.timings] == [Stage.QUEUE, Stage.PROCESSING]
    assert all(0 <= timing.seconds < 5 for timing in seen.timings)
    assert seen.seconds >= 0


def test_a_monitor_that_fails_touches_neither_the_request_nor_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once a turn, with its trace."""
    caplog.set_level(logging.ERROR)
    recorder = Recorder()
    watched(observation(Broken(), recorder))

    assert recorder.turns == TOLD
    assert [record.getMessage() for record in caplog.records] == ["Broken failed"] * len(TOLD)
    assert all(record.exc_info for record in caplog.records)


def test_headers_for_the_source_come_from_all_monitors_that_have_any(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    seen = observation(Recorder({"a": "1", "b": "1"}), Broken(), Silent(), Recorder({"b": "2"}))

    assert seen.source_headers() == {"a": "1", "b": "2"}
    assert len(caplog.records) == 1


def test_stages_are_told_to_those_who_care_for_them() -> None:
    hearing, deaf = Recorder(), Recorder()
    seen = observation(hearing, deaf)
    seen.audience = Audience(understanding=[hearing, deaf], stages=[hearing], headers=[])
    watched(seen)

    assert hearing.turns == TOLD
    assert deaf.turns == [turn for turn in TOLD if not turn.endswith(("begins", "ends"))]
    assert len(seen.timings) == 2


def test_what_a_url_asks_for_is_told_to_those_who_care() -> None:
    hearing, deaf = Recorder({"a": "1"}), Recorder({"b": "2"})
    seen = observation(hearing, deaf)
    seen.audience = Audience(understanding=[hearing], stages=[hearing, deaf], headers=[hearing])
    watched(seen)

    assert hearing.turns == TOLD
    assert deaf.turns == [turn for turn in TOLD if not turn.startswith("understood")]
    assert seen.source_headers() == {"a": "1"}


def test_the_audience_is_told_from_what_it_does() -> None:
    class Ending(Silent):
        def stage_ended(self, seen: Observation, timing: Timing) -> None:
            """Would do something."""

    recorder, ending = Recorder(), Ending()

    assert audience([Silent(), AccessLog(), recorder, ending]) == Audience(
        understanding=(recorder,), stages=(recorder, ending), headers=(recorder,)
    )
