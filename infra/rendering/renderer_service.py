"""The render server's service on Fargate: where its tasks run, and how a new version takes over.

A deployment starts new tasks before old ones end, and goes back by itself when tasks do not start or an alarm rings.
On-demand tasks carry the minimum; what traffic adds may be Spot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.config import RendererConfig
from infra.findings import acknowledge, ignore_lint, resource_of, skip_checkov
from infra.log_groups import log_group
from infra.network import HTTPS, Network
from infra.rendering.deployment_alarms import deployment_alarms
from infra.rendering.load_balancer import SERVER_PORT, LoadBalancer
from infra.rendering.renderer_task import CONTAINER, RendererTask
from infra.secrets import Secrets
from infra.storage import Storage

IMAGES_KEPT: Final = 30
"""How many releases back a deployment can go."""
GRACE_SECONDS: Final = 45
"""For a task to start: an image of 120 MB is there in 20 s or so, the first picture 1.4 s later (docs/container.md)."""


class RendererService(Construct):
    """Cluster, service and image repository of the render server."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: RendererConfig,
        http_sources: bool,
        network: Network,
        storage: Storage,
        secrets: Secrets,
        load_balancer: LoadBalancer,
        log_retention_days: int,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self.log_group = log_group(self, "Log", days=log_retention_days)
        self.repository = self._repository(retain=retain)
        self.service_name = Stack.of(self).stack_name
        """The dimension `ServiceName` of the server's own metrics."""
        self.task_definition = RendererTask(
            self,
            "Task",
            config=config,
            http_sources=http_sources,
            storage=storage,
            secrets=secrets,
            log_group=self.log_group,
            service_name=self.service_name,
        ).definition
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            enable_fargate_capacity_providers=True,
        )
        self.deployment_alarms: Mapping[str, cloudwatch.Alarm] = deployment_alarms(
            self, load_balancer, timeout_seconds=config.timeout_seconds
        )
        """By name. While one rings, a deployment goes back; who hears of it is for others to say."""
        self.service = self._service(network, http_sources=http_sources)
        self._attach(load_balancer)

    def _repository(self, *, retain: bool) -> ecr.Repository:
        """For images that a company builds itself; `config.image` names one of them by its digest."""
        repository = ecr.Repository(
            self,
            "Images",
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            empty_on_delete=not retain,
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="what no tag names",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=Duration.days(14),
                    rule_priority=1,
                ),
                ecr.LifecycleRule(description="old releases", max_image_count=IMAGES_KEPT, rule_priority=2),
            ],
        )
        skip_checkov(repository, {"CKV_AWS_136": "ECR encrypts; the image holds no secret that a key would guard"})
        return repository

    def _service(self, network: Network, *, http_sources: bool) -> ecs.FargateService:
        is_canary = self._config.canary
        names = [alarm.alarm_name for alarm in self.deployment_alarms.values()]
        service = ecs.FargateService(
            self,
            "Service",
            cluster=self.cluster,
            task_definition=self.task_definition,
            capacity_provider_strategies=self._capacity(),
            vpc_subnets=network.task_subnets,
            security_groups=[self._group(network, http_sources=http_sources)],
            assign_public_ip=False,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=names, behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            deployment_strategy=ecs.DeploymentStrategy.CANARY if is_canary else ecs.DeploymentStrategy.ROLLING,
            canary_configuration=_CANARY if is_canary else None,
            bake_time=_BAKE_TIME if is_canary else None,
            health_check_grace_period=Duration.seconds(GRACE_SECONDS),
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        # Billed like detailed monitoring; the CDK has no argument for it yet.
        resource_of(service).add_property_override(
            "Monitoring.MetricConfigurations", [{"MetricNames": ["CPUUtilization"], "ResolutionSeconds": 20}]
        )
        return service

    def _capacity(self) -> list[ecs.CapacityProviderStrategy]:
        strategy = ecs.CapacityProviderStrategy
        on_demand = strategy(capacity_provider="FARGATE", base=self._config.scaling.min_tasks, weight=1)
        spot = strategy(capacity_provider="FARGATE_SPOT", weight=self._config.spot_weight)
        return [on_demand, spot] if self._config.spot_weight else [on_demand]

    def _group(self, network: Network, *, http_sources: bool) -> ec2.SecurityGroup:
        """From the load balancer only; out to AWS by HTTPS only, unless pictures may be anywhere."""
        group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=network.vpc,
            description="Render server: from the load balancer",
            allow_all_outbound=http_sources,
        )
        if not http_sources:
            group.add_egress_rule(
                ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "AWS by endpoints; no route leads elsewhere"
            )
        return group

    def _attach(self, load_balancer: LoadBalancer) -> None:
        target = self.service.load_balancer_target(
            container_name=CONTAINER, container_port=SERVER_PORT, alternate_target=load_balancer.alternate_target
        )
        load_balancer.target_group.add_target(target)
        if self._config.canary:
            managed = "AWS's own for this: it changes with what ECS does to listener rules"
            policy = "Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"
            acknowledge(self.service, {f"AwsSolutions-IAM4[{policy}]": managed})
            ignore_lint(self.service, {"W3005": "the CDK writes the dependency on the rule beside the reference"})


_BAKE_TIME: Final = Duration.minutes(5)
_CANARY: Final = ecs.TrafficShiftConfig(step_percent=10, step_bake_time=_BAKE_TIME)
"""10 % of the requests for five minutes, then all, and the old tasks stay five minutes more."""
