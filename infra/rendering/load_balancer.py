"""The load balancer: internal, and open to CloudFront's distribution alone.

CloudFront comes through a VPC origin, from inside the VPC, so the security group admits the VPC's addresses: the group
of VPC origins cannot be named before the first of them exists (aws.md, pitfall 3). Another distribution of the account
could use the origin as well, hence the secret header: one rule forwards with it, all else is 403.

HTTP inside the VPC: CloudFront talks to the load balancer over network interfaces of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import RendererConfig
from infra.findings import skip_checkov
from infra.network import Network
from infra.secrets import ORIGIN_HEADER_NAME
from infra.timeouts import IDLE_SECONDS, deregistration_delay

HTTP: Final = 80
SERVER_PORT: Final = 8080
ANY_VALUE: Final = "*"
"""Of a header, in a condition of a listener's rule."""
HEALTH_PATH: Final = "/health"
"""Makes a tiny picture in memory: it asks neither S3 nor the queue (renderer/handlers/health.py)."""


class LoadBalancer(Construct):
    """The internal load balancer, its listener with the one rule, and its targets."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: Network,
        access_logs: s3.IBucket,
        origin_headers: Sequence[SecretValue],
        renderer: RendererConfig,
        retain: bool,
    ) -> None:
        """`origin_headers` are the values of the secret header that are accepted."""
        super().__init__(scope, construct_id)
        self._vpc = network.vpc
        self._cidr = network.cidr
        self._delay = Duration.seconds(deregistration_delay(renderer.timeout_seconds))
        self.security_group = self._group()
        self.load_balancer = self._balancer(network, retain=retain)
        self.load_balancer.log_access_logs(access_logs, "load-balancer")
        self.target_group = self._targets("Targets")
        other = self._targets("OtherTargets") if renderer.canary else None
        self.target_groups = (self.target_group, *([other] if other else []))
        self.listener = self.load_balancer.add_listener(
            "Listener",
            port=HTTP,
            protocol=elbv2.ApplicationProtocol.HTTP,
            open=False,
            default_action=elbv2.ListenerAction.fixed_response(
                403, content_type="text/plain", message_body="Forbidden"
            ),
        )
        self.rule = self._rule(origin_headers, other)
        """What CloudFront depends on, so that a new secret is accepted before it is shown."""
        self.alternate_target = self._alternate_target(other) if other else None
        self._explain()

    def _group(self) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=self._vpc,
            description="Load balancer: HTTP from the VPC, to the tasks",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(ec2.Peer.ipv4(self._cidr), ec2.Port.tcp(HTTP), "VPC origin of CloudFront")
        return group

    def _balancer(self, network: Network, *, retain: bool) -> elbv2.ApplicationLoadBalancer:
        balancer = elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=network.load_balancer_subnets,
            internet_facing=False,
            security_group=self.security_group,
            deletion_protection=retain,
            drop_invalid_header_fields=True,
            # Not the strictest: that refuses whatever is not RFC 7230 to the letter, a space in a path for instance,
            # which imgproxy's URLs may have. What is ambiguous gets a connection of its own.
            desync_mitigation_mode=elbv2.DesyncMitigationMode.DEFENSIVE,
            idle_timeout=Duration.seconds(IDLE_SECONDS),
        )
        balancer.node.add_dependency(network.internet_gateway)
        return balancer

    def _targets(self, construct_id: str) -> elbv2.ApplicationTargetGroup:
        return elbv2.ApplicationTargetGroup(
            self,
            construct_id,
            vpc=self._vpc,
            port=SERVER_PORT,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            # A large picture takes a hundred times as long as a small one: turns would pile them up.
            load_balancing_algorithm_type=elbv2.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            deregistration_delay=self._delay,
            health_check=elbv2.HealthCheck(
                path=HEALTH_PATH,
                healthy_http_codes="200",
                interval=Duration.seconds(5),
                timeout=Duration.seconds(4),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )

    def _rule(
        self, origin_headers: Sequence[SecretValue], other: elbv2.ApplicationTargetGroup | None
    ) -> elbv2.ApplicationListenerRule:
        # Resolved by CloudFormation at deployment: the template names the secrets only.
        values = [value.unsafe_unwrap() for value in origin_headers]
        forward = elbv2.ListenerAction.forward([self.target_group])
        if other:
            values = [ANY_VALUE]
            # ECS moves the weights with each release. CloudFormation says where they begin, and would say so again if
            # anything in the rule changed, with all requests for a group that may be empty (aws-cdk 36649). So nothing
            # in it ever changes, and the firewall compares the secret's value (origin_firewall.py).
            forward = elbv2.ListenerAction.weighted_forward(
                [
                    elbv2.WeightedTargetGroup(target_group=self.target_group, weight=100),
                    elbv2.WeightedTargetGroup(target_group=other, weight=0),
                ]
            )
        return elbv2.ApplicationListenerRule(
            self,
            "FromCloudFront",
            listener=self.listener,
            priority=1,
            conditions=[elbv2.ListenerCondition.http_header(ORIGIN_HEADER_NAME, values)],
            action=forward,
        )

    def _alternate_target(self, other: elbv2.ApplicationTargetGroup) -> ecs.AlternateTarget:
        return ecs.AlternateTarget(
            "AlternateTarget",
            alternate_target_group=other,
            production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(self.rule),
        )

    def _explain(self) -> None:
        plain = "inside the VPC, between interfaces of CloudFront's VPC origin and the load balancer (aws.md 1.2)"
        skip_checkov(self.listener, {"CKV_AWS_2": plain, "CKV_AWS_103": plain})
        skip_checkov(self.load_balancer, {"CKV2_AWS_28": "the firewall is in origin_firewall.py"})
