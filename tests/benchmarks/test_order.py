"""Which pictures make a round."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.pictures.order import rotated, spread, zipf


def test_draws_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    items = list(range(50))

    assert zipf(items, 200, seed=3) == zipf(items, 200, seed=3)
    assert zipf(items, 200, seed=3) != zipf(items, 200, seed=4)


def test_an_item_is_drawn_the_less_often_the_later_it_stands() -> None:
    """By Zipf's law the first is drawn twice as often as the second and ten times as often as the tenth."""
    drawn = Counter(zipf(range(10), 100_000, seed=1))

    assert [drawn[0] / drawn[rank] for rank in (1, 3, 9)] == [pytest.approx(rank, rel=0.1) for rank in (2, 4, 10)]


@pytest.mark.parametrize(
    ("count", "group", "expected"),
    [
        (3, 1, [0, 4, 8]),
        (12, 1, list(range(12))),
        (30, 1, [*range(12), *range(12)]),
        (1, 6, [0, 1, 2, 3, 4, 5]),
        (7, 3, [0, 1, 2, 6, 7, 8]),
        (0, 1, [0]),
    ],
)
def test_a_round_is_spread_over_all_pictures_in_whole_groups(count: int, group: int, expected: list[int]) -> None:
    assert spread(range(12), count, group) == expected


def test_every_target_is_the_first_of_some_round() -> None:
    assert [rotated("abc", number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert rotated([], 3) == []
