"""Composes what watches the stack: topic, alarms, metrics of the log, saved queries, dashboard, budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.config import StageConfig
from infra.delivery.delivery import Delivery
from infra.delivery.edge import Edge
from infra.monitoring.alarms import Alarm, Announcement, add_alarms, add_page, adopt_alarms
from infra.monitoring.api_alarms import api_alarms
from infra.monitoring.budget import Budget
from infra.monitoring.dashboard import Dashboard
from infra.monitoring.delivery_alarms import delivery_alarms
from infra.monitoring.load_balancer_alarms import DEPLOYMENT_ALARMS, load_balancer_alarms
from infra.monitoring.log_metrics import LogMetrics
from infra.monitoring.parts import REQUESTS_FILTER, EdgeParts, Parts
from infra.monitoring.queries import add_queries
from infra.monitoring.renderer_alarms import renderer_alarms
from infra.monitoring.sources import Sources
from infra.monitoring.topic import BUDGETS, CLOUDWATCH, AlarmTopic
from infra.rendering.load_balancer import LoadBalancer
from infra.rendering.origin_firewall import OriginFirewall
from infra.rendering.renderer_service import RendererService
from infra.storage import Storage
from infra.uploads.api_firewall import ApiFirewall
from infra.uploads.api_functions import ApiFunctions
from infra.uploads.purge_queue import PurgeQueue
from infra.uploads.upload_api import UploadApi


class Monitoring(Construct):
    """Everything that tells people how the stack is; outside of us-east-1 without what `EdgeAlarms` has there."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        edge: Edge,
        delivery: Delivery,
        load_balancer: LoadBalancer,
        renderer: RendererService,
        storage: Storage,
        functions: ApiFunctions,
        api: UploadApi,
        purges: PurgeQueue,
        firewalls: tuple[OriginFirewall, ApiFirewall],
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._edge = EdgeParts(edge=edge, delivery=delivery)
        origin_firewall, api_firewall = firewalls
        self._parts = Parts(
            load_balancer=load_balancer,
            renderer=renderer,
            storage=storage,
            functions=functions,
            api=api,
            purges=purges,
            origin_firewall=origin_firewall,
            api_firewall=api_firewall,
        )
        sources = self._parts.sources(config, self._edge.sources(config), Stack.of(self).region)
        # S3 counts requests only where it is told to, and each of its 16 metrics costs as much as a custom one.
        storage.originals.add_metric(id=REQUESTS_FILTER)
        LogMetrics(self, "LogMetrics", log_group=renderer.log_group, source=sources.log_lines)
        email = config.monitoring.alarm_email
        self.topic: Final = AlarmTopic(self, "Topic", email=email, publishers=(CLOUDWATCH, BUDGETS)).topic
        alarms = self._add_alarms(sources)
        self._add_queries()
        log_group = renderer.log_group.log_group_name
        Dashboard(self, "Dashboard", config=config, sources=sources, alarms=alarms, renderer_log_group=log_group)
        Budget(
            self,
            "Budget",
            stage=config.name,
            monthly_usd=config.monitoring.monthly_budget_usd,
            email=email,
            topic=self.topic,
        )

    def _add_alarms(self, sources: Sources) -> list[cloudwatch.AlarmBase]:
        """All alarms of this region, the one that pages first."""
        config = self._config
        announcement = Announcement(stage=config.name, runbook=config.monitoring.runbook, topic=self.topic)
        scope = Construct(self, "Alarms")
        declared = self._declared(sources)
        made = add_alarms(scope, declared, announcement)
        adopted = self._parts.renderer.deployment_alarms
        adopt_alarms(adopted, DEPLOYMENT_ALARMS, announcement)
        return [add_page(scope, declared, made, announcement), *made.values(), *adopted.values()]

    def _declared(self, sources: Sources) -> tuple[Alarm, ...]:
        config = self._config
        here = () if config.needs_edge_stack else delivery_alarms(config, sources.edge)
        return (
            *here,
            *load_balancer_alarms(config, sources),
            *renderer_alarms(config, sources),
            *api_alarms(sources, self._timeouts()),
        )

    def _timeouts(self) -> Mapping[str, float]:
        found = {}
        for name, function in self._parts.functions.by_name.items():
            if function.timeout is None:
                raise TypeError(f"the function {name} has no timeout of its own")
            found[name] = float(function.timeout.to_seconds())
        return found

    def _add_queries(self) -> None:
        groups = self._parts.log_groups()
        viewers = self._edge.delivery.access_log
        if viewers is not None:
            groups |= self._edge.log_groups(viewers.log_group)
        add_queries(Construct(self, "Queries"), self._config.name, groups)
