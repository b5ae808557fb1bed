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
from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IDependable

from infra.config import NetworkConfig
from infra.log_groups import log_group

HTTPS: Final = 443

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
        self.internet_gateway: IDependable = self._attached_gateway() or self._gateway_without_route()
        """Depend on it to be made when VPC origins can be."""
        self._add_s3_endpoint(buckets)
        if not config.http_sources:
            self._add_interface_endpoints()
        self._log_flows(log_retention_days)

    def _vpc(self, config: NetworkConfig) -> ec2.Vpc:
        isolated = ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=None)
        with_nat = (
            ec2.SubnetConfiguration(
                name="nat", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=28, map_public_ip_on_launch=False
            ),
            ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        )
        return ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(config.cidr),
            availability_zones=list(config.availability_zones) or None,
            max_azs=None if config.availability_zones else 2,
            nat_gateways=config.nat_gateways if config.http_sources else 0,
            subnet_configuration=[isolated, *(with_nat if config.http_sources else ())],
            restrict_default_security_group=False,
        )

    def _attached_gateway(self) -> IDependable | None:
        """The attachment of the gateway that NAT goes out by. The VPC's own dependable is the gateway before that."""
        parts = self.vpc.node.find_all()
        return next((part for part in parts if isinstance(part, ec2.CfnVPCGatewayAttachment)), None)

    def _gateway_without_route(self) -> IDependable:
        gateway = ec2.CfnInternetGateway(self, "InternetGateway")
        return ec2.CfnVPCGatewayAttachment(
            self, "InternetGatewayAttachment", vpc_id=self.vpc.vpc_id, internet_gateway_id=gateway.ref
        )

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


_INTERFACES: Final = {
    "EcrApi": (
        ec2.InterfaceVpcEndpointAwsService.ECR,
        ("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage"),
        _OF_THIS_ACCOUNT,
    ),
    "EcrDocker": (
        ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
        ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
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
