"""The stages that come with the project: `dev` for trying, `production` for a site. A company adds its own here.

What differs between companies and not between stages (domain, image, address for alarms) comes from the environment of
`infra/app.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from infra.config import (
    CLOUDFRONT_REGION,
    ApiConfig,
    ConfigurationError,
    DeliveryConfig,
    MonitoringConfig,
    NetworkConfig,
    RendererConfig,
    ScalingConfig,
    StageConfig,
)


def development(region: str = CLOUDFRONT_REGION) -> StageConfig:
    """Small, cheap and deleted without a trace."""
    return StageConfig(
        name="dev",
        region=region,
        retain=False,
        renderer=RendererConfig(scaling=ScalingConfig(max_tasks=4)),
        api=ApiConfig(requests_per_second=5, burst=10),
        monitoring=MonitoringConfig(log_retention_days=7, monthly_budget_usd=250),
    )


def production(region: str = CLOUDFRONT_REGION) -> StageConfig:
    """Two CPUs a task, so that a large picture does not hold up the small ones; Spot for what the morning adds.

    The budget is for 1,000 million requests a month (infra/README.md has the sum).
    """
    return StageConfig(
        name="production",
        region=region,
        network=NetworkConfig(nat_gateways=2),
        renderer=RendererConfig(
            cpu_units=2048,
            memory_mib=4096,
            spot_weight=3,
            # Four: ten times the traffic at night loses 1.3 %, not 4.0 %, for 73 dollars a month (docs/growth.md).
            scaling=ScalingConfig(min_tasks=4, max_tasks=40),
        ),
        delivery=DeliveryConfig(price_class="all"),
        api=ApiConfig(requests_per_second=50, burst=100),
        monitoring=MonitoringConfig(log_retention_days=90, monthly_budget_usd=7000),
    )


STAGES: Final[Mapping[str, Callable[[str], StageConfig]]] = {"dev": development, "production": production}


def stage(name: str, region: str = CLOUDFRONT_REGION) -> StageConfig:
    """The configuration of a stage in a region; `ConfigurationError` for an unknown stage."""
    if name not in STAGES:
        raise ConfigurationError(f"unknown stage {name!r}: write one of {', '.join(STAGES)}, or add it to stages.py.")
    return STAGES[name](region)
