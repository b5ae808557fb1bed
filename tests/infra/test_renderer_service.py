"""The render server's task: what it is, what it may do, how it ends, and how a new version takes over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.config import ConfigurationError, NetworkConfig, RendererConfig, StageConfig
from infra.stages import development, production
from tests.infra.renderer_parts import renderer_stack
from tests.infra.template_reading import as_text, container, environment, only, properties, resources

STAGES = ("dev", "production", "europe", "http_sources", "canary_iam")
DIGEST = f"sha256:{'5c' * 32}"
OWN_IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/bildwerk@{DIGEST}"


def _with(config: RendererConfig, *, http_sources: bool = False) -> Template:
    network = NetworkConfig(http_sources=http_sources)
    return renderer_stack(replace(development(), renderer=config, network=network)).template


def _statements(template: Template, role: str) -> list[dict[str, Any]]:
    """Rights of the role whose logical id begins so."""
    return [
        statement
        for policy in properties(template, "AWS::IAM::Policy")
        if as_text(policy["Roles"][0]).startswith(f"<{role}")
        for statement in policy["PolicyDocument"]["Statement"]
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_row_06_the_task_is_arm64_without_root_and_cannot_write(templates: Mapping[str, Template], stage: str) -> None:
    """Row 6: ARM64, non-root, read-only root, health check; no capabilities, an init process, /tmp in memory."""
    server = container(templates[stage])
    linux = server["LinuxParameters"]

    assert only(templates[stage], "AWS::ECS::TaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert server["User"] == "999:999"
    assert server["ReadonlyRootFilesystem"] is True
    assert server["HealthCheck"]["Command"] == ["CMD", "bildwerk", "health"]
    assert linux["Capabilities"] == {"Drop": ["ALL"]}
    assert linux["InitProcessEnabled"] is True
    assert [one["ContainerPath"] for one in linux["Tmpfs"]] == ["/tmp"]  # noqa: S108 - the container's own
    assert not {"MountPoints", "Privileged"} & server.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_row_06_images_are_scanned_pinned_and_cleared_away(templates: Mapping[str, Template], stage: str) -> None:
    """Row 6: scan on push, lifecycle, immutable tags; what a deployment builds is named by its content."""
    repository = only(templates[stage], "AWS::ECR::Repository")
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    image = as_text(container(templates[stage])["Image"])

    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]
    assert len(image.rpartition(":")[2].rstrip(">")) == 64
    assert container(templates[stage])["VersionConsistency"] == "enabled"


def test_row_06_a_given_image_is_pinned_by_digest_and_may_be_pulled() -> None:
    """From the repository that it names and from no other."""
    template = _with(RendererConfig(image=OWN_IMAGE))
    pulls = [
        one
        for one in _statements(template, "RendererTaskDefinitionExecutionRole")
        if "ecr:BatchGetImage" in one["Action"]
    ]

    assert as_text(container(template)["Image"]).endswith(f"/team/bildwerk@{DIGEST}")
    assert [as_text(one["Resource"]) for one in pulls] == [
        "arn:<AWS::Partition>:ecr:us-east-1:123456789012:repository/team/bildwerk"
    ]


def test_an_image_that_tasks_cannot_reach_stops_synthesis_with_what_to_do() -> None:
    """Without NAT no registry but ECR is reached: the deployment would hang until the circuit breaker ends it."""
    image = f"docker.io/acme/bildwerk@{DIGEST}"

    with pytest.raises(ConfigurationError, match="docker.io/acme/bildwerk is not in ECR.*copy it into ECR"):
        _with(RendererConfig(image=image))
    assert as_text(container(_with(RendererConfig(image=image), http_sources=True))["Image"]) == image


def test_an_image_in_another_region_stops_synthesis_unless_there_is_nat() -> None:
    """ECR's endpoints lead to the stack's own region."""
    image = OWN_IMAGE.replace("us-east-1", "eu-west-1")

    with pytest.raises(ConfigurationError, match="is in eu-west-1.*us-east-1 alone: copy it there"):
        _with(RendererConfig(image=image))
    assert ".ecr.eu-west-1." in as_text(container(_with(RendererConfig(image=image), http_sources=True))["Image"])


@pytest.mark.parametrize("stage", STAGES)
def test_row_12_on_demand_tasks_carry_the_minimum_and_spot_what_is_above(
    templates: Mapping[str, Template], stage: str
) -> None:
    """Row 12: base on demand; Spot only where the stage wants it."""
    strategy = only(templates[stage], "AWS::ECS::Service")["CapacityProviderStrategy"]
    minimum = only(templates[stage], "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"]
    spot = [{"CapacityProvider": "FARGATE_SPOT", "Weight": 3}] if stage != "dev" else []

    assert strategy == [{"CapacityProvider": "FARGATE", "Base": minimum, "Weight": 1}, *spot]


@pytest.mark.parametrize("seconds", [2, 10, 60, 90])
def test_row_12_a_task_that_is_stopped_has_time_to_finish(seconds: int) -> None:
    """Row 12: SIGTERM, then the longest request, then SIGKILL; Spot leaves two minutes and Fargate allows no more."""
    template = _with(RendererConfig(timeout_seconds=seconds))
    graceful = int(environment(template)["IMGPROXY_GRACEFUL_STOP_TIMEOUT"])
    stop = container(template)["StopTimeout"]

    assert graceful >= seconds + int(environment(template)["IMGPROXY_WRITE_RESPONSE_TIMEOUT"])
    assert max(60, graceful + 5) <= stop <= 120


@pytest.mark.parametrize("stage", STAGES)
def test_row_13_a_bad_deployment_goes_back_by_itself(templates: Mapping[str, Template], stage: str) -> None:
    """Row 13: circuit breaker and alarms with rollback, 100/200, zones kept even."""
    service = only(templates[stage], "AWS::ECS::Service")
    deployment = service["DeploymentConfiguration"]
    alarms = [as_text(name).strip("<>") for name in deployment["Alarms"]["AlarmNames"]]

    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["Alarms"]["Enable"], deployment["Alarms"]["Rollback"]) == (True, True)
    assert len(alarms) == 3
    assert set(alarms) <= set(resources(templates[stage], "AWS::CloudWatch::Alarm"))
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    assert service["AvailabilityZoneRebalancing"] == "ENABLED"
    assert 30 <= service["HealthCheckGracePeriodSeconds"] <= 60
    assert not service["EnableExecuteCommand"]


def test_row_13_a_canary_gets_a_tenth_of_the_requests_for_five_minutes(templates: Mapping[str, Template]) -> None:
    """Row 13, option: ECS moves the rule's weights by a role that may do only that."""
    service = only(templates["canary_iam"], "AWS::ECS::Service")
    deployment = service["DeploymentConfiguration"]
    (targets,) = service["LoadBalancers"]

    assert deployment["Strategy"] == "CANARY"
    assert deployment["CanaryConfiguration"] == {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 5}
    assert as_text(targets["AdvancedConfiguration"]["AlternateTargetGroupArn"]) != as_text(targets["TargetGroupArn"])
    assert as_text(targets["AdvancedConfiguration"]["ProductionListenerRule"]).startswith("<LoadBalancerFromCloudFront")


def test_the_alarms_of_a_deployment_watch_failures_slowness_and_health() -> None:
    """Of the whole load balancer, so that a canary's requests count, and of each target group."""
    alarms = resources(_with(RendererConfig(canary=True)), "AWS::CloudWatch::Alarm").values()
    watched = {
        name
        for alarm in alarms
        for name in (
            [alarm["Properties"]["MetricName"]]
            if "MetricName" in alarm["Properties"]
            else [
                one["MetricStat"]["Metric"]["MetricName"]
                for one in alarm["Properties"]["Metrics"]
                if "MetricStat" in one
            ]
        )
    }

    assert watched >= {
        "HTTPCode_Target_5XX_Count",
        "HTTPCode_ELB_5XX_Count",
        "TargetResponseTime",
        "UnHealthyHostCount",
    }
    assert {alarm["Properties"]["TreatMissingData"] for alarm in alarms} == {"notBreaching"}


def test_the_task_reads_originals_keeps_results_and_may_nothing_else() -> None:
    """Listing, so that a missing picture is 404; no right to write an original."""
    allowed = {
        (action, as_text(resource).partition("Arn")[0])
        for statement in _statements(_with(RendererConfig()), "RendererTaskDefinitionTaskRole")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        for resource in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
    }
    by_bucket: dict[str, set[str]] = {"Originals": set(), "Results": set()}
    for action, resource in allowed:
        (bucket,) = (name for name in by_bucket if f"Storage{name}" in resource)
        by_bucket[bucket].add(action)

    assert by_bucket == {
        "Originals": {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
        "Results": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"},
    }


def test_a_slow_log_never_holds_up_pictures_and_is_not_kept_for_ever() -> None:
    """Non-blocking, with a bounded buffer; retention as the stage says."""
    template = _with(RendererConfig())
    options = container(template)["LogConfiguration"]["Options"]
    group = resources(template, "AWS::Logs::LogGroup")[as_text(options["awslogs-group"]).strip("<>")]

    assert options["mode"] == "non-blocking"
    assert options["max-buffer-size"] == f"{8 * 1_048_576}b"
    assert group["Properties"]["RetentionInDays"] == 7


@pytest.mark.parametrize(("http_sources", "ports"), [(False, [443]), (True, [None])])
def test_tasks_go_out_by_https_only_unless_pictures_may_be_anywhere(
    http_sources: bool,
    ports: list[int | None],
) -> None:
    """443 is what AWS's endpoints take."""
    template = _with(RendererConfig(), http_sources=http_sources)
    (tasks,) = only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
    group = resources(template, "AWS::EC2::SecurityGroup")[as_text(tasks).strip("<>")]

    assert [rule.get("FromPort") for rule in group["Properties"]["SecurityGroupEgress"]] == ports


@pytest.mark.parametrize(("config", "kept"), [(production(), "Retain"), (development(), "Delete")])
def test_row_21_images_outlive_a_retained_stack(config: StageConfig, kept: str) -> None:
    """They are what a rollback needs."""
    (repository,) = resources(renderer_stack(config).template, "AWS::ECR::Repository").values()

    assert repository["DeletionPolicy"] == kept
    assert repository["Properties"].get("EmptyOnDelete", False) == (kept == "Delete")
