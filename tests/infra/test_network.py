"""The network: what reaches it, and what can leave it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network
from itertools import combinations

import pytest
from aws_cdk.assertions import Template

from infra.config import NetworkConfig
from infra.stages import production
from tests.infra.renderer_parts import renderer_stack
from tests.infra.template_reading import as_text, only, properties, resources

STAGES = ("dev", "production", "europe", "http_sources", "canary_iam")
ENDPOINTS = {"ecr.api", "ecr.dkr", "logs", "secretsmanager"}


def _endpoints(template: Template, kind: str) -> dict[str, dict[str, object]]:
    found = [one for one in properties(template, "AWS::EC2::VPCEndpoint") if one["VpcEndpointType"] == kind]
    return {as_text(one["ServiceName"]).partition("amazonaws.")[2].partition(".")[2]: one for one in found}


@pytest.mark.parametrize("stage", STAGES)
def test_row_05_tasks_have_no_public_address_and_reach_s3_by_its_endpoint(
    templates: Mapping[str, Template], stage: str
) -> None:
    """Row 5: no public task IPs, S3 gateway endpoint, flow logs."""
    template = templates[stage]
    tasks = only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]

    assert tasks["AssignPublicIp"] == "DISABLED"
    assert not any(subnet.get("MapPublicIpOnLaunch") for subnet in properties(template, "AWS::EC2::Subnet"))
    assert list(_endpoints(template, "Gateway")) == ["s3"]
    flow_log = only(template, "AWS::EC2::FlowLog")
    assert (flow_log["ResourceType"], flow_log["TrafficType"]) == ("VPC", "ALL")


@pytest.mark.parametrize("stage", ["dev", "production", "europe", "canary_iam"])
def test_row_05_without_http_sources_nothing_has_a_way_to_the_internet(
    templates: Mapping[str, Template], stage: str
) -> None:
    """No route, no NAT; a door for each service that a task needs, and a gateway only because VPC origins want one."""
    template = templates[stage]

    assert properties(template, "AWS::EC2::Route") == []
    assert properties(template, "AWS::EC2::NatGateway") == []
    assert set(_endpoints(template, "Interface")) == ENDPOINTS
    assert len(properties(template, "AWS::EC2::VPCGatewayAttachment")) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_row_05_the_load_balancer_is_made_when_the_internet_gateway_is_attached(
    templates: Mapping[str, Template], stage: str
) -> None:
    """CloudFront refuses a VPC origin in a network without one, and the origin needs the load balancer first."""
    template = templates[stage]
    (attachment,) = resources(template, "AWS::EC2::VPCGatewayAttachment")
    (balancer,) = resources(template, "AWS::ElasticLoadBalancingV2::LoadBalancer").values()

    assert attachment in balancer["DependsOn"]


def test_http_sources_can_be_switched_later(templates: Mapping[str, Template]) -> None:
    """CloudFormation makes the new before it deletes the old: addresses must differ, and a VPC takes one gateway."""
    before, after = templates["production"], templates["http_sources"]
    kept = ("AWS::EC2::InternetGateway", "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::VPC")
    old, new = (resources(template, "AWS::EC2::Subnet") for template in (before, after))

    assert all(resources(before, kind) == resources(after, kind) for kind in kept)
    assert old.items() <= new.items()
    networks = [ip_network(subnet["Properties"]["CidrBlock"]) for subnet in new.values()]
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


@pytest.mark.parametrize(("zones", "size"), [(2, 18), (3, 19), (4, 19)])
def test_isolated_subnets_have_half_of_the_network(zones: int, size: int) -> None:
    """The other half is for what http sources add."""
    names = tuple(f"us-east-1{letter}" for letter in "abcd"[:zones])
    config = replace(production(), network=NetworkConfig(availability_zones=names))
    found = properties(renderer_stack(config).template, "AWS::EC2::Subnet")

    assert {ip_network(subnet["CidrBlock"]).prefixlen for subnet in found} == {size}


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("us-east-1", {"use1-az1", "use1-az2"}),
        ("us-west-1", {"usw1-az1", "usw1-az3"}),
        ("ap-northeast-1", {"apne1-az1", "apne1-az2"}),
        ("ca-central-1", {"cac1-az1", "cac1-az2"}),
    ],
)
def test_no_subnet_is_in_a_zone_that_vpc_origins_do_not_reach(region: str, zones: set[str]) -> None:
    """The first two zones by name may be such a one: names are dealt out anew in every account, ids are not."""
    for http_sources in (False, True):
        config = replace(production(region), network=NetworkConfig(http_sources=http_sources))
        found = properties(renderer_stack(config).template, "AWS::EC2::Subnet")

        assert {subnet["AvailabilityZoneId"] for subnet in found} == zones
        assert not any("AvailabilityZone" in subnet for subnet in found)


def test_with_http_sources_tasks_go_through_nat_and_the_load_balancer_stays_isolated(
    templates: Mapping[str, Template],
) -> None:
    """The switch changes where tasks are, nothing else."""
    template = templates["http_sources"]
    routed = {as_text(route["RouteTableId"]) for route in properties(template, "AWS::EC2::Route")}
    tables = {
        as_text(one["SubnetId"]): as_text(one["RouteTableId"])
        for one in properties(template, "AWS::EC2::SubnetRouteTableAssociation")
    }
    tasks = only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]
    balancer = only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")["Subnets"]

    assert len(properties(template, "AWS::EC2::NatGateway")) == 2
    assert _endpoints(template, "Interface") == {}
    assert {tables[as_text(subnet)] for subnet in tasks} <= routed
    assert not {tables[as_text(subnet)] for subnet in balancer} & routed


def test_interface_endpoints_take_https_from_the_vpc_alone_and_let_only_this_account_through() -> None:
    """A task that was taken over can neither use somebody else's credentials nor somebody else's log groups."""
    template = renderer_stack(production()).template
    (group,) = {as_text(one["SecurityGroupIds"][0]) for one in _endpoints(template, "Interface").values()}  # type: ignore[index]  # read from JSON
    (ingress,) = resources(template, "AWS::EC2::SecurityGroup")[group.strip("<>")]["Properties"]["SecurityGroupIngress"]

    assert (ingress["CidrIp"], ingress["FromPort"], ingress["ToPort"]) == (NetworkConfig().cidr, 443, 443)
    for service, endpoint in _endpoints(template, "Interface").items():
        (statement,) = endpoint["PolicyDocument"]["Statement"]  # type: ignore[index]  # read from JSON
        same = statement["Condition"]["StringEquals"]
        assert same["aws:PrincipalAccount"] == {"Ref": "AWS::AccountId"}
        assert ("aws:ResourceAccount" in same) == (service in {"logs", "secretsmanager"})
        assert "*" not in json.dumps(statement["Action"])


@pytest.mark.parametrize("service", ["ecr.api", "ecr.dkr"])
def test_images_can_be_pulled_by_either_door_to_ecr(service: str) -> None:
    """Fargate pulls with ECR's own API and with Docker's, and says nowhere which call goes through which door."""
    endpoint = _endpoints(renderer_stack(production()).template, "Interface")[service]
    (statement,) = endpoint["PolicyDocument"]["Statement"]  # type: ignore[index]  # read from JSON

    assert set(statement["Action"]) == {
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    }


def test_through_s3s_endpoint_go_the_own_buckets_and_image_layers() -> None:
    """What SSRF or a taken over task would carry away by S3 does not get out."""
    (endpoint,) = _endpoints(renderer_stack(production()).template, "Gateway").values()
    reached = [
        as_text(arn)
        for statement in endpoint["PolicyDocument"]["Statement"]  # type: ignore[index]  # read from JSON
        for arn in ([statement["Resource"]] if isinstance(statement["Resource"], dict) else statement["Resource"])
    ]

    assert [arn for arn in reached if "Originals" not in arn and "Results" not in arn] == [
        "arn:<AWS::Partition>:s3:::prod-<AWS::Region>-starport-layer-bucket/*"
    ]
    assert len(reached) == 5


def test_with_http_sources_public_pictures_in_s3_can_be_read_through_the_endpoint() -> None:
    """The route to S3 holds for every bucket of the region: a picture there would otherwise be refused."""
    config = replace(production(), network=NetworkConfig(http_sources=True))
    (endpoint,) = _endpoints(renderer_stack(config).template, "Gateway").values()
    opened = [one for one in endpoint["PolicyDocument"]["Statement"] if one["Resource"] == "*"]  # type: ignore[index]  # read from JSON

    assert [one["Action"] for one in opened] == [["s3:GetObject", "s3:GetObjectVersion"]]


@pytest.mark.parametrize("stage", STAGES)
def test_row_05_nothing_is_in_the_default_security_group(templates: Mapping[str, Template], stage: str) -> None:
    """It admits its own members only, so without members it is closed; everything names a group that we made."""
    template = templates[stage]
    made = {f"<{name}>" for name in resources(template, "AWS::EC2::SecurityGroup")}
    used = [
        *(only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")["SecurityGroups"]),
        *(only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]),
        *(one["SecurityGroupIds"][0] for one in _endpoints(template, "Interface").values()),  # type: ignore[index]  # read from JSON
    ]

    assert {as_text(group) for group in used} <= made
    assert "DefaultSecurityGroup" not in json.dumps(template.to_json())
    assert not any("VpcConfig" in one for one in properties(template, "AWS::Lambda::Function"))


def test_zones_are_those_that_are_named() -> None:
    """Fargate or a partner may be in some zones only."""
    zones = ("us-east-1b", "us-east-1c", "us-east-1d")
    template = renderer_stack(replace(production(), network=NetworkConfig(availability_zones=zones))).template

    assert sorted(one["AvailabilityZone"] for one in properties(template, "AWS::EC2::Subnet")) == sorted(zones)
    assert len(only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]) == 3


def test_without_names_two_zones_of_the_region_are_used() -> None:
    """No lookup asks AWS, and no list of every region's zones gets old here."""
    template = renderer_stack(production("eu-central-1")).template
    zones = [json.dumps(one["AvailabilityZone"]) for one in properties(template, "AWS::EC2::Subnet")]

    assert sorted(set(zones)) == ['{"Fn::Select": [0, {"Fn::GetAZs": ""}]}', '{"Fn::Select": [1, {"Fn::GetAZs": ""}]}']
