"""What a supervisor is given: what to start, whom to ask for what it does not know, and how long to wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from renderer.server.child import Tell
from renderer.settings.load import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What processes are started with: settings, and the variables behind them."""

    settings: Settings
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """What the supervisor does not know.

    Attributes:
        serve: the life of a process, after the fork, under a plan, in the seat of an index; its result is the exit
            status, `UNUSABLE` after it has said which settings it cannot use.
        planned: the plan that follows from variables; raises ConfigurationError when they cannot be used.
        reload: the variables, read anew in a process of their own; None after it has said what cannot be used.
        retirement_seconds: how long a retired process may take.
        ready: called once, when the first process serves.
        replaced: called when a process was replaced: it `died`, or it had outgrown its memory and was `recycled`.
        turned: called once a second at most.
    """

    serve: Callable[[Plan, int, Tell], int]
    planned: Callable[[Mapping[str, str]], Plan]
    reload: Callable[[], Mapping[str, str] | None]
    retirement_seconds: Callable[[Settings], float]
    ready: Callable[[], None] = lambda: None
    replaced: Callable[[Literal["died", "recycled"]], None] = lambda _: None
    turned: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds.

    Attributes:
        turn: how late time may be noticed; signals and words from processes are noticed at once.
        start: until a process serves; it may have to fetch a watermark from a slow origin.
        reload: until settings are read; they may come from AWS.
        silence: a process that says nothing for so long hangs: not even its event loop turns.
        margin: so long before the time to stop is over, processes that still run are killed.
        least: of the time to stop, for a process to close its log, even if no time is given.
        first_backoff: until a process that ended soon after its start is started again; it doubles.
        last_backoff: what it doubles up to, and how long a process may outlive its time or a kill.
        steady: a process that ran for so long ended for a reason of its own: its successor starts at once.
    """

    turn: float = 0.1
    start: float = 60.0
    reload: float = 60.0
    silence: float = 30.0
    margin: float = 0.3
    least: float = 0.5
    first_backoff: float = 0.1
    last_backoff: float = 5.0
    steady: float = 5.0
