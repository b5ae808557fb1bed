"""Figures of rounds: what would mislead if it were wrong."""

from __future__ import annotations

import pytest

from benchmarks.pictures.measured import Round, Series, difference_ms, percentile, ratio


def _series(target: str, costs: dict[int, float | None], pictures: int = 10) -> Series:
    """Rounds by number, each with milliseconds of CPU for a picture."""
    rounds = [
        Round(
            number=number,
            pictures=pictures,
            wall_seconds=2.0,
            cpu_seconds=None if cost is None else cost * pictures / 1000,
            result_bytes=1000 * pictures,
        )
        for number, cost in costs.items()
    ]
    return Series(target=target, rounds=rounds)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7.0], 0.99, 7.0),
        ([3.0, 1.0, 2.0, 4.0], 0.50, 2.0),
        ([3.0, 1.0, 2.0, 4.0], 0.51, 3.0),
        ([float(value) for value in range(1, 101)], 0.95, 95.0),
        ([float(value) for value in range(1, 101)], 0.99, 99.0),
        ([float(value) for value in range(1, 101)], 1.0, 100.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected


def test_a_ratio_is_taken_inside_a_round_and_not_of_medians() -> None:
    """A machine that is three times slower for a round slows both, and the ratio stays."""
    one = _series("one", {0: 10.0, 1: 33.0, 2: 11.0})
    other = _series("other", {0: 20.0, 1: 60.0, 2: 20.0})

    found = ratio(one, other, lambda round_: round_.cpu_ms)

    assert found is not None
    assert found.median == pytest.approx(0.55)
    assert (found.low, found.high, found.rounds) == (pytest.approx(0.5), pytest.approx(0.55), 3)


def test_a_round_that_one_of_two_has_not_answered_is_in_no_ratio() -> None:
    one = _series("one", {0: 10.0, 1: 10.0, 2: 40.0})
    other = _series("other", {0: 10.0, 1: 20.0})

    found = ratio(one, other, lambda round_: round_.cpu_ms)

    assert found is not None
    assert (found.median, found.rounds) == (pytest.approx(0.75), 2)


@pytest.mark.parametrize("costs", [{}, {5: 10.0}, {0: None}, {0: 0.0}])
def test_there_is_no_ratio_without_common_figures(costs: dict[int, float | None]) -> None:
    assert ratio(_series("one", {0: 10.0}), _series("other", costs), lambda round_: round_.cpu_ms) is None


def test_a_difference_is_the_median_of_what_a_picture_costs_more() -> None:
    one, other = _series("one", {0: 3.0, 1: 9.0, 2: 4.5}), _series("other", {0: 2.0, 1: 3.0, 2: 3.0})

    assert difference_ms(one, other) == pytest.approx(1.5)


def test_figures_of_a_series_come_from_all_its_rounds() -> None:
    """Latencies are one population; memory is the highest; a figure that no round has is none."""
    rounds = [
        Round(
            number=number,
            pictures=2,
            wall_seconds=1.0,
            cpu_seconds=None,
            result_bytes=100,
            latencies=latencies,
            peak_bytes=peak,
        )
        for number, (latencies, peak) in enumerate([((1.0, 2.0), 30), ((3.0, 4.0), 20)])
    ]
    series = Series(target="one", rounds=rounds)

    assert series.latency(0.75) == 3.0
    assert series.peak_bytes == 30
    assert series.median(lambda one: one.cpu_ms) is None
    assert series.median(lambda one: one.per_second) == 2.0
    assert series.median(lambda one: one.mean_bytes) == 50.0
