"""The three web ACLs: what they let through and refuse, what they count and write down.

`answer` reads rules as AWS WAF documents them (AWS WAF Developer Guide, Rule statements), as far as ours go. What AWS's
own groups find is not known here: a request says which of their labels it would get.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from infra.app import add_stacks
from infra.firewalls.web_acl import LOG_PREFIX
from infra.secrets import ORIGIN_HEADER_NAME
from scripts.synth.variants import VARIANTS

CORE = "awswaf:managed:aws:core-rule-set:"
KINDS = ("cdn", "load_balancer", "api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a firewall sees; `labels` is what AWS's groups would say to it."""

    method: str = "GET"
    path: str = "/sig/rs:fit:300/plain/s3://originals/a.jpg"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    labels: frozenset[str] = frozenset()


FROM_CLOUDFRONT = {ORIGIN_HEADER_NAME.lower(): "secret"}


def _part(request: Request, field: Mapping[str, Any]) -> bytes:
    (kind, options), *more = field.items()
    assert not more
    if kind == "SingleHeader":
        return request.headers.get(options["Name"], "").encode()
    return {"Method": request.method.encode(), "UriPath": request.path.encode(), "Body": request.body}[kind]


def holds(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement matches a request; managed groups and rates match nothing."""
    (kind, body), *more = statement.items()
    assert not more
    if kind == "NotStatement":
        return not holds(body["Statement"], request)
    if kind in {"AndStatement", "OrStatement"}:
        found = [holds(one, request) for one in body["Statements"]]
        assert len(found) >= 2, "WAF refuses AND and OR of one statement"
        return all(found) if kind == "AndStatement" else any(found)
    if kind == "LabelMatchStatement":
        return str(body["Key"]) in request.labels
    if kind == "SizeConstraintStatement":
        assert body["ComparisonOperator"] == "GT"
        return len(_part(request, body["FieldToMatch"])) > int(body["Size"])
    if kind == "ByteMatchStatement":
        part, text = _part(request, body["FieldToMatch"]), str(body["SearchString"]).encode()
        constraint = body["PositionalConstraint"]
        return {"EXACTLY": part == text, "ENDS_WITH": part.endswith(text), "CONTAINS": text in part}[constraint]
    assert kind in {"ManagedRuleGroupStatement", "RateBasedStatement"}
    return False


def answer(acl: Mapping[str, Any], request: Request) -> int:
    """The status of a refusal, 0 for a request that goes on."""
    for rule in sorted(acl["Rules"], key=lambda rule: rule["Priority"]):
        if "Action" in rule and holds(rule["Statement"], request):
            return int(rule["Action"]["Block"].get("CustomResponse", {}).get("ResponseCode", 403))
    assert acl["DefaultAction"] == {"Allow": {}}
    return 0


@pytest.fixture(scope="module")
def acls(templates: Mapping[str, Template]) -> Mapping[str, Mapping[str, Any]]:
    """The web ACLs of production, by what they stand before."""
    found = templates["production"].find_resources("AWS::WAFv2::WebACL")
    parts = {"Edge": "cdn", "OriginFirewall": "load_balancer", "ApiFirewall": "api"}
    return {
        kind: next(acl["Properties"] for name, acl in found.items() if name.startswith(part))
        for part, kind in parts.items()
    }


def groups(acl: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Its managed groups: each rule by the group's name."""
    return {
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"].removeprefix("AWSManagedRules"): rule
        for rule in acl["Rules"]
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }


def counted(acl: Mapping[str, Any]) -> set[str]:
    """Rules of the core set that only count."""
    overrides = groups(acl)["CommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    assert all(override["ActionToUse"] == {"Count": {}} for override in overrides)
    return {override["Name"] for override in overrides}


@pytest.mark.parametrize("name", ["dev", "production", "europe", "http_sources"])
def test_row_02_each_door_has_a_firewall(templates: Mapping[str, Template], name: str) -> None:
    """The distribution names a web ACL; load balancer and API are associated with one each, and not with the same."""
    template = templates[name]
    (distribution,) = template.find_resources("AWS::CloudFront::Distribution").values()
    associations = list(template.find_resources("AWS::WAFv2::WebACLAssociation").values())
    targets = {json.dumps(association["Properties"]["ResourceArn"]) for association in associations}
    acls = {json.dumps(association["Properties"]["WebACLArn"]) for association in associations}
    (balancer,) = template.find_resources("AWS::ElasticLoadBalancingV2::LoadBalancer")
    (stage,) = template.find_resources("AWS::ApiGateway::Stage")

    assert distribution["Properties"]["DistributionConfig"]["WebACLId"]
    assert len(associations) == len(targets) == len(acls) == 2
    assert any(balancer in target for target in targets)
    assert any(stage in target and "/stages/" in target for target in targets)


@pytest.mark.parametrize("kind", KINDS)
def test_row_02_each_rule_is_measured_and_has_a_place_of_its_own(
    acls: Mapping[str, Mapping[str, Any]], kind: str
) -> None:
    """Metrics and samples for each rule, priorities that differ, and an action or an override, not both."""
    rules = acls[kind]["Rules"]

    assert len({rule["Priority"] for rule in rules}) == len(rules)
    assert len({rule["VisibilityConfig"]["MetricName"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["VisibilityConfig"]["CloudWatchMetricsEnabled"] is True
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is True
        assert ("Action" in rule) != ("OverrideAction" in rule)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("cdn", {"AmazonIpReputationList", "KnownBadInputsRuleSet", "CommonRuleSet"}),
        ("load_balancer", {"AmazonIpReputationList", "KnownBadInputsRuleSet"}),
        ("api", {"AmazonIpReputationList", "KnownBadInputsRuleSet", "CommonRuleSet"}),
    ],
)
def test_row_02_managed_groups(acls: Mapping[str, Mapping[str, Any]], kind: str, expected: set[str]) -> None:
    """Those of aws.md 1.6, in force; the load balancer sees CloudFront's addresses, so there reputation only counts."""
    found = groups(acls[kind])

    assert set(found) == expected
    in_count = {name for name, rule in found.items() if rule["OverrideAction"] != {"None": {}}}
    assert in_count == ({"AmazonIpReputationList"} if kind == "load_balancer" else set())


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("cdn", 10_000), ("load_balancer", None), ("api", 50 * 150)],
)
def test_row_02_rates_are_limited_where_clients_are_seen(
    acls: Mapping[str, Mapping[str, Any]], kind: str, limit: int | None
) -> None:
    """By address, over five minutes, with 429; never at the load balancer, where all have CloudFront's addresses."""
    rates = [rule for rule in acls[kind]["Rules"] if "RateBasedStatement" in rule["Statement"]]

    if limit is None:
        assert rates == []
        return
    (rate,) = rates
    statement = rate["Statement"]["RateBasedStatement"]
    assert statement == {"AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": limit}
    response = rate["Action"]["Block"]["CustomResponse"]
    assert response["ResponseCode"] == 429
    assert response["ResponseHeaders"] == [{"Name": "Retry-After", "Value": "60"}]


NORMAL_PATHS = {
    "SizeRestrictions_URIPATH",
    "GenericRFI_URIPATH",
    "EC2MetaDataSSRF_URIPATH",
    "RestrictedExtensions_URIPATH",
    "NoUserAgent_HEADER",
}


def test_our_own_urls_are_counted_and_not_refused(acls: Mapping[str, Mapping[str, Any]]) -> None:
    """Long paths, URLs in paths, other hosts' names in paths, clients without a name; path traversal stays refused."""
    found = counted(acls["cdn"])

    assert found >= NORMAL_PATHS
    assert not found & {"GenericLFI_URIPATH", "CrossSiteScripting_URIPATH", "UserAgent_BadBots_HEADER"}


PICTURE = Request(method="POST", path="/v1/images", body=b"\xff\xd8" * 9000)
BODY_LABELS = tuple(
    f"{CORE}{name}_Body"
    for name in ("SizeRestrictions", "CrossSiteScripting", "GenericLFI", "GenericRFI", "EC2MetaDataSSRF")
)


@pytest.mark.parametrize(
    ("kind", "request_", "status"),
    [
        ("cdn", Request(), 0),
        ("cdn", Request(method="HEAD"), 0),
        ("cdn", Request(method="OPTIONS"), 0),
        ("cdn", Request(method="POST", body=b"x"), 405),
        ("cdn", Request(method="DELETE"), 405),
        ("cdn", Request(method="get"), 405),
        ("cdn", Request(path="/" + "a" * 8191), 0),
        ("cdn", Request(path="/" + "a" * 8192), 414),
        ("load_balancer", Request(headers=FROM_CLOUDFRONT), 0),
        ("load_balancer", Request(), 403),
        ("load_balancer", Request(headers={ORIGIN_HEADER_NAME.lower(): ""}), 403),
        ("load_balancer", Request(headers=FROM_CLOUDFRONT, body=b"x"), 413),
        ("load_balancer", Request(headers=FROM_CLOUDFRONT, path="/" + "a" * 8192), 414),
        ("api", PICTURE, 0),
        *(("api", replace(PICTURE, labels=frozenset({label})), 0) for label in BODY_LABELS),
        ("api", Request(method="PUT", path="/v1/images/a/b.jpg", labels=frozenset({BODY_LABELS[0]})), 0),
        *(("api", Request(method="POST", path="/v1/uploads", labels=frozenset({label})), 403) for label in BODY_LABELS),
        ("api", Request(method="POST", path="/v1/uploads"), 0),
        ("api", Request(method="DELETE", path="/v1/images/a.jpg", labels=frozenset({BODY_LABELS[1]})), 403),
        ("api", Request(method="POST", path="/v1/images/a.jpg", labels=frozenset({BODY_LABELS[1]})), 403),
        ("api", Request(method="PUT", path="/v1/uploads", labels=frozenset({BODY_LABELS[1]})), 403),
    ],
)
def test_row_02_what_our_own_rules_answer(
    acls: Mapping[str, Mapping[str, Any]], kind: str, request_: Request, status: int
) -> None:
    """Requests of viewers, of somebody inside the VPC, and of the upload API's clients."""
    assert answer(acls[kind], request_) == status


def test_bodies_are_judged_as_text_on_all_routes_but_uploads(acls: Mapping[str, Mapping[str, Any]]) -> None:
    """The five rules on bodies count, so that a later rule can tell uploads from the rest; WAF looks at 64 KB."""
    assert {name for name in counted(acls["api"]) if name.endswith("_BODY")} == {
        label.removeprefix(CORE).replace("_Body", "_BODY") for label in BODY_LABELS
    }
    core = groups(acls["api"])["CommonRuleSet"]["Priority"]
    (own,) = (rule for rule in acls["api"]["Rules"] if rule["Name"] == "BodyOutsideUploads")
    assert own["Priority"] > core, "labels are there for the rules behind"
    assert acls["api"]["AssociationConfig"] == {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_64"}}}


def test_who_uploads_too_much_reads_a_problem(acls: Mapping[str, Mapping[str, Any]]) -> None:
    """The answer names a body that there is, in the API's form."""
    (rate,) = (rule for rule in acls["api"]["Rules"] if "RateBasedStatement" in rule["Statement"])
    bodies = acls["api"]["CustomResponseBodies"]
    body = bodies[rate["Action"]["Block"]["CustomResponse"]["CustomResponseBodyKey"]]

    assert body["ContentType"] == "APPLICATION_JSON"
    assert json.loads(body["Content"])["status"] == 429


@pytest.mark.parametrize("name", ["production", "europe", "edge"])
def test_row_02_refusals_are_written_down_without_secrets(templates: Mapping[str, Template], name: str) -> None:
    """Each web ACL logs what it blocked to a group that WAF may write to, and no header that lets anybody in."""
    template = templates[name]
    acls = template.find_resources("AWS::WAFv2::WebACL")
    configurations = template.find_resources("AWS::WAFv2::LoggingConfiguration").values()
    groups = template.find_resources("AWS::Logs::LogGroup")

    assert {entry["Properties"]["ResourceArn"]["Fn::GetAtt"][0] for entry in configurations} == set(acls)
    for entry in configurations:
        properties = entry["Properties"]
        (destination,) = properties["LogDestinationConfigs"]
        *arn, group = destination["Fn::Join"][1]
        assert arn[-1] == ":log-group:", "WAF takes the ARN without `:*`"
        group_properties = groups[group["Ref"]]["Properties"]
        assert group_properties["LogGroupName"].startswith(LOG_PREFIX)
        assert group_properties["RetentionInDays"] > 0
        redacted = {part["SingleHeader"]["Name"] for part in properties["RedactedFields"]}
        assert redacted >= {"authorization", "cookie"}
        (kept,) = properties["LoggingFilter"]["Filters"]
        assert properties["LoggingFilter"]["DefaultBehavior"] == "DROP"
        assert kept["Behavior"] == "KEEP"
        assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]


def test_row_02_with_a_canary_the_firewall_compares_the_secret(stub_packages: Path) -> None:
    """The listener's rule, which may not change then, asks for the header alone: a wrong value ends here."""
    canary = VARIANTS["canary_iam"]
    delivery = replace(canary.delivery, origin_header_generation=3)
    stack = add_stacks(App(analytics_reporting=False), replace(canary, delivery=delivery), packages=stub_packages)
    found = Template.from_stack(stack).find_resources("AWS::WAFv2::WebACL")
    (acl,) = (one["Properties"] for name, one in found.items() if name.startswith("OriginFirewall"))
    first, *_ = acl["Rules"]
    compared = first["Statement"]["NotStatement"]["Statement"]["OrStatement"]["Statements"]
    values = [json.dumps(one["ByteMatchStatement"]["SearchString"]) for one in compared]

    assert first["Action"] == {"Block": {}}
    assert {one["ByteMatchStatement"]["PositionalConstraint"] for one in compared} == {"EXACTLY"}
    assert ["OriginHeader3" in values[0], "OriginHeader2" in values[1]] == [True, True]
    assert all("{{resolve:secretsmanager:" in value for value in values)


def test_the_load_balancers_firewall_neither_knows_nor_logs_the_secret(
    templates: Mapping[str, Template], acls: Mapping[str, Mapping[str, Any]]
) -> None:
    """It asks for the header alone, and the header's value is redacted: WAF logs all headers."""
    assert "resolve:secretsmanager" not in json.dumps(acls["load_balancer"])
    templates["production"].has_resource_properties(
        "AWS::WAFv2::LoggingConfiguration",
        {
            "RedactedFields": Match.array_with([{"SingleHeader": {"Name": ORIGIN_HEADER_NAME.lower()}}]),
            "ResourceArn": {"Fn::GetAtt": [Match.string_like_regexp("^OriginFirewall"), "Arn"]},
        },
    )


def test_tokens_of_temporary_credentials_are_not_logged(templates: Mapping[str, Template]) -> None:
    """They go with requests that IAM signs."""
    templates["production"].has_resource_properties(
        "AWS::WAFv2::LoggingConfiguration",
        {
            "RedactedFields": Match.array_with([{"SingleHeader": {"Name": "x-amz-security-token"}}]),
            "ResourceArn": {"Fn::GetAtt": [Match.string_like_regexp("^ApiFirewall"), "Arn"]},
        },
    )


def test_samples_of_requests_hold_no_header_that_lets_anybody_in(acls: Mapping[str, Mapping[str, Any]]) -> None:
    """The console shows samples with all headers to whoever may look; what a log redacts is not redacted there."""
    secret = {
        "cdn": {"authorization", "cookie"},
        "load_balancer": {"authorization", "cookie", ORIGIN_HEADER_NAME.lower()},
        "api": {"authorization", "cookie", "x-amz-security-token"},
    }
    for kind in KINDS:
        (protected,) = acls[kind]["DataProtectionConfig"]["DataProtections"]
        assert protected["Action"] == "SUBSTITUTION"
        assert protected["Field"]["FieldType"] == "SINGLE_HEADER"
        assert set(protected["Field"]["FieldKeys"]) == secret[kind]
        assert not protected["ExcludeRateBasedDetails"]
        assert not protected["ExcludeRuleMatchDetails"]
