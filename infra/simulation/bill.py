"""The cost table as Markdown, and the prices that it rests on: what infra/README.md carries."""

from __future__ import annotations

from collections.abc import Sequence

from infra.config import StageConfig
from infra.simulation.cost import Row, monthly_cost, total
from infra.simulation.prices import PRICES

HIT_RATE = 0.95
MEAN_BYTES = 35_000
"""Of the benchmark's results at 300 to 800 pixels: 21 KB as AVIF, 26 as WebP, 34 as JPEG."""


def bill(columns: Sequence[tuple[float, StageConfig]], *, hit_rate: float = HIT_RATE) -> str:
    """A column of dollars for each number of requests a month and the stage that takes them."""
    months = [monthly_cost(requests, hit_rate, MEAN_BYTES, config) for requests, config in columns]
    names = [f"{requests / 1e6:,.0f} M, {config.name}" for requests, config in columns]
    million = [total(rows) / requests * 1e6 for rows, (requests, _) in zip(months, columns, strict=True)]
    lines = [
        f"Hit rate {hit_rate:.0%}, {MEAN_BYTES / 1000:.0f} KB a picture, US dollars a month without tax.",
        "",
        f"| | formula | {' | '.join(f'{name} | $' for name in names)} |",
        f"|---|---|{'---|---:|' * len(names)}",
        *(_line(rows) for rows in zip(*months, strict=True)),
        f"| **together** | | {' | '.join(f' | **{total(rows):,.0f}**' for rows in months)} |",
        f"| for a million requests | | {' | '.join(f' | {dollars:,.2f}' for dollars in million)} |",
    ]
    return "\n".join(lines)


def _line(rows: Sequence[Row]) -> str:
    mark = "" if all(row.is_checked for row in rows) else " †"
    cells = " | ".join(f"{row.amount} | {row.usd:,.0f}" for row in rows)
    return f"| {rows[0].item}{mark} | {rows[0].formula} | {cells} |"


def price_list() -> str:
    """Every price with its unit, source and date."""
    lines = ["| price | $ | for | source | as of |", "|---|---:|---|---|---|"]
    for name, price in PRICES.items():
        mark = "" if price.is_checked else " †"
        lines.append(f"| {name}{mark} | {price.usd:g} | {price.unit} | {price.source} | {price.date} |")
    return "\n".join(lines)
