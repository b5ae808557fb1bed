"""How many tasks: target tracking on CPU over 20 seconds and on requests for each task (aws.md 1.5).

CPU is what rendering needs, and the high-resolution metric sees a rise in a minute instead of five. Requests are known
some minutes later, but they are not capped at 100 %: they say how much is missing. Any of the two adds tasks, both must
agree to remove some. A canary's two target groups have no request count that a policy could follow: then CPU decides.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.config import RendererConfig
from infra.rendering.load_balancer import LoadBalancer
from infra.rendering.renderer_service import RendererService

HIGH_RESOLUTION_CPU: Final = "ECSServiceAverageCPUUtilizationHighResolution"
"""CPUUtilization every 20 seconds; the CDK has no name for it yet."""


class Autoscaling(Construct):
    """The service's scalable target and its policies."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: RendererConfig,
        renderer: RendererService,
        load_balancer: LoadBalancer,
    ) -> None:
        super().__init__(scope, construct_id)
        self._scaling = config.scaling
        tasks = renderer.service.auto_scale_task_count(
            min_capacity=config.scaling.min_tasks, max_capacity=config.scaling.max_tasks
        )
        self._track_cpu(tasks)
        if not config.canary:
            tasks.scale_on_request_count(
                "Requests",
                requests_per_target=config.scaling.requests_per_task_minute(config.vcpus),
                target_group=load_balancer.target_group,
                scale_out_cooldown=self._out,
                scale_in_cooldown=self._in,
            )

    @property
    def _out(self) -> Duration:
        return Duration.seconds(self._scaling.scale_out_cooldown_seconds)

    @property
    def _in(self) -> Duration:
        return Duration.seconds(self._scaling.scale_in_cooldown_seconds)

    def _track_cpu(self, tasks: ecs.ScalableTaskCount) -> None:
        tasks.scale_on_cpu_utilization(
            "Cpu",
            target_utilization_percent=self._scaling.cpu_percent,
            scale_out_cooldown=self._out,
            scale_in_cooldown=self._in,
        )
        (policy,) = (one for one in tasks.node.find_all() if isinstance(one, scaling.CfnScalingPolicy))
        policy.add_property_override(
            "TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification.PredefinedMetricType",
            HIGH_RESOLUTION_CPU,
        )
