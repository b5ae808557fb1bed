"""What CloudFront needs in us-east-1: its web ACL and its certificate.

In us-east-1 `Edge` is a part of the one stack; elsewhere `EdgeStack` holds it, and nothing else.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Environment, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra.config import CLOUDFRONT_REGION, DeliveryConfig, DomainConfig
from infra.firewalls.web_acl import WebAcl
from infra.firewalls.web_acl_rules import (
    CORE_RULES,
    KNOWN_BAD_INPUTS,
    REPUTATION,
    FirewallRule,
    block,
    has_method,
    long_uri,
    managed_group,
    not_,
    requests_per_client,
)

METHODS: Final = ("GET", "HEAD", "OPTIONS")

COUNTED_CORE_RULES: Final = (
    "SizeRestrictions_URIPATH",  # 1,024 bytes: encrypted and base64 sources are longer
    "GenericRFI_URIPATH",  # a URL inside the path is how sources are named
    "EC2MetaDataSSRF_URIPATH",  # the server's own address guard decides about sources
    "RestrictedExtensions_URIPATH",  # the path holds names of somebody else's hosts and files
    "NoUserAgent_HEADER",  # feed readers and servers that fetch pictures
    "SizeRestrictions_Cookie_HEADER",  # cookies come with the site's domain; they go no further than CloudFront
    "EC2MetaDataSSRF_COOKIE",
    "CrossSiteScripting_COOKIE",
)
"""Rules of the core set that would refuse our normal traffic (AWS WAF Developer Guide, Baseline rule groups)."""


def _rules(requests_per_client_per_5_minutes: int) -> tuple[FirewallRule, ...]:
    """Cheap ones first, and the limit before the groups, so that it counts what they would refuse."""
    return (
        FirewallRule(
            name="OtherMethods", statement=not_(has_method(*METHODS)), action=block(405, Allow="GET, HEAD, OPTIONS")
        ),
        long_uri(),
        requests_per_client(requests_per_client_per_5_minutes),
        managed_group(REPUTATION),
        managed_group(KNOWN_BAD_INPUTS),
        managed_group(CORE_RULES, counted=COUNTED_CORE_RULES),
    )


class Edge(Construct):
    """The web ACL of the distribution, ours or the one that is configured, and the certificate of its domain."""

    def __init__(self, scope: Construct, construct_id: str, *, config: DeliveryConfig, log_retention_days: int) -> None:
        super().__init__(scope, construct_id)
        self.web_acl_arn: str
        self.web_acl_name: str
        self.log_group: logs.LogGroup | None = None
        if config.web_acl_arn:
            self.web_acl_arn = config.web_acl_arn
            # arn:...:global/webacl/<name>/<id>; whoever made it has most likely called its metrics the same.
            self.web_acl_name = config.web_acl_arn.split("/")[-2]
        else:
            firewall = WebAcl(
                self,
                "Firewall",
                reach="CLOUDFRONT",
                rules=_rules(config.requests_per_client_per_5_minutes),
                log_retention_days=log_retention_days,
            )
            self.web_acl_arn = firewall.acl.attr_arn
            self.web_acl_name = firewall.metric_name
            self.log_group = firewall.log_group
        self.certificate: Final = None if config.domain is None else _certificate(self, config.domain)


def _certificate(scope: Construct, domain: DomainConfig) -> acm.ICertificate:
    if domain.certificate_arn:
        return acm.Certificate.from_certificate_arn(scope, "Certificate", domain.certificate_arn)
    zone = route53.HostedZone.from_hosted_zone_attributes(
        scope, "Zone", hosted_zone_id=domain.hosted_zone_id, zone_name=domain.hosted_zone_name
    )
    return acm.Certificate(
        scope, "Certificate", domain_name=domain.name, validation=acm.CertificateValidation.from_dns(zone)
    )


class EdgeStack(Stack):
    """`Edge` in us-east-1, for a stack that is elsewhere."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: DeliveryConfig,
        log_retention_days: int,
        termination_protection: bool,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(region=CLOUDFRONT_REGION),
            termination_protection=termination_protection,
            cross_region_references=True,
            description="Bildwerk: the firewall and the certificate of a distribution, which CloudFront wants here",
        )
        self.edge: Final = Edge(self, "Edge", config=config, log_retention_days=log_retention_days)
