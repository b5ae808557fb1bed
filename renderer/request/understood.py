"""What a URL was found to ask for, remembered for when it comes again.

Only URLs that passed are remembered, so what nobody signed pushes nothing out. What depends on the time of day is not
remembered: the caller leaves out requests that expire. Keys, presets and the allow-list are the same for as long as the
process lives.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from renderer.request.values import NO_FEATURES, NO_HINTS, ClientFeatures, ClientHints, RenderRequest

MOST: Final = 2048
"""URLs that are remembered. Each takes 3 KB beside its target."""

MOST_CHARACTERS: Final = 1024 * 1024
"""Of all their targets together."""

LONGEST: Final = 4096
"""Characters of a target; a longer one would push many others out."""

Asked: TypeAlias = tuple[str, ClientFeatures, ClientHints]
"""All that an understanding follows from: the raw target and what the client's headers say."""


@dataclass(slots=True, kw_only=True)
class Understood:
    """A request that may be answered.

    Attributes:
        wanted: what is asked for.
        key: of what is asked for, see `renderer.cache.key`.
        options: what monitors are told of it.
        head: how the last answer began; empty if there was none that can be kept.
        head_basis: what it follows from.
    """

    wanted: RenderRequest
    key: str
    options: Mapping[str, Any]
    head: bytes = b""
    head_basis: object = None


class Recall:
    """The URLs that came last."""

    def __init__(self) -> None:
        self._known: OrderedDict[Asked | str, Understood] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, asked: Asked) -> Understood | None:
        """What the URL was found to ask for; None if it has not come lately."""
        place = _place(asked)
        known = self._known.get(place)
        if known is not None:
            self._known.move_to_end(place)
        return known

    def put(self, asked: Asked, understood: Understood) -> None:
        """Remembers a URL; those that have not come for longest are forgotten."""
        place, size = _place(asked), len(asked[0])
        if size > LONGEST or place in self._known:
            return
        self._known[place] = understood
        self._characters += size
        while len(self._known) > MOST or self._characters > MOST_CHARACTERS:
            oldest, _ = self._known.popitem(last=False)
            self._characters -= len(oldest if isinstance(oldest, str) else oldest[0])


def _place(asked: Asked) -> Asked | str:
    """Just the target where headers say nothing, as nearly always: hashing the rest costs more than the look-up."""
    target, features, hints = asked
    return target if features is NO_FEATURES and hints is NO_HINTS else asked
