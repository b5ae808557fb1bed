"""Which pictures make a round, and whose turn it is. Pure, and the same each time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, TypeVar

ZIPF_EXPONENT: Final = 1.0
"""The classic: the second is asked for half as often as the first."""

T = TypeVar("T")


def zipf(items: Sequence[T], count: int, seed: int) -> list[T]:
    """So many draws; an item is drawn the less often the later it stands, by Zipf's law. The same for the same seed."""
    weights = list(accumulate((rank + 1) ** -ZIPF_EXPONENT for rank in range(len(items))))
    return random.Random(seed).choices(items, cum_weights=weights, k=count)  # noqa: S311  a load, no secret


def spread(items: Sequence[T], count: int, group: int = 1) -> list[T]:
    """About so many of the items, evenly spread, in whole groups of neighbors: at least one group.

    All of them, as often as they fit but at least once, when the count is at least their number.
    """
    if count >= len(items):
        return list(items) * (count // len(items))
    groups = [items[start : start + group] for start in range(0, len(items), group)]
    wanted = max(1, round(count / group))
    chosen = (groups[place * len(groups) // wanted] for place in range(wanted))
    return [item for one in chosen for item in one]


def rotated(items: Sequence[T], by: int) -> list[T]:
    """The items, begun at another one in each round, so that each comes first equally often."""
    start = by % len(items) if items else 0
    return [*items[start:], *items[:start]]
