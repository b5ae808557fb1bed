"""What is watched in us-east-1 for a stack that is elsewhere: CloudFront, its function, its firewall, and their logs.

CloudWatch makes an alarm in the region of its metric only, and tells a topic in that region only. So these have a topic
of their own, in a small stack that is deployed after the one that has the distribution. For a stack in us-east-1 all
this is a part of `Monitoring`.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import StageConfig
from infra.delivery.delivery import Delivery
from infra.delivery.edge import Edge
from infra.monitoring.alarms import Announcement, add_alarms, add_page
from infra.monitoring.delivery_alarms import delivery_alarms
from infra.monitoring.parts import EdgeParts
from infra.monitoring.queries import add_queries
from infra.monitoring.topic import CLOUDWATCH, AlarmTopic


class EdgeAlarms(Construct):
    """The alarms, the topic that they tell, and the saved queries."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        edge: Edge,
        delivery: Delivery,
        viewers: logs.ILogGroup,
    ) -> None:
        """`viewers` is the log group of CloudFront's access log."""
        super().__init__(scope, construct_id)
        monitoring = config.monitoring
        parts = EdgeParts(edge=edge, delivery=delivery)
        self.topic: Final = AlarmTopic(self, "Topic", email=monitoring.alarm_email, publishers=(CLOUDWATCH,)).topic
        announcement = Announcement(stage=config.name, runbook=monitoring.runbook, topic=self.topic)
        alarms = Construct(self, "Alarms")
        declared = delivery_alarms(config, parts.sources(config))
        add_page(alarms, declared, add_alarms(alarms, declared, announcement), announcement)
        add_queries(Construct(self, "Queries"), config.name, parts.log_groups(viewers))
