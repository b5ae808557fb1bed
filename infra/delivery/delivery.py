"""CloudFront before the load balancer: where viewers' requests arrive and most of them end."""

from __future__ import annotations

from functools import partial
from typing import Final

from aws_cdk import Duration, SecretValue, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra.config import CLOUDFRONT_REGION, DeliveryConfig, DomainConfig
from infra.delivery.accept.source import function_source
from infra.delivery.access_log import AccessLog
from infra.delivery.caching import (
    error_responses,
    origin_request_policy,
    picture_cache_policy,
    response_headers_policy,
    text_cache_policy,
)
from infra.delivery.edge import Edge
from infra.delivery.origin_shield import shield_region
from infra.findings import acknowledge, skip_checkov
from infra.rendering.load_balancer import LoadBalancer
from infra.rendering.renderer_settings import AUTO_FORMATS, CACHE_TAG_HEADER
from infra.secrets import ORIGIN_HEADER_NAME

SPARE_SECONDS: Final = 5
"""What CloudFront waits beyond the server's deadline, so that the server's answer says what was late."""

SVG_PATHS: Final = ("*.svg", "*@svg")
"""Sources that stay SVG, and the format in a plain URL."""

_LOWEST_TLS: Final = cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021
"""TLS 1.2 with forward secrecy and authenticated encryption alone. The policies of 2025 leave out more of what old
phones and television sets speak, for readers who are only shown pictures."""

_NO_CHOICE_OF_TLS: Final = (
    "CloudFront's own name has CloudFront's certificate, and with that no choice of the lowest TLS version: a domain is"
    " the only way"
)

_PRICE_CLASSES: Final = {
    "100": cloudfront.PriceClass.PRICE_CLASS_100,
    "200": cloudfront.PriceClass.PRICE_CLASS_200,
    "all": cloudfront.PriceClass.PRICE_CLASS_ALL,
}


class Delivery(Construct):
    """The distribution, its function and policies, its log where that can be, and the domain's records."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: DeliveryConfig,
        edge: Edge,
        load_balancer: LoadBalancer,
        origin_header: SecretValue,
        timeout_seconds: int,
        log_retention_days: int,
    ) -> None:
        """`origin_header` is the secret to show the load balancer; `timeout_seconds` the server's deadline."""
        super().__init__(scope, construct_id)
        self._config = config
        self.accept_function: Final = cloudfront.Function(
            self,
            "Accept",
            code=cloudfront.FunctionCode.from_inline(function_source(AUTO_FORMATS)),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
            comment="Bildwerk: reduces Accept to what divides the cache",
        )
        origin = self._origin(load_balancer, origin_header, timeout_seconds)
        self.distribution: Final = self._distribution(edge, origin)
        # A new secret is shown only after the load balancer knows it.
        self.distribution.node.add_dependency(load_balancer.rule)
        self.url: Final = f"https://{config.domain.name if config.domain else self.distribution.domain_name}"
        self.access_log: Final = self._access_log(log_retention_days)
        """None outside of us-east-1: then `WatchStack` has one."""
        if config.domain is not None and config.domain.hosted_zone_id:
            self._add_records(config.domain)
        self._explain()

    def _origin(
        self, load_balancer: LoadBalancer, origin_header: SecretValue, timeout_seconds: int
    ) -> cloudfront.IOrigin:
        """The internal load balancer, through network interfaces that CloudFront has in the VPC: no way leads out."""
        shield = shield_region(Stack.of(self).region) if self._config.origin_shield else None
        return origins.VpcOrigin.with_application_load_balancer(
            load_balancer.load_balancer,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTP_ONLY,
            custom_headers={ORIGIN_HEADER_NAME: origin_header.unsafe_unwrap()},  # a dynamic reference, no value
            origin_shield_enabled=self._config.origin_shield,
            origin_shield_region=shield,
            read_timeout=Duration.seconds(timeout_seconds + SPARE_SECONDS),
            connection_attempts=2,
            connection_timeout=Duration.seconds(3),
            keepalive_timeout=Duration.seconds(60),
        )

    def _distribution(self, edge: Edge, origin: cloudfront.IOrigin) -> cloudfront.Distribution:
        domain = self._config.domain
        behavior = partial(self._behavior, origin, origin_request_policy(self), response_headers_policy(self))
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            default_behavior=behavior(picture_cache_policy(self), compress=False),
            additional_behaviors=dict.fromkeys(SVG_PATHS, behavior(text_cache_policy(self), compress=True)),
            domain_names=[domain.name] if domain else None,
            certificate=edge.certificate,
            minimum_protocol_version=_LOWEST_TLS if domain else None,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=_PRICE_CLASSES[self._config.price_class],
            web_acl_id=edge.web_acl_arn,
            error_responses=error_responses(),
            publish_additional_metrics=True,
            comment="Bildwerk: pictures",
        )
        resource = distribution.node.default_child
        if not isinstance(resource, cloudfront.CfnDistribution):
            raise TypeError(f"{distribution.node.path} is no distribution")
        # The construct has no argument for it yet (aws.md 1.1).
        resource.add_property_override("DistributionConfig.CacheTagConfig.HeaderName", CACHE_TAG_HEADER)
        return distribution

    def _behavior(
        self,
        origin: cloudfront.IOrigin,
        to_server: cloudfront.IOriginRequestPolicy,
        to_viewers: cloudfront.IResponseHeadersPolicy,
        cache_policy: cloudfront.ICachePolicy,
        *,
        compress: bool,
    ) -> cloudfront.BehaviorOptions:
        reduce_accept = cloudfront.FunctionAssociation(
            function=self.accept_function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
        )
        return cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            cache_policy=cache_policy,
            origin_request_policy=to_server,
            response_headers_policy=to_viewers,
            function_associations=[reduce_accept],
            compress=compress,
        )

    def _access_log(self, log_retention_days: int) -> AccessLog | None:
        if Stack.of(self).region != CLOUDFRONT_REGION:
            return None
        return AccessLog(self, "AccessLog", distribution=self.distribution, log_retention_days=log_retention_days)

    def _add_records(self, domain: DomainConfig) -> None:
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=domain.hosted_zone_id, zone_name=domain.hosted_zone_name
        )
        target = route53.RecordTarget.from_alias(targets.CloudFrontTarget(self.distribution))
        # With its last dot the name is whole, and the CDK appends the zone's name to nothing.
        name = f"{domain.name}."
        route53.ARecord(self, "Ipv4", zone=zone, record_name=name, target=target)
        route53.AaaaRecord(self, "Ipv6", zone=zone, record_name=name, target=target)

    def _explain(self) -> None:
        logged = "standard logging v2 writes to CloudWatch Logs, and is no property of the distribution (access_log.py)"
        everywhere = "pictures are for readers everywhere"
        reasons = {"AwsSolutions-CFR1": everywhere, "AwsSolutions-CFR3": logged}
        skips = {
            "CKV_AWS_86": logged,
            "CKV_AWS_305": "there is no page at the root",
            "CKV_AWS_310": "the origin is a load balancer over two zones; a second region is docs/growth.md",
            "CKV_AWS_374": everywhere,
        }
        if self._config.domain is None:
            reasons["AwsSolutions-CFR4"] = skips["CKV_AWS_174"] = _NO_CHOICE_OF_TLS
        acknowledge(self.distribution, reasons)
        skip_checkov(self.distribution, skips)
