"""What CloudFront needs in us-east-1: a part of the stack there, a stack of its own elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from infra.config import CLOUDFRONT_REGION, DeliveryConfig, DomainConfig
from infra.delivery.edge import Edge

ACCOUNT = "123456789012"  # AWS's own example
CERTIFICATE = f"arn:aws:acm:{CLOUDFRONT_REGION}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012"
WEB_ACL = f"arn:aws:wafv2:{CLOUDFRONT_REGION}:{ACCOUNT}:global/webacl/ours/473e64fd-f30b-4765-81a0-62ad96dd167a"


def edge(config: DeliveryConfig) -> tuple[Edge, Template]:
    """The construct in a stack of its own, and what becomes of it."""
    stack = Stack(App(analytics_reporting=False), "Edge", env=Environment(region=CLOUDFRONT_REGION))
    made = Edge(stack, "Edge", config=config, log_retention_days=7)
    return made, Template.from_stack(stack)


def test_row_02_the_distribution_has_a_firewall_in_either_region(templates: Mapping[str, Template]) -> None:
    """One web ACL of scope CLOUDFRONT: in the stack where that is in us-east-1, in the edge stack where it is not."""
    scope = {"Properties": {"Scope": "CLOUDFRONT"}}

    found = {name: len(template.find_resources("AWS::WAFv2::WebACL", scope)) for name, template in templates.items()}

    assert {name for name, count in found.items() if count} == set(templates) - {"europe", "watch"}
    assert set(found.values()) == {0, 1}


def test_row_03_a_domain_gets_a_certificate_that_its_zone_proves(templates: Mapping[str, Template]) -> None:
    """In us-east-1, by DNS, without anybody who reads mail."""
    templates["edge"].has_resource_properties(
        "AWS::CertificateManager::Certificate",
        {
            "DomainName": "img.example.com",
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [{"DomainName": "img.example.com", "HostedZoneId": "Z0123456789EXAMPLE"}],
        },
    )


def test_the_edge_stack_is_in_us_east_1_and_holds_nothing_else(
    stacks: Mapping[str, Stack], templates: Mapping[str, Template]
) -> None:
    """CloudFront takes a firewall and a certificate from no other region; the rest passes their names on."""
    own = {
        resource["Type"]
        for resource in templates["edge"].to_json()["Resources"].values()
        if not resource["Type"].startswith(("Custom::", "AWS::IAM::", "AWS::Lambda::"))
    }

    assert stacks["edge"].region == CLOUDFRONT_REGION
    assert stacks["edge"].termination_protection
    assert own == {
        "AWS::WAFv2::WebACL",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::Logs::LogGroup",
        "AWS::CertificateManager::Certificate",
    }


def test_a_firewall_and_a_certificate_of_ones_own_are_used_as_they_are() -> None:
    """Nothing is made beside them."""
    made, template = edge(
        DeliveryConfig(web_acl_arn=WEB_ACL, domain=DomainConfig(name="img.example.com", certificate_arn=CERTIFICATE))
    )

    assert made.web_acl_arn == WEB_ACL
    assert made.web_acl_name == "ours"
    assert made.log_group is None
    assert made.certificate is not None
    assert made.certificate.certificate_arn == CERTIFICATE
    assert template.to_json().get("Resources", {}) == {}


def test_without_a_domain_there_is_no_certificate() -> None:
    """CloudFront's own name has CloudFront's."""
    made, template = edge(DeliveryConfig())

    assert made.certificate is None
    template.resource_count_is("AWS::CertificateManager::Certificate", 0)


def test_metrics_of_two_stages_are_told_apart(templates: Mapping[str, Template]) -> None:
    """They share an account, and the web ACL's metric name is the only dimension of CloudFront's firewall."""
    names = [
        acl["Properties"]["VisibilityConfig"]["MetricName"]
        for name in ("dev", "production")
        for acl in templates[name].find_resources("AWS::WAFv2::WebACL").values()
    ]

    assert len(names) == 6
    assert len(set(names)) == 6
