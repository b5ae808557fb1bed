"""The constructs that are watched: where their metrics and logs are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_logs as logs

from infra.config import StageConfig
from infra.delivery.delivery import Delivery
from infra.delivery.edge import Edge
from infra.monitoring import queries
from infra.monitoring.log_metrics import log_source
from infra.monitoring.sources import (
    API_NAMESPACE,
    API_SERVICE,
    EdgeSources,
    Source,
    Sources,
    edge_firewall_source,
    edge_source,
    firewall_source,
)
from infra.rendering.load_balancer import LoadBalancer
from infra.rendering.origin_firewall import OriginFirewall
from infra.rendering.renderer_service import RendererService
from infra.rendering.renderer_settings import METRICS_NAMESPACE
from infra.storage import Storage
from infra.uploads.api_firewall import ApiFirewall
from infra.uploads.api_functions import ApiFunctions
from infra.uploads.purge_queue import PurgeQueue
from infra.uploads.upload_api import UploadApi

REQUESTS_FILTER = "all"
"""Name of the filter by which S3 counts requests for originals: every one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeParts:
    """What has its metrics and logs in us-east-1."""

    edge: Edge
    delivery: Delivery

    def sources(self, config: StageConfig) -> EdgeSources:
        """Where the metrics are; of a company's own firewall nobody here knows how they are called."""
        is_ours = not config.delivery.web_acl_arn
        return EdgeSources(
            distribution=edge_source("DistributionId", self.delivery.distribution.distribution_id),
            function=edge_source("FunctionName", self.delivery.accept_function.function_name),
            firewall=edge_firewall_source(self.edge.web_acl_name) if is_ours else None,
        )

    def log_groups(self, viewers: logs.ILogGroup) -> dict[str, Sequence[logs.ILogGroup]]:
        """The logs by the kinds that queries name; `viewers` is CloudFront's access log."""
        firewall = self.edge.log_group
        return {queries.VIEWERS: [viewers], queries.EDGE_FIREWALL: [] if firewall is None else [firewall]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What has them in the stack's region."""

    load_balancer: LoadBalancer
    renderer: RendererService
    storage: Storage
    functions: ApiFunctions
    api: UploadApi
    purges: PurgeQueue
    origin_firewall: OriginFirewall
    api_firewall: ApiFirewall

    def sources(self, config: StageConfig, edge: EdgeSources, region: str) -> Sources:
        """Where the metrics are."""
        renderer = self.renderer
        of_service = {
            "ClusterName": renderer.cluster.cluster_name,
            "ServiceName": renderer.service.service_name,
        }
        return Sources(
            edge=edge,
            load_balancer=Source(namespace="AWS/ApplicationELB", dimensions=self._balancer()),
            targets=tuple(
                Source(
                    namespace="AWS/ApplicationELB",
                    dimensions={**self._balancer(), "TargetGroup": group.target_group_full_name},
                )
                for group in self.load_balancer.target_groups
            ),
            service=Source(namespace="AWS/ECS", dimensions=of_service),
            insights=Source(namespace="ECS/ContainerInsights", dimensions=of_service),
            render_server=Source(namespace=METRICS_NAMESPACE, dimensions={"ServiceName": renderer.service_name}),
            log_lines=log_source(config.name),
            functions={
                name: Source(namespace="AWS/Lambda", dimensions={"FunctionName": function.function_name})
                for name, function in self.functions.by_name.items()
            },
            api_counts=Source(namespace=API_NAMESPACE, dimensions={"service": API_SERVICE}),
            api=Source(
                namespace="AWS/ApiGateway",
                dimensions={"ApiName": self.api.rest_api.rest_api_name, "Stage": self.api.stage.stage_name},
            ),
            purges=_queue(self.purges.queue.queue_name),
            dead_letters=_queue(self.purges.dead_letters.queue_name),
            failed_events=_queue(self.functions.failures.queue_name),
            originals=Source(
                namespace="AWS/S3",
                dimensions={"BucketName": self.storage.originals.bucket_name, "FilterId": REQUESTS_FILTER},
            ),
            origin_firewall=firewall_source(self.origin_firewall.metric_name, region),
            api_firewall=firewall_source(self.api_firewall.metric_name, region),
        )

    def log_groups(self) -> dict[str, Sequence[logs.ILogGroup]]:
        """The logs by the kinds that queries name."""
        return {
            queries.RENDERER: [self.renderer.log_group],
            queries.FUNCTIONS: list(self.functions.log_groups.values()),
            queries.API_ACCESS: [self.api.access_log_group],
            queries.FIREWALLS: [self.origin_firewall.log_group, self.api_firewall.log_group],
        }

    def _balancer(self) -> dict[str, str]:
        return {"LoadBalancer": self.load_balancer.load_balancer.load_balancer_full_name}


def _queue(name: str) -> Source:
    return Source(namespace="AWS/SQS", dimensions={"QueueName": name})
