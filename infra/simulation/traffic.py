"""What a day asks of the CDN, and what of it reaches the tasks: ordinary misses, and the first of each new rendition.

An ordinary viewer misses with `1 - hit_rate`. Breaking news is other traffic: most of it asks for a few renditions of a
few new pictures, and each of those is rendered once, however many ask (Origin Shield collapses them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY: Final = 86_400

HOURLY: Final = (30, 20, 14, 12, 12, 20, 45, 85, 100, 92, 80, 75, 82, 76, 66, 62, 64, 70, 78, 84, 86, 78, 60, 42)
"""Requests at each full hour in percent of the morning peak: a news site's shape, assumed."""

REGIONAL_CACHES: Final = 13
"""CloudFront's regional edge caches (AWS: "CloudFront locations"): without Origin Shield each asks for itself. †"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """Breaking news: `factor` times the traffic within `rise_seconds`, for a while, then half each `half_life_seconds`.

    Attributes:
        hot_share: of the added requests, those for the new pictures; the others look around and hit like anybody.
        renditions: distinct ones of the new pictures: 12 pictures, 10 widths and crops, 3 formats.
    """

    at_seconds: int = 41_400
    factor: float = 10.0
    rise_seconds: int = 60
    hold_seconds: int = 600
    half_life_seconds: int = 900
    hot_share: float = 0.9
    renditions: int = 360
    origin_shield: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Requests that viewers send, from `begin` to `end` in seconds of the day."""

    peak_per_second: float = 2_000.0
    hit_rate: float = 0.95
    """Of the CDN, with Origin Shield. Each miss is a render: that nothing is in the result store is the worst."""
    spike: Spike | None = None
    begin: int = 0
    end: int = DAY
    is_steady: bool = False
    """The peak all the time, for tests and tables of capacity."""

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.begin

    def ordinary_per_second(self) -> NDArray[np.float64]:
        """Requests a second of a day without news, for each second."""
        at = np.arange(self.begin, self.end)
        if self.is_steady:
            return np.full(len(at), self.peak_per_second)
        hours = np.arange(len(HOURLY) + 1) * 3600
        shape = np.array([*HOURLY, HOURLY[0]]) / 100
        return self.peak_per_second * np.interp(at, hours, shape)

    def added_per_second(self) -> NDArray[np.float64]:
        """Requests a second that the news adds."""
        if self.spike is None:
            return np.zeros(self.seconds)
        spike = self.spike
        since = np.arange(self.begin, self.end) - spike.at_seconds
        rise = np.clip(since / spike.rise_seconds, 0, 1)
        fall = 0.5 ** (np.clip(since - spike.rise_seconds - spike.hold_seconds, 0, None) / spike.half_life_seconds)
        return self.ordinary_per_second() * (spike.factor - 1) * rise * fall

    def ordinary_misses_per_second(self) -> NDArray[np.float64]:
        """Mean misses a second, those of new renditions aside."""
        looking_around = 0.0 if self.spike is None else 1 - self.spike.hot_share
        return (self.ordinary_per_second() + self.added_per_second() * looking_around) * (1 - self.hit_rate)


class HotSet:
    """Renditions that nobody has asked for yet, asked for by Zipf's law; a refused one counts as not asked for."""

    def __init__(self, spike: Spike, random: np.random.Generator) -> None:
        caches = 1 if spike.origin_shield else REGIONAL_CACHES
        weights = 1 / np.arange(1, spike.renditions + 1)
        self._share = np.tile(weights / weights.sum() / caches, caches)
        self._is_kept = np.zeros(len(self._share), dtype=bool)
        self._random = random

    def asked(self, requests: float) -> NDArray[np.intp]:
        """Which are asked for first in a second with so many requests for the new pictures."""
        drawn = self._random.random(len(self._share))
        found = np.flatnonzero(~self._is_kept & (drawn < -np.expm1(-requests * self._share)))
        self._is_kept[found] = True
        return self._random.permutation(found)

    def refused(self, rendition: int) -> None:
        """It was not made: the next viewer asks again."""
        self._is_kept[rendition] = False
