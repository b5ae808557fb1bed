"""How many tasks there are, and what adds and removes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.config import RendererConfig, ScalingConfig
from infra.stages import development, production
from tests.infra.renderer_parts import renderer_stack
from tests.infra.template_reading import only, properties

POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
CPU = "ECSServiceAverageCPUUtilizationHighResolution"
REQUESTS = "ALBRequestCountPerTarget"


def _tracked(template: Template) -> dict[str, dict[str, Any]]:
    """Target tracking by its predefined metric."""
    policies = [one["TargetTrackingScalingPolicyConfiguration"] for one in properties(template, POLICY)]
    return {one["PredefinedMetricSpecification"]["PredefinedMetricType"]: one for one in policies}


@pytest.mark.parametrize("stage", ["dev", "production", "europe", "http_sources"])
def test_row_11_cpu_over_20_seconds_and_requests_are_tracked(templates: Mapping[str, Template], stage: str) -> None:
    """Row 11: target tracking on CPU (20 s) and requests, minimum 2 or more, cooldowns."""
    template = templates[stage]
    tracked = _tracked(template)

    assert {one["PolicyType"] for one in properties(template, POLICY)} == {"TargetTrackingScaling"}
    assert set(tracked) == {CPU, REQUESTS}
    assert only(template, "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"] >= 2
    assert {(one["ScaleOutCooldown"], one["ScaleInCooldown"]) for one in tracked.values()} == {(30, 300)}


@pytest.mark.parametrize("stage", ["dev", "production", "europe", "http_sources", "canary_iam"])
def test_row_11_the_service_measures_cpu_every_20_seconds(templates: Mapping[str, Template], stage: str) -> None:
    """Without it the policy has no metric; and no deployment resets the number of tasks."""
    service = only(templates[stage], "AWS::ECS::Service")

    assert service["Monitoring"]["MetricConfigurations"] == [
        {"MetricNames": ["CPUUtilization"], "ResolutionSeconds": 20}
    ]
    assert "DesiredCount" not in service


def test_row_11_a_canary_scales_by_cpu_alone(templates: Mapping[str, Template]) -> None:
    """ECS has no request count for two target groups that take turns (Amazon ECS guide, blue/green deployments)."""
    assert set(_tracked(templates["canary_iam"])) == {CPU}


def test_the_targets_are_those_of_the_configuration() -> None:
    """60 % of 12 pictures a second on each of two CPUs are 864 a minute."""
    scaling = ScalingConfig(
        min_tasks=3, max_tasks=9, cpu_percent=55, scale_out_cooldown_seconds=45, pictures_per_second_per_vcpu=12
    )
    renderer = RendererConfig(cpu_units=2048, memory_mib=4096, scaling=scaling)
    template = renderer_stack(replace(production(), renderer=renderer)).template
    target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    tracked = _tracked(template)

    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 9)
    assert (tracked[CPU]["TargetValue"], tracked[CPU]["ScaleOutCooldown"]) == (55, 45)
    assert tracked[REQUESTS]["TargetValue"] == 864


def test_the_request_policy_knows_its_target_group() -> None:
    """By load balancer and target group, as the metric does."""
    template = renderer_stack(development()).template
    label = _tracked(template)[REQUESTS]["PredefinedMetricSpecification"]["ResourceLabel"]

    assert "TargetGroupFullName" in str(label)
