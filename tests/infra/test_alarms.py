"""What rings, where it rings, and what whoever is woken up reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Match, Template

from infra.config import RendererConfig, StageConfig
from infra.monitoring.alarms import PAGE, Alarm
from infra.monitoring.api_alarms import api_alarms
from infra.monitoring.delivery_alarms import delivery_alarms
from infra.monitoring.load_balancer_alarms import load_balancer_alarms
from infra.monitoring.renderer_alarms import renderer_alarms
from infra.monitoring.sources import EdgeSources, Source, Sources
from infra.monitoring.topic import BUDGETS, CLOUDWATCH, AlarmTopic
from infra.stages import development
from tests.infra.watched import alarm_metrics, alarms_of, our_metrics, texts_of, unknown

CHECKLIST = {
    "cdn-5xx-rate": ("AWS/CloudFront", "5xxErrorRate"),
    "cdn-cache-hit-rate": ("AWS/CloudFront", "CacheHitRate"),
    "cdn-origin-latency": ("AWS/CloudFront", "OriginLatency"),
    "cdn-function-errors": ("AWS/CloudFront", "FunctionExecutionErrors"),
    "cdn-firewall-blocks": ("AWS/WAFV2", "BlockedRequests"),
    "load-balancer-5xx": ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"),
    "target-5xx": ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"),
    "response-time-p95": ("AWS/ApplicationELB", "TargetResponseTime"),
    "unhealthy-tasks": ("AWS/ApplicationELB", "UnHealthyHostCount"),
    "rejected-connections": ("AWS/ApplicationELB", "RejectedConnectionCount"),
    "origin-firewall-blocks": ("AWS/WAFV2", "BlockedRequests"),
    "service-cpu": ("AWS/ECS", "CPUUtilization"),
    "service-memory": ("AWS/ECS", "MemoryUtilization"),
    "tasks-below-minimum": ("ECS/ContainerInsights", "RunningTaskCount"),
    "tasks-at-maximum": ("ECS/ContainerInsights", "RunningTaskCount"),
    "workers-utilization": ("imgproxy", "WorkersUtilization"),
    "queue-refusals": ("Bildwerk/production", "QueueRefusals"),
    **{
        f"function-{what.lower()}-{name}": ("AWS/Lambda", what)
        for what in ("Errors", "Throttles", "Duration")
        for name in ("upload", "presign", "read", "delete", "authorize", "arrival", "change", "purge")
        if (what, name) != ("Errors", "authorize")  # it refuses tokens by raising
    },
    "failed-events": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "lost-events": ("AWS/Lambda", "DestinationDeliveryFailures"),
    "purge-dead-letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "purge-age": ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    "api-4xx-rate": ("AWS/ApiGateway", "4XXError"),
    "api-5xx": ("AWS/ApiGateway", "5XXError"),
    "api-firewall-blocks": ("AWS/WAFV2", "BlockedRequests"),
    "originals-5xx": ("AWS/S3", "5xxErrors"),
}
"""Row 14 of the checklist: what is to be watched, by which metric. The budget is in test_budget.py."""


def test_row_14_everything_on_the_list_is_watched(templates: Mapping[str, Template]) -> None:
    """In the one stack of us-east-1; in Europe by two stacks together."""
    production = alarms_of(templates["production"])
    missing = [
        name
        for name, watched in CHECKLIST.items()
        if watched not in {(metric.namespace, metric.name) for metric in alarm_metrics(production.get(name, {}))}
    ]
    assert missing == []
    assert set(alarms_of(templates["europe"])) | set(alarms_of(templates["watch"])) == set(production)


def test_row_14_each_alarm_tells_a_topic_and_treats_missing_data(templates: Mapping[str, Template]) -> None:
    """When it begins and when it ends; what no data means is written down for each."""
    for variant, template in templates.items():
        topics = {f"<Ref:{name}>" for name in template.find_resources("AWS::SNS::Topic")}
        for name, alarm in alarms_of(template).items():
            assert set(alarm["AlarmActions"]) <= topics, (variant, name)
            assert alarm["AlarmActions"] == alarm["OKActions"], (variant, name)
            assert len(alarm["AlarmActions"]) == 1, (variant, name)
            is_page = "AlarmRule" in alarm
            assert is_page or alarm["TreatMissingData"] in {"breaching", "notBreaching"}, (variant, name)


def test_row_14_each_alarm_says_what_is_wrong_and_why_the_threshold_is_there(templates: Mapping[str, Template]) -> None:
    """In its description, which is what a mail shows; CloudWatch takes 1,024 characters."""
    for template in templates.values():
        for name, alarm in alarms_of(template).items():
            said = re.fullmatch(r"([A-Z].{20,}\.) Threshold: (.{20,}\.) Runbook: (\S+)", alarm["AlarmDescription"])
            assert said is not None, (name, alarm["AlarmDescription"])
            assert len(alarm["AlarmDescription"]) < 1024


def test_row_14_no_alarm_watches_a_metric_that_does_not_exist(templates: Mapping[str, Template]) -> None:
    """Such an alarm would be green for ever. Ours are held against lines that server and functions write."""
    for variant, template in templates.items():
        if variant == "edge":
            continue
        metrics = [metric for alarm in alarms_of(template).values() for metric in alarm_metrics(alarm)]
        assert metrics
        ours = our_metrics(template) if variant != "watch" else {}
        assert unknown(metrics, ours) == [], variant


def test_alarms_are_in_the_region_of_their_metrics(templates: Mapping[str, Template]) -> None:
    """CloudFront's metrics are in us-east-1; an alarm elsewhere would never have data."""
    europe = {metric.namespace for alarm in alarms_of(templates["europe"]).values() for metric in alarm_metrics(alarm)}
    watch = [metric for alarm in alarms_of(templates["watch"]).values() for metric in alarm_metrics(alarm)]

    assert "AWS/CloudFront" not in europe
    assert {metric.namespace for metric in watch} == {"AWS/CloudFront", "AWS/WAFV2"}
    assert all("Region" not in metric.dimensions for metric in watch if metric.namespace == "AWS/WAFV2")


def test_firewalls_are_watched_by_the_names_that_they_measure_under(templates: Mapping[str, Template]) -> None:
    """In Europe one of the three is in another stack than its alarm."""
    firewalls = {
        firewall["VisibilityConfig"]["MetricName"]
        for variant in ("europe", "edge")
        for firewall in texts_of(templates[variant], "AWS::WAFv2::WebACL")
    }
    watched = {
        dict(metric.values)["WebACL"]
        for variant in ("europe", "watch")
        for alarm in alarms_of(templates[variant]).values()
        for metric in alarm_metrics(alarm)
        if metric.namespace == "AWS/WAFV2"
    }

    assert len(firewalls) == 3
    assert watched == firewalls


def test_s3_counts_the_requests_that_an_alarm_watches(templates: Mapping[str, Template]) -> None:
    """S3 has request metrics for a filter of the bucket only, and the filter has no condition."""
    template = templates["production"]
    (alarm,) = alarm_metrics(alarms_of(template)["originals-5xx"])
    asked = dict(alarm.values)
    buckets = {f"<Ref:{name}>": found for name, found in template.find_resources("AWS::S3::Bucket").items()}

    counted = buckets[asked["BucketName"]]["Properties"]["MetricsConfigurations"]
    assert counted == [{"Id": asked["FilterId"]}]


def test_alarms_that_roll_a_release_back_are_told_of_too(templates: Mapping[str, Template]) -> None:
    """ECS looks at exactly alarms that mail as well."""
    template = templates["production"]
    (service,) = texts_of(template, "AWS::ECS::Service")
    rolling = service["DeploymentConfiguration"]["Alarms"]["AlarmNames"]
    named = {f"<Ref:{name}>": found for name, found in template.find_resources("AWS::CloudWatch::Alarm").items()}

    assert len(rolling) == 3
    assert all(named[name]["Properties"]["AlarmActions"] for name in rolling)


EDGE_PAGES = {"cdn-5xx-rate", "cdn-function-errors"}
PAGES = {
    "load-balancer-5xx",
    "target-5xx",
    "response-time-p95",
    "rejected-connections",
    "tasks-below-minimum",
    "queue-refusals",
    "api-5xx",
    "failed-events",
    "purge-dead-letters",
}


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("production", PAGES | EDGE_PAGES), ("europe", PAGES), ("watch", EDGE_PAGES)],
)
def test_a_pager_rings_once_for_an_incident(
    templates: Mapping[str, Template], variant: str, expected: set[str]
) -> None:
    """One alarm over those that cannot wait until morning, and over no other."""
    template = templates[variant]
    rule = alarms_of(template)[PAGE]["AlarmRule"]
    found = template.find_resources("AWS::CloudWatch::Alarm").items()
    named = {alarm["Properties"]["AlarmName"] for name, alarm in found if f'ALARM("<Fn::GetAtt:{name}Arn>")' in rule}

    assert {name.removeprefix("bildwerk-production-") for name in named} == expected
    assert rule.count(" OR ") == len(expected) - 1


def _sources() -> Sources:
    one = Source(namespace="N", dimensions={"D": "d"})
    edge = EdgeSources(distribution=one, function=one, firewall=one)
    functions = dict.fromkeys(("upload", "arrival", "change"), one)
    others = dict.fromkeys(
        set(Sources.__dataclass_fields__) - {"edge", "targets", "functions"},
        one,
    )
    return Sources(edge=edge, targets=(one,), functions=functions, **others)


def _declared(config: StageConfig) -> dict[str, Alarm]:
    sources = _sources()
    found = (
        *delivery_alarms(config, sources.edge),
        *load_balancer_alarms(config, sources),
        *renderer_alarms(config, sources),
        *api_alarms(sources, {"upload": 29.0}),
    )
    return {alarm.name: alarm for alarm in found}


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("cdn-origin-latency", 6000),
        ("response-time-p95", 4),
        ("tasks-below-minimum", 3),
        ("tasks-at-maximum", 6),
        ("cdn-firewall-blocks", 500),
        ("function-duration-upload", 23200),
    ],
)
def test_thresholds_follow_the_configuration(name: str, bound: float) -> None:
    """A longer deadline, other bounds of scaling and another rate limit move them."""
    base = development()
    config = replace(
        base,
        renderer=RendererConfig(timeout_seconds=20, scaling=replace(base.renderer.scaling, min_tasks=3, max_tasks=7)),
        delivery=replace(base.delivery, requests_per_client_per_5_minutes=500),
    )

    assert _declared(config)[name].threshold == bound


def test_names_of_alarms_are_unique() -> None:
    """One of two with the same name would replace the other."""
    sources = _sources()
    alarms = [
        *delivery_alarms(development(), sources.edge),
        *load_balancer_alarms(development(), sources),
        *renderer_alarms(development(), sources),
        *api_alarms(sources, dict.fromkeys(sources.functions, 29.0)),
    ]

    assert len({alarm.name for alarm in alarms}) == len(alarms)


def test_a_companys_own_firewall_is_not_watched() -> None:
    """Nobody here knows the names of its metrics, so an alarm on them could be green for ever."""
    one = Source(namespace="N")
    edge = EdgeSources(distribution=one, function=one, firewall=None)

    assert "cdn-firewall-blocks" not in {alarm.name for alarm in delivery_alarms(development(), edge)}


@pytest.mark.parametrize("email", ["", "night@example.com"])
def test_the_topic_is_encrypted_and_closed_to_plain_http(email: str) -> None:
    """CloudWatch and Budgets of this account may publish and use the key, nobody without TLS; mail if configured."""
    stack = Stack(App(), "Topic", env=Environment(region="eu-central-1"))
    AlarmTopic(stack, "Topic", email=email, publishers=(CLOUDWATCH, BUDGETS))
    template = Template.from_stack(stack)

    template.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": Match.any_value()})
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for service in (CLOUDWATCH, BUDGETS):
        may = {"Effect": "Allow", "Principal": {"Service": service}, "Condition": own}
        for kind, document, action in (
            ("AWS::KMS::Key", "KeyPolicy", ["kms:Decrypt", "kms:GenerateDataKey*"]),
            ("AWS::SNS::TopicPolicy", "PolicyDocument", "sns:Publish"),
        ):
            statement = Match.array_with([Match.object_like({**may, "Action": action})])
            template.has_resource_properties(kind, {document: {"Statement": statement}})
    plain = {"Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    template.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {"PolicyDocument": {"Statement": Match.array_with([Match.object_like(plain)])}},
    )
    readers = texts_of(template, "AWS::SNS::Subscription")
    assert [(reader["Protocol"], reader["Endpoint"]) for reader in readers] == ([("email", email)] if email else [])
