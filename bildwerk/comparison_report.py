"""What `bildwerk compare` says: of each pair of answers, and of all of them together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bildwerk.comparison import Answer, Comparison
from bildwerk.replay import Replay
from bildwerk.request_targets import Targets
from bildwerk.terminal import columns, visible

MAX_SHOWN: Final = 120
"""Characters of a header that are shown to people; `--json` tells all."""

HOPELESS: Final = 10
"""After so many pairs without one answer from a server, it is taken for dead."""


@dataclass(slots=True, kw_only=True)
class Summary:
    """What was found so far; of all answers that came, `seconds` is the sum for each server."""

    pairs: int = 0
    identical: int = 0
    different: int = 0
    failed: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    answered: dict[str, int] = field(default_factory=lambda: {"own": 0, "other": 0})
    seconds: dict[str, float] = field(default_factory=lambda: {"own": 0.0, "other": 0.0})

    def add(self, comparison: Comparison) -> None:
        """Counts one pair."""
        self.pairs += 1
        self.identical += comparison.is_identical
        self.failed += comparison.has_failed
        self.different += bool(comparison.differences) and not comparison.has_failed
        self.by_kind.update({difference.what for difference in comparison.differences} - {"answer"})
        for name, answer in (("own", comparison.own), ("other", comparison.other)):
            if not answer.problem:
                self.answered[name] += 1
                self.seconds[name] += answer.seconds

    @property
    def dead(self) -> list[str]:
        """The servers that have not answered once."""
        return [name for name, count in self.answered.items() if self.pairs and not count]


def json_line(comparison: Comparison) -> str:
    """One pair for programs."""
    record: dict[str, Any] = {
        "url": comparison.target,
        "accept": comparison.accept,
        "alike": not comparison.differences,
        "identical": comparison.is_identical,
        "differences": [
            {"what": difference.what, "own": difference.own, "other": difference.other}
            for difference in comparison.differences
        ],
        "own": _facts(comparison.own),
        "other": _facts(comparison.other),
    }
    if comparison.pixels is not None and comparison.pixels.mean is not None:
        record["pixels"] = {"mean": comparison.pixels.mean, "worst_block": comparison.pixels.worst_block}
    return json.dumps(record)


def _facts(answer: Answer) -> dict[str, Any]:
    if answer.problem:
        return {"problem": answer.problem}
    return {"status": answer.status, "bytes": answer.length, "seconds": round(answer.seconds, 4)}


def text_block(comparison: Comparison) -> str:
    """One pair that differs, for people."""
    rows = [["", "own", "other"]]
    rows += [
        [difference.what, _short(difference.own), _short(difference.other)] for difference in comparison.differences
    ]
    head = visible(comparison.target)
    if comparison.accept:
        head += f"\n  Accept: {visible(comparison.accept)}"
    return f"{head}\n{columns(rows, indent='  ')}\n"


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def summary_text(summary: Summary, targets: Targets, replay: Replay) -> str:
    """All pairs together."""
    alike = summary.pairs - summary.different - summary.failed
    urls = len(targets.targets)
    rows: list[Sequence[str]] = [
        ["own", replay.own],
        ["other", replay.other],
        ["compared", f"{summary.pairs:,} pairs of answers, {urls:,} {'URL' if urls == 1 else 'URLs'}"],
        ["alike", f"{alike:,}, {summary.identical:,} of them to the byte"],
        ["different", f"{summary.different:,}"],
        *([f"  {kind}", f"{count:,}"] for kind, count in summary.by_kind.most_common()),
        ["not answered", f"{summary.failed:,}"],
    ]
    if not summary.dead:
        times = [f"{name} {1000 * summary.seconds[name] / summary.answered[name]:.0f} ms" for name in summary.answered]
        rows.append(["mean time", ", ".join(times)])
    if targets.unread:
        rows.append(["passed over", f"{targets.unread:,} lines that tell of no picture"])
    if targets.is_cut:
        rows.append(["left out", "what comes after the first --limit URLs"])
    return columns(rows)
