"""The `Server-Timing` header (W3C Server Timing, section 4): how long each stage of a request took."""

from __future__ import annotations

from renderer.telemetry.observation import Observation, Stage


def server_timing(seen: Observation) -> str:
    """The header's value: every stage that has ended and the total so far, in milliseconds."""
    stages: dict[Stage, float] = {}
    for timing in seen.timings:
        stages[timing.stage] = stages.get(timing.stage, 0.0) + timing.seconds
    # The values of stages are tokens, their display names hold nothing that a quoted string would have to escape.
    parts = [f'{stage.value};desc="{stage.display}";dur={seconds * 1000:.3f}' for stage, seconds in stages.items()]
    return ", ".join([*parts, f"total;dur={seen.seconds * 1000:.3f}"])
