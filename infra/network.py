"""The network: two zones, subnets without a way out, and a door for each AWS service that a task needs.

Without http sources nothing in it reaches the internet: S3 by a gateway endpoint, which is free and lets through only
what concerns the stack's own buckets; image layers, logs and secrets by interface endpoints. A request that a picture's
address lures elsewhere (SSRF) leads nowhere. With http sources tasks go out through NAT instead, and need no interface
endpoints (aws.md 1.4).

CloudFront's VPC origins want an internet gateway attached, although no route leads to it (Amazon CloudFront developer
guide, "Restrict access with VPC origins").

The VPC's default security group stays as AWS makes it: CloudFormation cannot take its rules away, a function that does
it would be code with rights on the network that runs once. It admits only its own members and has none: everything
here names a group of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final

from aws_cdk import Aws, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IDependable

from infra.config import NetworkConfig
from infra.findings import resource_of
from infra.log_groups import log_group
from infra.offers import ZONES_WITH_VPC_ORIGINS

HTTPS: Final = 443
ZONES: Final = 2
"""Unless they are named: enough to lose one."""

_OF_THIS_ACCOUNT: Final = {"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}}
_WITHIN_THIS_ACCOUNT: Final = {
    "StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID, "aws:ResourceAccount": Aws.ACCOUNT_ID}
}


class Network(Construct):
    """VPC, subnets, endpoints and flow log."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: NetworkConfig,
        buckets: Sequence[s3.IBucket],
        log_retention_days: int,
    ) -> None:
        """`buckets` are those that tasks may reach."""
        super().__init__(scope, construct_id)
        self._has_http_sources = config.http_sources
        self.cidr = config.cidr
        self.vpc = self._vpc(config)
        self.load_balancer_subnets = ec2.SubnetSelection(subnet_group_name="isolated")
        self.task_subnets = ec2.SubnetSelection(subnet_group_name="tasks" if config.http_sources else "isolated")
        self.internet_gateway: IDependable = self._attached_gateway()
        """Depend on it to be made when VPC origins can be."""
        self._add_s3_endpoint(buckets)
        if not config.http_sources:
            self._add_interface_endpoints()
        self._log_flows(log_retention_days)

    def _vpc(self, config: NetworkConfig) -> ec2.Vpc:
        zones = len(config.availability_zones) or ZONES
        isolated = ec2.SubnetConfiguration(
            name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=_isolated_mask(config.cidr, zones)
        )
        with_nat = (
            ec2.SubnetConfiguration(
                name="nat", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=28, map_public_ip_on_launch=False
            ),
            ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        )
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(config.cidr),
            availability_zones=list(config.availability_zones) or None,
            max_azs=None if config.availability_zones else ZONES,
            nat_gateways=config.nat_gateways if config.http_sources else 0,
            subnet_configuration=[isolated, *(with_nat if config.http_sources else ())],
            restrict_default_security_group=False,
        )
        if not config.availability_zones:
            self._avoid_zones_without_vpc_origins(vpc)
        return vpc

    def _avoid_zones_without_vpc_origins(self, vpc: ec2.Vpc) -> None:
        """Names zones by their ids: what `a` and `b` are differs between accounts, and may be one of the others."""
        zones = ZONES_WITH_VPC_ORIGINS.get(Stack.of(self).region)
        if zones is None:
            return
        for group in (vpc.isolated_subnets, vpc.private_subnets, vpc.public_subnets):
            for subnet, zone in zip(group, zones, strict=False):  # there may be no group of a kind
                resource = resource_of(subnet)
                resource.add_property_deletion_override("AvailabilityZone")
                resource.add_property_override("AvailabilityZoneId", zone)

    def _attached_gateway(self) -> IDependable:
        """The attachment of the internet gateway. The VPC's own dependable is the gateway before that.

        Without NAT it has the names that the CDK gives it with NAT: a VPC takes one gateway, so whoever switches
        `http_sources` must keep this one and not make another beside it.
        """
        made = (part for part in self.vpc.node.find_all() if isinstance(part, ec2.CfnVPCGatewayAttachment))
        if attached := next(made, None):
            return attached
        gateway = ec2.CfnInternetGateway(self.vpc, "IGW")
        return ec2.CfnVPCGatewayAttachment(self.vpc, "VPCGW", vpc_id=self.vpc.vpc_id, internet_gateway_id=gateway.ref)

    def _add_s3_endpoint(self, buckets: Sequence[s3.IBucket]) -> None:
        """S3's gateway endpoint: what leaves through it concerns these buckets, or is an image layer of ECR."""
        endpoint = self.vpc.add_gateway_endpoint(
            "S3", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[self.task_subnets]
        )
        statements = [
            iam.PolicyStatement(
                sid="OwnBuckets",
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
                resources=[arn for bucket in buckets for arn in (bucket.bucket_arn, bucket.arn_for_objects("*"))],
                conditions=_OF_THIS_ACCOUNT,
            ),
            iam.PolicyStatement(
                sid="ImageLayers",  # Amazon ECR user guide, "Minimum Amazon S3 Bucket Permissions for Amazon ECR"
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject"],
                resources=[f"arn:{Aws.PARTITION}:s3:::prod-{Aws.REGION}-starport-layer-bucket/*"],
            ),
        ]
        if self._has_http_sources:
            # The route to S3 holds for public pictures in anybody's bucket of this region as well.
            statements.append(
                iam.PolicyStatement(
                    sid="PublicPictures",
                    principals=[iam.AnyPrincipal()],
                    actions=["s3:GetObject", "s3:GetObjectVersion"],
                    resources=["*"],
                )
            )
        for statement in statements:
            endpoint.add_to_policy(statement)

    def _add_interface_endpoints(self) -> None:
        group = ec2.SecurityGroup(
            self,
            "EndpointGroup",
            vpc=self.vpc,
            description="Interface endpoints: HTTPS from the VPC, nothing out",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(ec2.Peer.ipv4(self.cidr), ec2.Port.tcp(HTTPS), "HTTPS from the VPC")
        for name, (service, actions, conditions) in _INTERFACES.items():
            endpoint = self.vpc.add_interface_endpoint(
                name, service=service, security_groups=[group], subnets=self.task_subnets, open=False
            )
            endpoint.add_to_policy(
                iam.PolicyStatement(
                    principals=[iam.AnyPrincipal()], actions=list(actions), resources=["*"], conditions=conditions
                )
            )

    def _log_flows(self, log_retention_days: int) -> None:
        group = log_group(self, "FlowLogGroup", days=log_retention_days)
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            max_aggregation_interval=ec2.FlowLogMaxAggregationInterval.TEN_MINUTES,
        )


def _isolated_mask(cidr: str, zones: int) -> int:
    """The size of an isolated subnet: half of the VPC is theirs, with NAT and without.

    So they keep their addresses when `http_sources` is switched: another size would want addresses that the old subnets
    still have.
    """
    return ip_network(cidr).prefixlen + 1 + (zones - 1).bit_length()


_PULLS: Final = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
"""Of both doors to ECR: Fargate asks for manifests and layers by ECR's own API as well as by Docker's (Amazon ECR user
guide, "Using Amazon ECR images with Amazon ECS", names these calls and no door)."""

_INTERFACES: Final = {
    "EcrApi": (
        ec2.InterfaceVpcEndpointAwsService.ECR,
        _PULLS,
        _OF_THIS_ACCOUNT,
    ),
    "EcrDocker": (
        ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
        _PULLS,
        _OF_THIS_ACCOUNT,
    ),
    "Logs": (
        ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        _WITHIN_THIS_ACCOUNT,
    ),
    "SecretsManager": (
        ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
        ("secretsmanager:GetSecretValue",),
        _WITHIN_THIS_ACCOUNT,
    ),
}
"""Each endpoint: its service, what it lets through, and whose. Images may lie in another account of the company."""
