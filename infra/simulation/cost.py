"""What a month costs: each line with its formula, for so many requests, in a deployment that is configured so.

A month has 730 hours. Traffic over a day has the shape of `infra.simulation.traffic.HOURLY`, so tasks follow it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from infra.config import StageConfig
from infra.simulation.pictures import cost_of
from infra.simulation.prices import (
    FREE_CDN_REQUESTS,
    FREE_FUNCTION_CALLS,
    FREE_PATHS,
    HOURS_A_MONTH,
    PRICES,
    cdn_data,
    task_hour,
    usd,
)
from infra.simulation.traffic import HOURLY

ACLS: Final = 3
RULES: Final = 16
"""Of the three web ACLs: 6 for CloudFront, 5 for the load balancer, 5 for the API."""
ENDPOINTS: Final = 4
METRICS: Final = 40
ALARM_METRICS: Final = 60
"""That alarms look at: AWS counts these and not the alarms. The one that pages is on alarms and has its own price."""
SECRETS: Final = 4
SHIELD_FACTOR: Final = 2.0
"""Requests that regional caches send to Origin Shield, by those that it sends on, assumed."""
ACCESS_LOG_BYTES: Final = 700
"""Of CloudFront's line, as JSON."""
SERVER_LOG_BYTES: Final = 1_300
"""Of the server's two lines for a request that reaches it, as JSON, and of the load balancer's."""
UPLOADS_PER_REQUEST: Final = 1 / 10_000
PURGES_PER_UPLOAD: Final = 1 / 10
"""Uploads and deletes under a key that was taken; each is purged twice."""
ORIGINAL_BYTES: Final = 5_000_000
UPLOAD_GB_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the bill.

    Attributes:
        amount: what is paid for, in words and numbers.
        prices: names in `infra.simulation.prices.PRICES`.
    """

    item: str
    formula: str
    amount: str
    usd: float
    prices: tuple[str, ...]

    @property
    def is_checked(self) -> bool:
        """Whether all its prices were read at AWS."""
        return all(PRICES[name].is_checked for name in self.prices)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Month:
    requests: float
    misses: float
    mean_bytes: float
    config: StageConfig

    @property
    def uploads(self) -> float:
        return self.requests * UPLOADS_PER_REQUEST

    @property
    def zones(self) -> int:
        return len(self.config.network.availability_zones) or 2


def monthly_cost(requests: float, hit_rate: float, mean_bytes: float, config: StageConfig) -> list[Row]:
    """The month's bill, line by line; without tax.

    Args:
        requests: of viewers in a month.
        hit_rate: of the CDN; each miss is taken to be a render.
        mean_bytes: of a picture.
        config: of the deployment.
    """
    month = _Month(requests=requests, misses=requests * (1 - hit_rate), mean_bytes=mean_bytes, config=config)
    return [line(month) for line in _LINES if line is not _nat or config.network.http_sources]


def total(rows: Sequence[Row]) -> float:
    """Dollars of all lines."""
    return sum(row.usd for row in rows)


def mean_tasks(misses: float, config: StageConfig) -> float:
    """Tasks over a day: in each hour what keeps the CPU at its target, inside the bounds."""
    renderer, scaling = config.renderer, config.renderer.scaling
    full = cost_of().pictures_per_second * renderer.vcpus * scaling.cpu_percent / 100
    a_second = misses / HOURS_A_MONTH / 3600
    mean = sum(HOURLY) / len(HOURLY)
    tasks = [
        min(scaling.max_tasks, max(scaling.min_tasks, math.ceil(a_second * hour / mean / full))) for hour in HOURLY
    ]
    return sum(tasks) / len(tasks)


def _tasks(month: _Month) -> Row:
    renderer = month.config.renderer
    tasks = mean_tasks(month.misses, month.config)
    above = max(0.0, tasks - renderer.scaling.min_tasks)
    spot = above * renderer.spot_weight / (1 + renderer.spot_weight)
    hour = task_hour(renderer.vcpus, renderer.memory_mib / 1024)
    return Row(
        item="Fargate",
        formula="(on demand + 0.3 x Spot) x 730 x (vCPU x 0.03238 + GB x 0.00356)",
        amount=f"{tasks - spot:.1f} + {spot:.1f} of {renderer.vcpus:g} vCPU, {renderer.memory_mib / 1024:g} GB",
        usd=(tasks - spot + spot * usd("spot factor")) * HOURS_A_MONTH * hour,
        prices=("fargate vCPU", "fargate memory", *(("spot factor",) if spot else ())),
    )


def _cdn_data(month: _Month) -> Row:
    gigabytes = month.requests * month.mean_bytes / 1e9
    return Row(
        item="CloudFront, data",
        formula="requests x bytes, less 1 TB, by tiers",
        amount=f"{gigabytes:,.0f} GB",
        usd=cdn_data(gigabytes),
        prices=(),
    )


def _cdn_requests(month: _Month) -> Row:
    shield = month.misses * SHIELD_FACTOR if month.config.delivery.origin_shield else 0
    paid = max(0, month.requests - FREE_CDN_REQUESTS)
    called = max(0, month.requests - FREE_FUNCTION_CALLS)
    return Row(
        item="CloudFront, requests, function, Origin Shield",
        formula="(requests - 10 M) x 1.00 + (requests - 2 M) x 0.10 + 2 x misses x 0.75",
        amount=f"{paid / 1e6:,.0f} M, {called / 1e6:,.0f} M, {shield / 1e6:,.1f} M",
        usd=(paid * usd("cdn requests") + called * usd("cdn function") + shield * usd("origin shield")) / 1e6,
        prices=("cdn requests", "cdn function", "origin shield"),
    )


def _waf(month: _Month) -> Row:
    seen = month.requests + month.misses
    return Row(
        item="WAF",
        formula="3 ACLs x 5 + 16 rules x 1 + (requests + misses) x 0.60",
        amount=f"{seen / 1e6:,.1f} M",
        usd=ACLS * usd("waf acl") + RULES * usd("waf rule") + seen / 1e6 * usd("waf requests"),
        prices=("waf acl", "waf rule", "waf requests"),
    )


def _load_balancer(month: _Month) -> Row:
    units = max(month.misses * month.mean_bytes / 1e9 / HOURS_A_MONTH, month.misses / HOURS_A_MONTH / 3600 / 25)
    return Row(
        item="Load balancer",
        formula="730 h x (0.0225 + LCU x 0.008)",
        amount=f"{units:.2f} LCU",
        usd=HOURS_A_MONTH * (usd("alb hour") + units * usd("alb lcu")),
        prices=("alb hour", "alb lcu"),
    )


def _network(month: _Month) -> Row:
    count = 0 if month.config.network.http_sources else ENDPOINTS * month.zones
    return Row(
        item="Interface endpoints",
        formula="4 x zones x 7.30; none with http sources",
        amount=f"{count}",
        usd=count * usd("endpoint"),
        prices=("endpoint",),
    )


def _nat(month: _Month) -> Row:
    gateways = month.config.network.nat_gateways
    gigabytes = month.misses * ORIGINAL_BYTES / 1e9
    return Row(
        item="NAT, if all sources are http(s)",
        formula="gateways x 33 + misses x 5 MB x 0.045",
        amount=f"{gateways}, {gigabytes:,.0f} GB",
        usd=gateways * usd("nat") + gigabytes * usd("nat data"),
        prices=("nat", "nat data"),
    )


def _s3(month: _Month) -> Row:
    stored = (month.uploads * 12 * ORIGINAL_BYTES + month.misses * month.mean_bytes) / 1e9
    reads, writes = 2 * month.misses, month.misses + month.uploads
    return Row(
        item="S3",
        formula="(a year's originals + 30 days' results) x 0.023 + 2 x misses x 0.40 + misses x 5",
        amount=f"{stored:,.0f} GB, {reads / 1e6:,.1f} M, {writes / 1e6:,.1f} M",
        usd=stored * usd("s3 storage") + reads / 1e6 * usd("s3 get") + writes / 1e6 * usd("s3 put"),
        prices=("s3 storage", "s3 get", "s3 put"),
    )


def _logs(month: _Month) -> Row:
    gigabytes = (month.requests * ACCESS_LOG_BYTES + month.misses * SERVER_LOG_BYTES) / 1e9
    return Row(
        item="Logs",
        formula="(requests x 700 B + misses x 1,300 B) x 0.50",
        amount=f"{gigabytes:,.0f} GB",
        usd=gigabytes * usd("logs"),
        prices=("logs",),
    )


def _watch(_month: _Month) -> Row:
    return Row(
        item="Metrics, alarms, dashboard, secrets",
        formula="40 x 0.30 + 60 x 0.10 + 0.50 + 3 + 4 x 0.40",
        amount="fixed",
        usd=METRICS * usd("metric")
        + ALARM_METRICS * usd("alarm")
        + usd("composite alarm")
        + usd("dashboard")
        + SECRETS * usd("secret"),
        prices=("metric", "alarm", "composite alarm", "dashboard", "secret"),
    )


def _uploads(month: _Month) -> Row:
    paths = max(0.0, 2 * month.uploads * PURGES_PER_UPLOAD - FREE_PATHS)
    return Row(
        item="Uploads and purges",
        formula="uploads x (3.50 / M + 2 GB-s) + (2 x purges - 1,000) x 0.005",
        amount=f"{month.uploads:,.0f}, {paths:,.0f} paths",
        usd=month.uploads * (usd("api") / 1e6 + UPLOAD_GB_SECONDS * usd("lambda")) + paths * usd("cdn invalidation"),
        prices=("api", "lambda", "cdn invalidation"),
    )


_LINES: Final[tuple[Callable[[_Month], Row], ...]] = (
    _tasks,
    _cdn_data,
    _cdn_requests,
    _waf,
    _load_balancer,
    _network,
    _nat,
    _s3,
    _logs,
    _watch,
    _uploads,
)
