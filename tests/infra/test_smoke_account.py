"""What the smoke test asks of AWS, on answers that botocore holds against AWS's own models.

The resources are those of the real templates, so a construct that is renamed fails here. That AWS answers so is what
only an account shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.smoke import account_steps, watch_steps
from infra.smoke.__main__ import STEPS
from infra.smoke.asking import Shortfall
from infra.smoke.steps import Step, run
from tests.infra.smoke_stage import NOW, ROW, Call, queries, stage_of, visit_of
from tests.infra.watched import dashboard_widgets

BY_NAME: Mapping[str, Step] = {step.name: step for step in STEPS}
FORBIDDEN = {"IsDefault": True, "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}]}
HEADED = {
    "IsDefault": False,
    "Actions": [{"Type": "forward"}],
    "Conditions": [
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Bildwerk-Origin", "Values": ["a"]}}
    ],
}
ORIGIN: dict[str, list[Call]] = {
    "elbv2": [
        ("describe_load_balancers", {"LoadBalancers": [{"Scheme": "internal", "DNSName": "internal.invalid"}]}),
        ("describe_rules", {"Rules": [HEADED, FORBIDDEN]}),
    ]
}
ALARM = {"AlarmName": "a", "StateValue": "OK", "ActionsEnabled": True, "AlarmActions": ["arn:aws:sns:x:1:t"]}
ALARMS: dict[str, list[Call]] = {
    "cloudwatch": [("describe_alarms", {"MetricAlarms": [ALARM], "CompositeAlarms": [{**ALARM, "AlarmName": "page"}]})],
    "sns": [("list_subscriptions_by_topic", {"Subscriptions": [{"SubscriptionArn": "arn:aws:sns:x:1:t:s"}]})],
}
TASK = {"lastStatus": "RUNNING", "healthStatus": "HEALTHY", "availabilityZone": "us-east-1a"}
TASKS: dict[str, list[Call]] = {
    "ecs": [
        (
            "describe_services",
            {
                "services": [
                    {
                        "runningCount": 2,
                        "desiredCount": 2,
                        "deployments": [{"rolloutState": "COMPLETED"}],
                        "deploymentConfiguration": {
                            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
                            "alarms": {"alarmNames": ["a"], "enable": True, "rollback": True},
                        },
                    }
                ]
            },
        ),
        ("list_tasks", {"taskArns": ["a", "b"]}),
        ("describe_tasks", {"tasks": [TASK, {**TASK, "availabilityZone": "us-east-1b"}]}),
    ]
}
SCALING: dict[str, list[Call]] = {
    "application-autoscaling": [
        (
            "describe_scaling_policies",
            {
                "ScalingPolicies": [
                    {
                        "PolicyARN": "arn",
                        "PolicyName": "Cpu",
                        "ServiceNamespace": "ecs",
                        "ResourceId": "service/cluster/renderer",
                        "ScalableDimension": "ecs:service:DesiredCount",
                        "PolicyType": "TargetTrackingScaling",
                        "CreationTime": NOW,
                        "Alarms": [{"AlarmName": "up", "AlarmARN": "arn"}],
                        "TargetTrackingScalingPolicyConfiguration": {
                            "TargetValue": 60.0,
                            "PredefinedMetricSpecification": {
                                "PredefinedMetricType": "ECSServiceAverageCPUUtilizationHighResolution"
                            },
                        },
                    }
                ]
            },
        )
    ],
    "cloudwatch": [
        ("describe_alarms", {"MetricAlarms": [{"AlarmName": "up", "MetricName": "CPUUtilization", "StateValue": "OK"}]})
    ],
}
SAVED = {"name": "bildwerk-production/faults", "queryString": "fields @message", "logGroupNames": ["g"]}
GOOD: Mapping[str, Mapping[str, Sequence[Call]]] = {
    "origin": ORIGIN,
    "tasks": TASKS,
    "scaling": SCALING,
    "alarms": ALARMS,
    "queries": {"logs": [("describe_query_definitions", {"queryDefinitions": [SAVED, SAVED]}), *queries([], [ROW])]},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_step_passes_on_what_aws_documents(name: str, templates: Mapping[str, Template], tmp_path: Path) -> None:
    stage = stage_of(GOOD[name], (templates["production"], "us-east-1"))
    (outcome,) = run([BY_NAME[name]], visit_of(stage, tmp_path))

    assert (outcome.state, outcome.text[:0]) == ("pass", ""), outcome.text


def changed(name: str, *path: Any, to: Any) -> Mapping[str, Sequence[Call]]:
    """The good answers of a step with one value changed; the path begins with service, number of the call, 1."""
    answers = deepcopy({service: [list(call) for call in calls] for service, calls in GOOD[name].items()})
    place: Any = answers
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = to
    return {service: [(call[0], call[1]) for call in calls] for service, calls in answers.items()}


@pytest.mark.parametrize(
    ("name", "path", "to", "sentence"),
    [
        ("origin", ("elbv2", 0, 1, "LoadBalancers", 0, "Scheme"), "internet-facing", "is internet-facing"),
        ("origin", ("elbv2", 0, 1, "LoadBalancers", 0, "DNSName"), "8.8.8.8", "has public addresses: 8.8.8.8"),
        ("origin", ("elbv2", 1, 1, "Rules"), [FORBIDDEN, {**HEADED, "Conditions": []}], "more than CloudFront"),
        ("origin", ("elbv2", 1, 1, "Rules"), [HEADED], "more than CloudFront"),
        ("tasks", ("ecs", 0, 1, "services", 0, "runningCount"), 1, "1 tasks of 2 run"),
        ("tasks", ("ecs", 0, 1, "services", 0, "deployments", 0, "rolloutState"), "FAILED", "a deployment is FAILED"),
        (
            "tasks",
            ("ecs", 0, 1, "services", 0, "deploymentConfiguration", "deploymentCircuitBreaker", "rollback"),
            False,
            "would not go back",
        ),
        ("tasks", ("ecs", 2, 1, "tasks", 1, "healthStatus"), "UNHEALTHY", "1 tasks are UNHEALTHY"),
        ("tasks", ("ecs", 2, 1, "tasks", 1, "availabilityZone"), "us-east-1a", "all tasks are in us-east-1a"),
        ("scaling", ("cloudwatch", 0, 1, "MetricAlarms", 0, "StateValue"), "INSUFFICIENT_DATA", "no CPU is seen by up"),
        ("scaling", ("application-autoscaling", 0, 1, "ScalingPolicies"), [], "what is tracked is nothing"),
        ("alarms", ("cloudwatch", 0, 1, "MetricAlarms", 0, "StateValue"), "ALARM", "a rings: see the runbook"),
        ("alarms", ("cloudwatch", 0, 1, "MetricAlarms", 0, "AlarmActions"), [], "a tells nobody"),
        (
            "queries",
            ("logs", 2, 1, "status"),
            "Failed",
            "1 of 2 saved queries fail: bildwerk-production/faults: a query",
        ),
        ("queries", ("logs", 0, 1, "queryDefinitions"), [], "there are no saved queries"),
    ],
)
def test_a_step_fails_on_what_is_not_as_it_should_be(
    name: str, path: tuple[Any, ...], to: Any, sentence: str, templates: Mapping[str, Template], tmp_path: Path
) -> None:
    stage = stage_of(changed(name, *path, to=to), (templates["production"], "us-east-1"))

    (outcome,) = run([BY_NAME[name]], visit_of(stage, tmp_path))

    assert outcome.state == "FAIL"
    assert sentence in outcome.text


def accepted(values: Mapping[str, str], **more: Any) -> Mapping[str, Sequence[Call]]:
    """What CloudFront's TestFunction answers, in the order of the step's headers."""
    calls: list[Call] = [
        (
            "describe_function",
            {
                "ETag": "e",
                "FunctionSummary": {
                    "Name": "accept",
                    "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"},
                    "FunctionMetadata": {"FunctionARN": "arn", "LastModifiedTime": NOW},
                },
            },
        )
    ]
    for value in values.values():
        output = json.dumps({"request": {"headers": {"accept": {"value": value}}}})
        result = {"FunctionOutput": output, "ComputeUtilization": "12", "FunctionErrorMessage": "", **more}
        calls.append(("test_function", {"TestResult": result}))
    return {"cloudfront": calls}


@pytest.mark.parametrize(
    ("answers", "state", "text"),
    [
        (accepted(account_steps.CANONICAL), "pass", "6 headers become 3 values, 12 % of its time"),
        (accepted(dict.fromkeys(account_steps.CANONICAL, "*/*")), "FAIL", "it makes '*/*', not 'image/avif,"),
        (accepted(account_steps.CANONICAL, ComputeUtilization="85"), "FAIL", "it takes 85 % of the time"),
        (accepted(account_steps.CANONICAL, FunctionErrorMessage="no"), "FAIL", "it fails: no"),
    ],
)
def test_the_accept_function_is_held_against_what_node_made_of_it(
    answers: Mapping[str, Sequence[Call]], state: str, text: str, templates: Mapping[str, Template], tmp_path: Path
) -> None:
    stage = stage_of(answers, (templates["production"], "us-east-1"))

    (outcome,) = run([BY_NAME["accept-function"]], visit_of(stage, tmp_path))

    assert (outcome.state, text in outcome.text) == (state, True), outcome.text


@pytest.mark.parametrize("variant", ["production", "europe"])
def test_logs_are_looked_for_where_the_stage_has_them(variant: str, templates: Mapping[str, Template]) -> None:
    """In us-east-1 what CloudFront and its firewall write, wherever the stack is; the names are the templates' own."""
    stacks = [(templates["production"], "us-east-1")]
    if variant == "europe":
        further = [(templates[name], "us-east-1") for name in ("edge", "watch")]
        stacks = [(templates["europe"], "eu-central-1"), *further]
    stage = stage_of({}, *stacks)

    viewer = stage.one(watch_steps.LOG_GROUP, "DeliveryAccessLog", "AccessLog")
    firewall = stage.one(watch_steps.LOG_GROUP, "EdgeFirewallLog")
    server = stage.one(watch_steps.LOG_GROUP, "RendererLog")

    assert (viewer.region, firewall.region, server.region) == ("us-east-1", "us-east-1", stacks[0][1])
    for kind, beginning in (
        ("AWS::SecretsManager::Secret", "SecretsSigningKey"),
        ("AWS::SecretsManager::Secret", "SecretsSigningSalt"),
        ("AWS::SecretsManager::Secret", "SecretsApiTokens"),
        (account_steps.QUEUE, "PurgesDeadLetters"),
        (account_steps.QUEUE, "FunctionsFailures"),
        (account_steps.DISTRIBUTION, "DeliveryDistribution"),
    ):
        assert stage.one(kind, beginning).region == stacks[0][1]
    with pytest.raises(Shortfall, match=re.escape("has 8 of AWS::Lambda::Function")):
        stage.one("AWS::Lambda::Function", "Functions")


@pytest.mark.parametrize("variant", ["production", "europe"])
def test_metrics_that_must_have_data_are_on_the_dashboard(variant: str, templates: Mapping[str, Template]) -> None:
    """With the region that they are in."""
    shown = watch_steps.dashboard_metrics({"widgets": dashboard_widgets(templates[variant])}, "its own")

    assert [metric for metric in watch_steps.EXPECTED if metric not in shown] == []
    assert shown["AWS/CloudFront", "Requests"][0] == "us-east-1"


def test_a_metric_without_data_fails_the_dashboard(templates: Mapping[str, Template], tmp_path: Path) -> None:
    body = {"widgets": dashboard_widgets(templates["production"])}
    full = {"Datapoints": [{"SampleCount": 1.0, "Timestamp": NOW}]}
    statistics = [full] * (len(watch_steps.EXPECTED) - 1)
    for last, state in ((full, "pass"), ({"Datapoints": []}, "FAIL")):
        calls = [("get_metric_statistics", answer) for answer in [*statistics, last]]
        answers = {"cloudwatch": [("get_dashboard", {"DashboardBody": json.dumps(body)}), *calls]}
        stage = stage_of(answers, (templates["production"], "us-east-1"))

        (outcome,) = run([BY_NAME["dashboard"]], visit_of(stage, tmp_path, patience_seconds=-1))

        assert outcome.state == state, outcome.text
    assert "has no data of Bildwerk ImagesStored" in outcome.text


DISTRIBUTION: Mapping[str, Any] = {
    "Status": "Deployed",
    "CacheTagConfig": {"HeaderName": "Cache-Tag"},
    "WebACLId": "arn",
    "VpcOriginConfig": {"VpcOriginId": "v"},
    "MinimumProtocolVersion": "TLSv1.2_2021",
}


@pytest.mark.parametrize(
    ("without", "instead", "sentence"),
    [
        ("", None, ""),
        ("Status", "InProgress", "the distribution is InProgress"),
        ("CacheTagConfig", None, "CloudFront reads cache tags from no header"),
        ("WebACLId", "", "no firewall is before"),
        ("VpcOriginConfig", None, "an origin is not inside the VPC"),
        ("MinimumProtocolVersion", "TLSv1", "the lowest TLS version is TLSv1"),
    ],
)
def test_the_distribution_is_what_the_template_asked_for(
    without: str, instead: Any, sentence: str, templates: Mapping[str, Template], tmp_path: Path
) -> None:
    told = {**DISTRIBUTION, without: instead}
    stage = stage_of({"cloudfront": [("get_distribution", distribution(told))]}, (templates["europe"], "eu-central-1"))

    (outcome,) = run([BY_NAME["distribution"]], visit_of(stage, tmp_path))

    assert (outcome.state == "FAIL", sentence in outcome.text) == (bool(sentence), True), outcome.text


def distribution(told: Mapping[str, Any]) -> dict[str, Any]:
    """GetDistribution's answer, with what it must have."""
    origin = {"Id": "o", "DomainName": "b"} | _given(told, "VpcOriginConfig")
    config = {
        "CallerReference": "c",
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "redirect-to-https"},
        "Comment": "",
        "Enabled": True,
        "Aliases": {"Quantity": 1, "Items": ["img.example.com"]},
        "ViewerCertificate": _given(told, "MinimumProtocolVersion"),
        **_given(told, "CacheTagConfig"),
        **_given(told, "WebACLId"),
    }
    made = {
        "Id": "E1",
        "ARN": "arn",
        "Status": told["Status"],
        "LastModifiedTime": NOW,
        "InProgressInvalidationBatches": 0,
        "DomainName": "d",
        "DistributionConfig": config,
    }
    return {"Distribution": made}


def _given(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: told[name]} if told[name] is not None else {}
