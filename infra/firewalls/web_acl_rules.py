"""What the rules of the three web ACLs are made of: each has a name, and metrics and log entries under that name.

A `FirewallRule` knows nothing of its priority: `infra/firewalls/web_acl.py` numbers them in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk.aws_wafv2 import CfnWebACL

Statement = CfnWebACL.StatementProperty

MAX_URI_BYTES: Final = 8192
"""CloudFront's own limit for a URL (Amazon CloudFront Developer Guide, Quotas)."""

_AS_IT_CAME: Final = [CfnWebACL.TextTransformationProperty(priority=0, type="NONE")]

REPUTATION: Final = "AWSManagedRulesAmazonIpReputationList"
KNOWN_BAD_INPUTS: Final = "AWSManagedRulesKnownBadInputsRuleSet"
CORE_RULES: Final = "AWSManagedRulesCommonRuleSet"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """What is looked for, and what happens then: a rule of our own has an action, a managed group brings its own."""

    name: str
    statement: Statement
    action: CfnWebACL.RuleActionProperty | None = None
    counts_only: bool = False
    """Of a managed group: its findings are counted, and the request goes on."""

    def numbered(self, priority: int) -> CfnWebACL.RuleProperty:
        """The rule in its place; WAF wants priorities that differ within an ACL."""
        return CfnWebACL.RuleProperty(
            name=self.name,
            priority=priority,
            statement=self.statement,
            action=self.action,
            override_action=None if self.action else _override(counts_only=self.counts_only),
            visibility_config=visible_as(self.name),
        )


def _override(*, counts_only: bool) -> CfnWebACL.OverrideActionProperty:
    nothing: dict[str, str] = {}
    if counts_only:
        return CfnWebACL.OverrideActionProperty(count=nothing)
    return CfnWebACL.OverrideActionProperty(none=nothing)


def visible_as(metric_name: str) -> CfnWebACL.VisibilityConfigProperty:
    """Counted in CloudWatch under this name, with samples of the requests in the console."""
    return CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, sampled_requests_enabled=True, metric_name=metric_name
    )


BLOCK: Final = CfnWebACL.RuleActionProperty(block={})
"""WAF's own refusal: 403. API Gateway answers it with its response WAF_FILTERED."""


def block(status: int, *, body: str | None = None, **headers: str) -> CfnWebACL.RuleActionProperty:
    """Refuses with the status that HTTP has for the reason.

    Args:
        status: of the answer.
        body: the name of one of the web ACL's bodies; none is empty.
        headers: their names with `_` for `-`.
    """
    return CfnWebACL.RuleActionProperty(
        block=CfnWebACL.BlockActionProperty(
            custom_response=CfnWebACL.CustomResponseProperty(
                response_code=status,
                custom_response_body_key=body,
                response_headers=[
                    CfnWebACL.CustomHTTPHeaderProperty(name=name.replace("_", "-"), value=value)
                    for name, value in headers.items()
                ]
                or None,
            )
        )
    )


def managed_group(group: str, *, counted: Sequence[str] = (), counts_only: bool = False) -> FirewallRule:
    """A rule group that AWS keeps up to date; those of its rules in `counted` only count and label."""
    count = CfnWebACL.RuleActionProperty(count={})
    return FirewallRule(
        name=group.removeprefix("AWSManagedRules"),
        counts_only=counts_only,
        statement=Statement(
            managed_rule_group_statement=CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=group,
                rule_action_overrides=[
                    CfnWebACL.RuleActionOverrideProperty(name=name, action_to_use=count) for name in counted
                ]
                or None,
            )
        ),
    )


def requests_per_client(limit: int, *, body: str | None = None) -> FirewallRule:
    """Refuses an address that asked more than `limit` times within the last five minutes."""
    return FirewallRule(
        name="RequestsPerClient",
        statement=Statement(
            rate_based_statement=CfnWebACL.RateBasedStatementProperty(
                limit=limit, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        action=block(429, body=body, Retry_After="60"),
    )


def longer_than(field: CfnWebACL.FieldToMatchProperty, size_bytes: int) -> Statement:
    """Whether a part of the request has more bytes than that."""
    return Statement(
        size_constraint_statement=CfnWebACL.SizeConstraintStatementProperty(
            field_to_match=field, comparison_operator="GT", size=size_bytes, text_transformations=_AS_IT_CAME
        )
    )


def long_uri() -> FirewallRule:
    """Refuses a path that is longer than CloudFront takes."""
    return FirewallRule(
        name="LongUri",
        statement=longer_than(CfnWebACL.FieldToMatchProperty(uri_path={}), MAX_URI_BYTES),
        action=block(414),
    )


def matches(field: CfnWebACL.FieldToMatchProperty, constraint: str, text: str) -> Statement:
    """Whether a part of the request is (`EXACTLY`), ends with (`ENDS_WITH`) or has (`CONTAINS`) a text."""
    return Statement(
        byte_match_statement=CfnWebACL.ByteMatchStatementProperty(
            field_to_match=field,
            positional_constraint=constraint,
            search_string=text,
            text_transformations=_AS_IT_CAME,
        )
    )


def has_method(*methods: str) -> Statement:
    """Whether the method is one of these."""
    field = CfnWebACL.FieldToMatchProperty(method={})
    return any_of(*(matches(field, "EXACTLY", method) for method in methods))


def any_of(*statements: Statement) -> Statement:
    """Whether one of these holds; WAF takes no OR of a single one."""
    if len(statements) == 1:
        return statements[0]
    return Statement(or_statement=CfnWebACL.OrStatementProperty(statements=list(statements)))


def all_of(*statements: Statement) -> Statement:
    """Whether all of these hold."""
    return Statement(and_statement=CfnWebACL.AndStatementProperty(statements=list(statements)))


def not_(statement: Statement) -> Statement:
    """Whether it does not hold."""
    return Statement(not_statement=CfnWebACL.NotStatementProperty(statement=statement))


def labelled(label: str) -> Statement:
    """Whether a rule before this one put a label on the request."""
    return Statement(label_match_statement=CfnWebACL.LabelMatchStatementProperty(scope="LABEL", key=label))
