"""The load balancer: who gets through it, and how long it waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from aws_cdk.assertions import Template

from infra.config import DeliveryConfig, NetworkConfig, RendererConfig
from infra.secrets import ORIGIN_HEADER_NAME
from infra.stages import development, production
from tests.infra.renderer_parts import renderer_stack
from tests.infra.template_reading import as_text, attributes, environment, only, properties, resources

STAGES = ("dev", "production", "europe", "http_sources", "canary_iam")
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"


@pytest.mark.parametrize("stage", STAGES)
def test_row_01_the_load_balancer_is_internal_and_refuses_whoever_lacks_the_secret_header(
    templates: Mapping[str, Template], stage: str
) -> None:
    """Row 1: internal ALB behind a VPC origin, SG restricted, 403 by default."""
    template = templates[stage]
    listener, rule = only(template, LISTENER), only(template, RULE)
    (refusal,) = listener["DefaultActions"]
    (condition,) = rule["Conditions"]

    assert only(template, BALANCER)["Scheme"] == "internal"
    assert (refusal["Type"], refusal["FixedResponseConfig"]["StatusCode"]) == ("fixed-response", "403")
    assert condition["HttpHeaderConfig"]["HttpHeaderName"] == ORIGIN_HEADER_NAME
    assert [action["Type"] for action in rule["Actions"]] == ["forward"]
    assert len(properties(template, "AWS::CloudFront::VpcOrigin")) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_row_01_only_addresses_of_the_vpc_reach_the_load_balancer(
    templates: Mapping[str, Template], stage: str
) -> None:
    """And only its group reaches the tasks, on their one port."""
    template = templates[stage]
    groups = resources(template, "AWS::EC2::SecurityGroup")
    (own,) = (as_text(group).strip("<>") for group in only(template, BALANCER)["SecurityGroups"])
    (ingress,) = groups[own]["Properties"]["SecurityGroupIngress"]
    tasks = only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
    inward = {
        (as_text(one["GroupId"]), as_text(one["SourceSecurityGroupId"]), one["FromPort"], one["ToPort"])
        for one in properties(template, "AWS::EC2::SecurityGroupIngress")
    }

    assert (ingress["CidrIp"], ingress["FromPort"], ingress["ToPort"]) == (NetworkConfig().cidr, 80, 80)
    assert inward == {(as_text(tasks[0]), f"<{own}>", 8080, 8080)}
    assert "SecurityGroupIngress" not in groups[as_text(tasks[0]).strip("<>")]["Properties"]


@pytest.mark.parametrize("stage", STAGES)
def test_row_01_a_new_secret_is_accepted_before_cloudfront_shows_it(
    templates: Mapping[str, Template], stage: str
) -> None:
    """CloudFormation changes the rule first, so no visitor meets a 403 while the secret is rotated."""
    template = templates[stage]
    (rule,) = resources(template, RULE)
    (distribution,) = resources(template, "AWS::CloudFront::Distribution").values()
    (origin,) = distribution["Properties"]["DistributionConfig"]["Origins"]
    (shown,) = (one["HeaderValue"] for one in origin["OriginCustomHeaders"] if one["HeaderName"] == ORIGIN_HEADER_NAME)
    (firewall,) = (name for name in resources(template, "AWS::WAFv2::WebACL") if name.startswith("OriginFirewall"))

    assert {rule, firewall} <= set(distribution["DependsOn"])
    if stage == "canary_iam":
        (first, *_) = resources(template, "AWS::WAFv2::WebACL")[firewall]["Properties"]["Rules"]
        accepted = [first["Statement"]["NotStatement"]["Statement"]["ByteMatchStatement"]["SearchString"]]
    else:
        accepted = only(template, RULE)["Conditions"][0]["HttpHeaderConfig"]["Values"]
    assert shown == accepted[0]


@pytest.mark.parametrize(("generation", "count"), [(1, 1), (2, 2), (7, 2)])
def test_the_last_two_secrets_are_accepted_the_newest_first(generation: int, count: int) -> None:
    """While CloudFront takes minutes to change, some of its places show the old one."""
    config = replace(development(), delivery=DeliveryConfig(origin_header_generation=generation))
    values = [
        as_text(one)
        for one in only(renderer_stack(config).template, RULE)["Conditions"][0]["HttpHeaderConfig"]["Values"]
    ]

    assert len(values) == count
    assert all(one.startswith("{{resolve:secretsmanager:<SecretsOriginHeader") for one in values)
    assert f"OriginHeader{generation}" in values[0]
    assert f"OriginHeader{generation - 1}" in values[-1] or count == 1


def test_the_rule_of_a_canary_never_changes() -> None:
    """CloudFormation would set the weights back with it, and send all requests to a group that may be empty."""
    rules = []
    for generation in (1, 2):
        delivery = DeliveryConfig(origin_header_generation=generation)
        config = replace(production(), renderer=RendererConfig(canary=True), delivery=delivery)
        rules.append(only(renderer_stack(config).template, RULE))

    assert rules[0] == rules[1]
    assert rules[0]["Conditions"][0]["HttpHeaderConfig"]["Values"] == ["*"]


@pytest.mark.parametrize("seconds", [2, 10, 90])
def test_each_waits_longer_than_what_it_waits_for(seconds: int) -> None:
    """Else a connection is closed while the next one counts on it: a 502 or a 504 that nobody caused."""
    config = replace(development(), renderer=RendererConfig(timeout_seconds=seconds))
    template = renderer_stack(config).template
    balancer = attributes(only(template, BALANCER)["LoadBalancerAttributes"])
    targets = attributes(only(template, TARGETS)["TargetGroupAttributes"])
    server = environment(template)
    idle = int(balancer["idle_timeout.timeout_seconds"])
    longest = seconds + int(server["IMGPROXY_WRITE_RESPONSE_TIMEOUT"])

    assert int(server["IMGPROXY_TIMEOUT"]) == seconds
    assert int(server["IMGPROXY_KEEP_ALIVE_TIMEOUT"]) > idle > 120
    assert int(targets["deregistration_delay.timeout_seconds"]) > longest


@pytest.mark.parametrize("stage", STAGES)
def test_cloudfront_gives_up_before_the_load_balancer_does(templates: Mapping[str, Template], stage: str) -> None:
    """The load balancer's idle timeout is above CloudFront's read and keep-alive timeouts."""
    balancer = attributes(only(templates[stage], BALANCER)["LoadBalancerAttributes"])
    idle = int(balancer["idle_timeout.timeout_seconds"])
    (origin,) = only(templates[stage], "AWS::CloudFront::Distribution")["DistributionConfig"]["Origins"]

    assert origin["VpcOriginConfig"]["OriginReadTimeout"] < idle
    assert origin["VpcOriginConfig"]["OriginKeepaliveTimeout"] < idle


def test_requests_are_cleaned_and_logged() -> None:
    """Invalid header fields are dropped, ambiguous requests kept apart, everything is in the log."""
    balancer = attributes(only(renderer_stack(production()).template, BALANCER)["LoadBalancerAttributes"])

    assert balancer["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert balancer["routing.http.desync_mitigation_mode"] == "defensive"
    assert balancer["access_logs.s3.enabled"] == "true"


@pytest.mark.parametrize(("config", "protected"), [(production(), "true"), (development(), "false")])
def test_row_21_a_retained_load_balancer_is_not_deleted_by_mistake(config: object, protected: str) -> None:
    """Deletion protection where the stage is retained."""
    balancer = attributes(only(renderer_stack(config).template, BALANCER)["LoadBalancerAttributes"])  # type: ignore[arg-type]  # StageConfig

    assert balancer["deletion_protection.enabled"] == protected


def test_the_least_busy_task_gets_a_request_and_an_ill_one_none_after_15_seconds() -> None:
    """Health is asked of the server's own path, without S3."""
    targets = only(renderer_stack(production()).template, TARGETS)
    algorithm = attributes(targets["TargetGroupAttributes"])["load_balancing.algorithm.type"]

    assert algorithm == "least_outstanding_requests"
    assert (targets["Port"], targets["Protocol"], targets["TargetType"]) == (8080, "HTTP", "ip")
    assert targets["HealthCheckPath"] == "/health"
    assert targets["HealthCheckIntervalSeconds"] * targets["UnhealthyThresholdCount"] == 15
    assert targets["HealthCheckTimeoutSeconds"] < targets["HealthCheckIntervalSeconds"]


def test_a_canary_has_two_groups_of_targets_and_the_rule_begins_with_the_first() -> None:
    """ECS moves the weights from there on."""
    config = replace(production(), renderer=RendererConfig(canary=True))
    template = renderer_stack(config).template
    (action,) = only(template, RULE)["Actions"]
    weights = [one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]]

    assert len(properties(template, TARGETS)) == 2
    assert weights == [100, 0]
