"""The web ACL of the load balancer: what can only come from somebody who went around CloudFront is refused.

It limits no rates: all requests come from CloudFront's network interfaces in the VPC, and the first address in
X-Forwarded-For, which WAF would read instead, is what the client wrote there (aws.md 1.6). The value of the secret
header is compared by the listener's rule alone: a second copy of it would only be one more place to read it from. With
a canary the listener's rule must never change, and it is compared here instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import SecretValue
from aws_cdk.aws_wafv2 import CfnWebACL, CfnWebACLAssociation
from constructs import Construct

from infra.firewalls.web_acl import REDACTED_HEADERS, WebAcl
from infra.firewalls.web_acl_rules import (
    BLOCK,
    KNOWN_BAD_INPUTS,
    REPUTATION,
    FirewallRule,
    any_of,
    block,
    long_uri,
    longer_than,
    managed_group,
    matches,
    not_,
)
from infra.rendering.load_balancer import LoadBalancer
from infra.secrets import ORIGIN_HEADER_NAME

_HEADER: Final = ORIGIN_HEADER_NAME.lower()


def _rules(accepted: Sequence[SecretValue]) -> tuple[FirewallRule, ...]:
    header = CfnWebACL.FieldToMatchProperty(single_header={"Name": _HEADER})
    is_from_cloudfront = longer_than(header, 0)
    if accepted:
        # Dynamic references: the template names the secrets only.
        is_from_cloudfront = any_of(*(matches(header, "EXACTLY", value.unsafe_unwrap()) for value in accepted))
    body = CfnWebACL.FieldToMatchProperty(body=CfnWebACL.BodyProperty(oversize_handling="MATCH"))
    return (
        FirewallRule(name="NoOriginHeader", statement=not_(is_from_cloudfront), action=BLOCK),
        FirewallRule(name="WithBody", statement=longer_than(body, 0), action=block(413)),
        long_uri(),
        managed_group(KNOWN_BAD_INPUTS),
        # In Count: it sees CloudFront's addresses, so a finding means that something else reaches the load balancer.
        managed_group(REPUTATION, counts_only=True),
    )


class OriginFirewall(Construct):
    """Stands before the load balancer."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        load_balancer: LoadBalancer,
        accepted: Sequence[SecretValue],
        log_retention_days: int,
    ) -> None:
        """`accepted` are the values of the secret header that are let through; without any, whatever is not blank."""
        super().__init__(scope, construct_id)
        firewall = WebAcl(
            self,
            "Firewall",
            reach="REGIONAL",
            rules=_rules(accepted),
            log_retention_days=log_retention_days,
            redacted_headers=(*REDACTED_HEADERS, _HEADER),
        )
        self.web_acl: Final = firewall.acl
        self.metric_name: Final = firewall.metric_name
        self.log_group: Final = firewall.log_group
        CfnWebACLAssociation(
            self,
            "Association",
            resource_arn=load_balancer.load_balancer.load_balancer_arn,
            web_acl_arn=firewall.acl.attr_arn,
        )
