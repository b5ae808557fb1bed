"""What AWS asks, in US dollars: us-east-1, and viewers in North America and Europe. † are not checked at AWS itself.

Taxes, discounts and support are not in it. Look each price up before a decision rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOURS_A_MONTH: Final = 730

_FARGATE: Final = "AWS Fargate pricing"
_SECONDARY: Final = "not from AWS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for one unit.

    Attributes:
        is_checked: whether AWS's own page was read; otherwise it is shown with †.
    """

    usd: float
    unit: str
    source: str
    date: str = "2026-11"
    is_checked: bool = False


PRICES: Final[dict[str, Price]] = {
    "fargate vCPU": Price(usd=0.03238, unit="vCPU-hour, ARM", source=_FARGATE, is_checked=True),
    "fargate memory": Price(usd=0.00356, unit="GB-hour, ARM", source=_FARGATE, is_checked=True),
    "spot factor": Price(usd=0.30, unit="of the on-demand price (up to 70 % off)", source=_FARGATE),
    "cdn invalidation": Price(
        usd=0.005, unit="path after 1,000 a month", source="whitepaper How AWS Pricing Works", is_checked=True
    ),
    "cdn requests": Price(
        usd=1.00, unit="million HTTPS requests after 10 million (US; Europe 1.20)", source=_SECONDARY
    ),
    "cdn function": Price(usd=0.10, unit="million calls after 2 million", source=_SECONDARY),
    "origin shield": Price(usd=0.75, unit="million requests to it (US; Europe 0.90)", source=_SECONDARY),
    "waf acl": Price(usd=5.0, unit="web ACL", source=_SECONDARY),
    "waf rule": Price(usd=1.0, unit="rule or managed group", source=_SECONDARY),
    "waf requests": Price(usd=0.60, unit="million requests", source=_SECONDARY),
    "alb hour": Price(usd=0.0225, unit="hour", source=_SECONDARY),
    "alb lcu": Price(usd=0.008, unit="LCU-hour (1 GB an hour, or 25 new connections a second)", source=_SECONDARY),
    "endpoint": Price(usd=7.3, unit="interface endpoint, zone and month", source=_SECONDARY),
    "nat": Price(usd=33.0, unit="NAT gateway and month", source=_SECONDARY),
    "nat data": Price(usd=0.045, unit="GB through NAT", source=_SECONDARY),
    "s3 storage": Price(usd=0.023, unit="GB-month", source=_SECONDARY),
    "s3 get": Price(usd=0.40, unit="million GET", source=_SECONDARY),
    "s3 put": Price(usd=5.0, unit="million PUT", source=_SECONDARY),
    "logs": Price(usd=0.50, unit="GB into CloudWatch Logs", source=_SECONDARY),
    "metric": Price(usd=0.30, unit="metric", source=_SECONDARY),
    "alarm": Price(usd=0.10, unit="metric that an alarm looks at", source=_SECONDARY),
    "composite alarm": Price(usd=0.50, unit="alarm on other alarms", source=_SECONDARY),
    "dashboard": Price(usd=3.0, unit="dashboard of more than 50 metrics", source=_SECONDARY),
    "secret": Price(usd=0.40, unit="secret", source=_SECONDARY),
    "api": Price(usd=3.50, unit="million requests to API Gateway (REST)", source=_SECONDARY),
    "lambda": Price(usd=0.0000133334, unit="GB-second, ARM", source=_SECONDARY),
}

CDN_DATA: Final[tuple[tuple[float, float], ...]] = (
    (10_000, 0.085),
    (40_000, 0.080),
    (100_000, 0.060),
    (350_000, 0.040),
    (524_000, 0.030),
    (4_000_000, 0.025),
    (float("inf"), 0.020),
)
"""GB of a tier and dollars for each, to viewers in the US and Europe, after a free TB (CloudFront's price page)."""

FREE_CDN_GB: Final = 1_000.0
FREE_CDN_REQUESTS: Final = 10_000_000
FREE_FUNCTION_CALLS: Final = 2_000_000
FREE_PATHS: Final = 1_000


def usd(name: str) -> float:
    """A price by its name."""
    return PRICES[name].usd


def task_hour(vcpus: float, gigabytes: float) -> float:
    """A task's hour on demand."""
    return vcpus * usd("fargate vCPU") + gigabytes * usd("fargate memory")


def cdn_data(gigabytes: float) -> float:
    """What so much sent to viewers in a month costs, tier by tier."""
    left, total = max(0.0, gigabytes - FREE_CDN_GB), 0.0
    for size, price in CDN_DATA:
        part = min(left, size)
        total += part * price
        left -= part
    return total
