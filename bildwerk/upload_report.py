"""What `bildwerk upload` says: a line for each picture, a summary, and why pictures were refused."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Final

from bildwerk.terminal import columns, visible
from bildwerk.upload_plan import Plan
from bildwerk.uploading import Outcome, State

_WORDS: Final[dict[State, str]] = {"stored": "stored", "replaced": "replaced", "unchanged": "already there"}
_SHOWN: Final = 50
"""Refused pictures that are listed at the end; `--json` tells of every one."""


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of all pictures.

    Attributes:
        of: how many there are.
        counts: of each state.
        refused: all that were.
        unreachable: how many of the last ones found no API.
        sent: bytes of files.
        stopped: why not all were tried; blank if they were.
    """

    of: int
    counts: dict[State, int] = field(default_factory=dict)
    refused: list[Outcome] = field(default_factory=list)
    unreachable: int = 0
    sent: int = 0
    stopped: str = ""
    begun_at: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """How many have been tried."""
        return sum(self.counts.values())

    def add(self, outcome: Outcome) -> None:
        """Counts one more."""
        self.counts[outcome.state] = self.counts.get(outcome.state, 0) + 1
        self.sent += outcome.sent
        if outcome.name != "local":
            self.unreachable = self.unreachable + 1 if outcome.name == "unreachable" else 0
        if outcome.state == "refused":
            self.refused.append(outcome)


def text_line(outcome: Outcome) -> str:
    """For people; blank for a picture that was refused, which the end tells of."""
    image = outcome.image
    if image is None:
        return ""
    size = f"{image.width} x {image.height}" if image.width else ""
    cells = [f"{_WORDS[outcome.state]:<13}", visible(image.key), size, f"{image.bytes:,} bytes", image.source_encoded]
    return "  ".join(cell for cell in cells if cell)


def json_line(outcome: Outcome) -> str:
    """For programs: everything."""
    upload, image = outcome.upload, outcome.image
    record: dict[str, object] = {"source": upload.source, "state": outcome.state}
    if image is None:
        record |= {"key": upload.key, "problem": {"name": outcome.name, "detail": outcome.detail}}
    else:
        record |= {"key": image.key, "source_encoded": image.source_encoded, "image": image.model_dump(mode="json")}
    return json.dumps(record)


def summary_text(summary: Summary, plan: Plan) -> str:
    """One line of numbers."""
    counts = [f"{summary.counts[state]:,} {word}" for state, word in _WORDS.items() if state in summary.counts]
    if summary.refused:
        counts.append(f"{len(summary.refused):,} refused")
    if left := summary.of - summary.done:
        counts.append(f"{left:,} not tried")
    parts = [", ".join(counts) or "nothing was done"]
    if summary.sent:
        seconds = time.monotonic() - summary.begun_at
        parts.append(f"{_size(summary.sent)} in {seconds:.1f} s")
    if skipped := _skipped(plan):
        parts.append(f"passed over: {skipped}")
    return "; ".join(parts)


def nothing_text(plan: Plan) -> str:
    """Why there is nothing to upload."""
    skipped = _skipped(plan)
    return f"there is no picture to upload{f' (passed over: {skipped})' if skipped else ''}"


def refused_text(summary: Summary) -> str:
    """Which pictures are not in the store, and why."""
    if summary.of == 1:
        only = summary.refused[0]
        return f"{only.upload.source}: {only.detail}{_named(only)}"
    rows = [(outcome.upload.source, f"{outcome.detail}{_named(outcome)}") for outcome in summary.refused[:_SHOWN]]
    more = len(summary.refused) - len(rows)
    lines = [f"{len(summary.refused):,} of {summary.of:,} not stored:", columns(rows, indent="  ")]
    return "\n".join(lines + ([f"  and {more:,} more"] if more else []))


def _named(outcome: Outcome) -> str:
    return "" if outcome.name in ("local", "unreachable") else f" ({outcome.name})"


def _skipped(plan: Plan) -> str:
    counts = ((plan.hidden, "hidden"), (plan.others, "not pictures by name"))
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)


def _size(count: int) -> str:
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"
