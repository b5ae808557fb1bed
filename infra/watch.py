"""What watches CloudFront from us-east-1, for a stack that is elsewhere: its log, and the alarms on its metrics.

`EdgeStack` is in that region too, but cannot hold it: the distribution needs that one first, and this needs the
distribution.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Environment, Stack
from constructs import Construct

from infra.config import CLOUDFRONT_REGION, StageConfig
from infra.delivery.access_log import AccessLog
from infra.delivery.delivery import Delivery
from infra.delivery.edge import Edge
from infra.monitoring.edge_alarms import EdgeAlarms


class WatchStack(Stack):
    """Deployed last; without it pictures are delivered, and nobody sees how."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, edge: Edge, delivery: Delivery
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(region=CLOUDFRONT_REGION),
            termination_protection=config.retain,
            cross_region_references=True,
            description=f"Bildwerk, stage {config.name}: log and alarms of CloudFront, which are in this region only",
        )
        self.access_log: Final = AccessLog(
            self,
            "AccessLog",
            distribution=delivery.distribution,
            log_retention_days=config.monitoring.log_retention_days,
        )
        EdgeAlarms(self, "EdgeAlarms", config=config, edge=edge, delivery=delivery, viewers=self.access_log.log_group)
