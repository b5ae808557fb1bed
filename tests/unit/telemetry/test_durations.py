"""Durations as Go's documentation of `time.Duration.String` describes them."""

from __future__ import annotations

import pytest

from renderer.telemetry.durations import Duration, go_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (1e-10, "0s"),
        (1e-9, "1ns"),
        (9.99e-7, "999ns"),
        (1e-6, "1µs"),
        (0.000126508, "126.508µs"),
        (0.00423, "4.23ms"),
        (0.0042301, "4.2301ms"),
        (0.999999999, "999.999999ms"),
        (0.9999999999, "1s"),
        (1.000631156, "1.000631156s"),
        (10.0, "10s"),
        (59.5, "59.5s"),
        (60.0, "1m0s"),
        (62.25, "1m2.25s"),
        (3600.0, "1h0m0s"),
        (3661.5, "1h1m1.5s"),
        (360_000.0, "100h0m0s"),
        (-0.0015, "-1.5ms"),
    ],
)
def test_a_duration_is_written_as_go_writes_it(seconds: float, text: str) -> None:
    """The unit is the largest that leaves something before the point."""
    assert go_duration(seconds) == text


def test_a_duration_is_whole_nanoseconds_for_machines() -> None:
    """JSON has durations as numbers (spec 03 section 7.5)."""
    assert Duration(0.00423).nanoseconds == 4_230_000
