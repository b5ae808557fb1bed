"""All scenarios by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from benchmarks.resilience.figures import Figure
from benchmarks.resilience.lives import kill, recycle, reload, stop
from benchmarks.resilience.overload import overload
from benchmarks.resilience.site import Site
from benchmarks.resilience.slow import slow
from benchmarks.resilience.soak import soak
from benchmarks.resilience.store import store

SCENARIOS: Final[Mapping[str, Callable[[Site], Coroutine[Any, Any, list[Figure]]]]] = {
    "overload": overload,
    "stop": stop,
    "reload": reload,
    "recycle": recycle,
    "kill": kill,
    "slow": slow,
    "store": store,
    "soak": soak,
}
