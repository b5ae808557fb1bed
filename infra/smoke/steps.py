"""What a step is, and running steps so that none hides another: each is told as passed, failed or left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from infra.smoke.asking import Shortfall
from infra.smoke.visit import Visit

State = Literal["pass", "FAIL", "left out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a step has seen: a sentence, and figures by name with their unit in it."""

    text: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One claim about a deployment.

    Attributes:
        name: as infra/README.md has it.
        claims: what holds if it passes.
        look: raises `Shortfall` if it does not.
        needs: `stage` for AWS's own services, `https` for an address with TLS, or nothing.
    """

    name: str
    claims: str
    look: Callable[[Visit], Seen]
    needs: Literal["", "stage", "https"] = ""

    def why_not(self, visit: Visit) -> str:
        """Why it cannot be asked of this deployment; blank if it can."""
        if self.needs == "stage" and visit.stage is None:
            return "no stage was named: AWS is not asked"
        if self.needs == "https" and not visit.is_https:
            return "pictures do not come by https"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a step."""

    name: str
    state: State
    seconds: float
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)


def run(steps: Sequence[Step], visit: Visit) -> Iterator[Outcome]:
    """Takes the steps one after the other; each outcome comes when it is known."""
    for step in steps:
        if reason := step.why_not(visit):
            yield Outcome(name=step.name, state="left out", seconds=0.0, text=reason)
        else:
            yield taken(step.name, partial(step.look, visit))


def taken(name: str, look: Callable[[], Seen]) -> Outcome:
    """One step, whatever happens in it."""
    begun = time.monotonic()
    try:
        seen = look()
    except Shortfall as error:
        return Outcome(name=name, state="FAIL", seconds=time.monotonic() - begun, text=str(error))
    except Exception as error:  # noqa: BLE001 - what breaks one step must not hide the others; it is told as a failure
        text = f"{type(error).__name__}: {error}"
        return Outcome(name=name, state="FAIL", seconds=time.monotonic() - begun, text=text)
    seconds = time.monotonic() - begun
    return Outcome(name=name, state="pass", seconds=seconds, text=seen.text, figures=seen.figures)
