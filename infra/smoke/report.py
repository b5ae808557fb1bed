"""What is told of a run: a line for each step as it ends, or all of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from infra.smoke.steps import Outcome, Step


def line(outcome: Outcome) -> str:
    """For people."""
    return f"{outcome.state:<8}  {outcome.name:<18}  {outcome.seconds:6.1f} s  {outcome.text}"


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line."""
    counts = {state: sum(one.state == state for one in outcomes) for state in ("pass", "FAIL", "left out")}
    return f"{counts['pass']} passed, {counts['FAIL']} failed, {counts['left out']} left out"


def document(outcomes: Sequence[Outcome], *, pictures_url: str, api_url: str) -> str:
    """For programs."""
    steps = [asdict(one) | {"seconds": round(one.seconds, 3)} for one in outcomes]
    return json.dumps({"pictures_url": pictures_url, "api_url": api_url, "steps": steps}, indent=1)


def catalog(steps: Sequence[Step]) -> str:
    """Every step and what it claims."""
    return "\n".join(f"{step.name:<18}  {step.needs or '-':<6}  {step.claims}" for step in steps)
