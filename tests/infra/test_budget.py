"""What a month may cost, who hears of it, and that everything that costs carries the tags by which it is counted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from infra.monitoring.budget import Budget
from scripts.synth.variants import VARIANTS
from tests.infra.watched import texts_of

CDKS_OWN = ("CustomCrossRegionExport",)
"""Roles and functions that the CDK adds to carry values between regions; it makes them in a way that takes no tags."""


@cache
def tag_property(kind: str) -> str:
    """The property that holds the tags of a type, by CloudFormation's own schema; blank for a type that takes none."""
    if kind.startswith("Custom::"):
        return ""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    tagging = schema.get("tagging", {})
    if not tagging.get("taggable", "Tags" in schema["properties"]):
        return ""
    return str(tagging.get("tagProperty", "/properties/Tags")).removeprefix("/properties/")


def tags_of(properties: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Tags as a mapping; a template has them as one or as a list of pairs."""
    given = properties.get(name, [])
    if isinstance(given, dict):
        return given
    return {str(tag.get("Key", tag.get("key"))): tag.get("Value", tag.get("value")) for tag in given}


def test_row_25_everything_that_takes_tags_carries_application_and_stage(templates: Mapping[str, Template]) -> None:
    """By the types' own schemas; what AWS bills without them nobody can find."""
    for variant, template in templates.items():
        wanted = {"application": "bildwerk", "stage": "dev" if variant == "dev" else "production"}
        bare = {}
        for name, found in template.to_json()["Resources"].items():
            tags = tag_property(found["Type"])
            if tags and not name.startswith(CDKS_OWN) and wanted.items() - tags_of(found["Properties"], tags).items():
                bare[name] = found["Type"]
        assert bare == {}, variant


def test_row_25_types_that_take_tags_are_known() -> None:
    """The test above looks at the schemas of the installed cfn-lint; these are what would go wrong there."""
    assert tag_property("AWS::S3::Bucket") == "Tags"
    assert tag_property("AWS::Budgets::Budget") == "ResourceTags"
    assert tag_property("AWS::Logs::QueryDefinition") == ""
    assert tag_property("Custom::Anything") == ""


def test_row_25_tasks_inherit_the_tags_of_their_service(templates: Mapping[str, Template]) -> None:
    """Fargate bills tasks, not services."""
    for service in texts_of(templates["production"], "AWS::ECS::Service"):
        assert service["PropagateTags"] in {"SERVICE", "TASK_DEFINITION"}


@pytest.mark.parametrize("variant", ["dev", "production", "europe"])
def test_row_25_a_budget_warns_before_it_is_spent(templates: Mapping[str, Template], variant: str) -> None:
    """At 80 % of what was spent and at all of what is expected, of what carries application and stage."""
    (budget,) = texts_of(templates[variant], "AWS::Budgets::Budget")
    data = budget["Budget"]

    assert (data["BudgetType"], data["TimeUnit"]) == ("COST", "MONTHLY")
    assert data["BudgetLimit"] == {"Amount": VARIANTS[variant].monitoring.monthly_budget_usd, "Unit": "USD"}
    filters = {each["Tags"]["Key"]: each["Tags"]["Values"] for each in data["FilterExpression"]["And"]}
    assert filters == {"application": ["bildwerk"], "stage": ["dev" if variant == "dev" else "production"]}
    told = {
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in budget["NotificationsWithSubscribers"]
    }
    assert told == {("ACTUAL", 80), ("FORECASTED", 100)}


@pytest.mark.parametrize(("email", "kind"), [("", "SNS"), ("money@example.com", "EMAIL")])
def test_the_budget_tells_the_address_or_else_the_topic(email: str, kind: str) -> None:
    """One reader for each notification."""
    stack = Stack(App(), "Budget", env=Environment(region="us-east-1"))
    topic = sns.Topic(stack, "Topic")
    Budget(stack, "Budget", stage="dev", monthly_usd=5, email=email, topic=topic)
    template = Template.from_stack(stack)
    (budget,) = texts_of(template, "AWS::Budgets::Budget")
    (made,) = template.find_resources("AWS::SNS::Topic")

    for each in budget["NotificationsWithSubscribers"]:
        assert each["Subscribers"] == [{"SubscriptionType": kind, "Address": email or f"<Ref:{made}>"}]


def test_the_budget_is_made_when_it_may_publish(templates: Mapping[str, Template]) -> None:
    """Who is told depends on the topic's policy, not on the topic alone."""
    template = templates["production"]
    (budget,) = template.find_resources("AWS::Budgets::Budget").values()
    (policy,) = template.find_resources("AWS::SNS::TopicPolicy")

    assert policy in budget["DependsOn"]
