"""The panels of the dashboard with their queries, and what Prometheus answers to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RATE_INTERVAL: Final = "10s"
"""What Grafana would choose for metrics that are read every second or two."""

_VARIABLES: Final = {"${prefix}": "", "$instance": ".*", "$__rate_interval": RATE_INTERVAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An expression as Prometheus gets it, and how Grafana names its series, with `{{label}}`."""

    expression: str
    legend: str

    def name(self, labels: dict[str, str]) -> str:
        """The name of a series."""
        text = self.legend
        for label, value in labels.items():
            text = text.replace("{{" + label + "}}", value)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel."""

    title: str
    unit: str
    is_stacked: bool
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The series of one query, each as times and values; `problem` says why there is none."""

    panel: Panel
    series: dict[str, list[tuple[float, float]]]
    problem: str = ""


def read_panels(file: Path) -> list[Panel]:
    """The panels of a dashboard, variables filled in."""
    return [
        Panel(
            title=panel["title"],
            unit=panel["fieldConfig"]["defaults"]["unit"],
            is_stacked=panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] != "none",
            queries=tuple(
                Query(expression=_filled(target["expr"]), legend=target["legendFormat"]) for target in panel["targets"]
            ),
        )
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]
    ]


def _filled(expression: str) -> str:
    for name, value in _VARIABLES.items():
        expression = expression.replace(name, value)
    if "$" in expression:
        raise ValueError(f"a variable that nobody fills in: {expression}")
    return expression
