"""One web ACL with its log: rules in their order, a metric for each, and what it refused written down.

Only refused requests are logged. WAF's log of all requests costs more than the firewall itself, and what was allowed is
in CloudFront's log and the server's anyway. What rules in Count found is in their metrics and samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from aws_cdk import ArnFormat, Names, Stack
from aws_cdk import aws_logs as logs
from aws_cdk.aws_wafv2 import CfnLoggingConfiguration, CfnWebACL
from constructs import Construct

from infra.firewalls.web_acl_rules import FirewallRule, visible_as
from infra.log_groups import log_group

LOG_PREFIX: Final = "aws-waf-logs-"
"""WAF writes to log groups of this prefix only (AWS WAF Developer Guide, Sending to a CloudWatch Logs log group)."""

REDACTED_HEADERS: Final = ("authorization", "cookie")
"""WAF writes down all headers of a request, in its log and in the samples that the console shows; not these."""


class WebAcl(Construct):
    """A web ACL that lets through what no rule refuses."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        reach: Literal["CLOUDFRONT", "REGIONAL"],
        rules: Sequence[FirewallRule],
        log_retention_days: int,
        redacted_headers: Sequence[str] = REDACTED_HEADERS,
        json_bodies: Mapping[str, str] | None = None,
        association: CfnWebACL.AssociationConfigProperty | None = None,
    ) -> None:
        """`json_bodies` are what rules may answer with, by the names that they use."""
        super().__init__(scope, construct_id)
        name = Names.unique_resource_name(self, max_length=100, separator="-")
        self.metric_name: Final = name
        """The dimension `WebACL` of its metrics. Two stages in one account differ in it."""
        self.acl: Final = CfnWebACL(
            self,
            "Acl",
            scope=reach,
            default_action=CfnWebACL.DefaultActionProperty(allow={}),
            rules=[rule.numbered(priority) for priority, rule in enumerate(rules)],
            visibility_config=visible_as(name),
            custom_response_bodies={
                key: CfnWebACL.CustomResponseBodyProperty(content=content, content_type="APPLICATION_JSON")
                for key, content in json_bodies.items()
            }
            if json_bodies
            else None,
            association_config=association,
            data_protection_config=_without_values_of(redacted_headers),
        )
        self.log_group: Final = log_group(self, "Log", days=log_retention_days, name=f"{LOG_PREFIX}{name.lower()}")
        _write_refusals(self, self.acl, self.log_group, redacted_headers)


def _without_values_of(headers: Sequence[str]) -> CfnWebACL.DataProtectionConfigProperty:
    """Keeps values out of the log and of samples of requests; a log's redaction reaches the log alone.

    AWS WAF Developer Guide, Data protection and logging.
    """
    return CfnWebACL.DataProtectionConfigProperty(
        data_protections=[
            CfnWebACL.DataProtectProperty(
                action="SUBSTITUTION",
                field=CfnWebACL.FieldToProtectProperty(field_type="SINGLE_HEADER", field_keys=list(headers)),
                exclude_rate_based_details=False,
                exclude_rule_match_details=False,
            )
        ]
    )


def _write_refusals(scope: Construct, acl: CfnWebACL, group: logs.LogGroup, redacted: Sequence[str]) -> None:
    keep_blocked = {
        "Behavior": "KEEP",
        "Requirement": "MEETS_ANY",
        "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
    }
    CfnLoggingConfiguration(
        scope,
        "Logging",
        resource_arn=acl.attr_arn,
        # Without the `:*` that the ARN of a log group ends with elsewhere.
        log_destination_configs=[
            Stack.of(scope).format_arn(
                service="logs",
                resource="log-group",
                resource_name=group.log_group_name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        ],
        redacted_fields=[
            CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header}) for header in redacted
        ],
        logging_filter={"DefaultBehavior": "DROP", "Filters": [keep_blocked]},
    )
