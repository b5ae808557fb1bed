"""Durations as Go writes them: `126.508µs`, `4.23ms`, `1.000631156s`, `2m0.5s`.

The rule is in the documentation of Go's `time.Duration.String`.
"""

from __future__ import annotations

_UNDER_A_SECOND = ((1_000, 0, "ns"), (1_000_000, 3, "µs"), (1_000_000_000, 6, "ms"))
"""Upper bound in nanoseconds, decimal places that the unit has, the unit."""


class Duration(float):
    """Seconds that a log line shows as a duration, not as a number."""

    __slots__ = ()

    @property
    def nanoseconds(self) -> int:
        """Whole nanoseconds."""
        return round(self * 1e9)


def go_duration(seconds: float) -> str:
    """The largest unit that gives a whole number other than 0, without zeros at the end of its fraction."""
    nanoseconds = round(seconds * 1e9)
    if 1_000 <= nanoseconds < 1_000_000_000:  # nearly always
        # So many digits are all that there are; `g` leaves zeros at the end out.
        return f"{nanoseconds / 1_000_000:.9g}ms" if nanoseconds >= 1_000_000 else f"{nanoseconds / 1_000:.6g}µs"
    sign, nanoseconds = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if nanoseconds == 0:
        return "0s"
    for bound, places, unit in _UNDER_A_SECOND:
        if nanoseconds < bound:
            return f"{sign}{_decimal(nanoseconds, places)}{unit}"
    minutes, nanoseconds = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{whole}{_decimal(nanoseconds, 9)}s"


def _decimal(units: int, places: int) -> str:
    whole, rest = divmod(units, 10**places)
    return f"{whole}.{rest:0{places}d}".rstrip("0") if rest else str(whole)
