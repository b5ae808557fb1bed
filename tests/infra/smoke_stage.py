"""A stage for the smoke test's AWS steps: resources of the real templates, and a SDK that answers what a test says.

botocore's own Stubber holds the answers against AWS's models, and refuses calls that were not expected.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from aws_cdk.assertions import Template
from botocore.stub import Stubber

from infra.config import CLOUDFRONT_REGION
from infra.smoke.commands import Commands
from infra.smoke.stack import Resource, Stage
from infra.smoke.visit import Visit
from scripts.demo import programs
from tests.infra.smoke_demo import Demo

Call = tuple[str, Mapping[str, Any]]
"""An operation, as the SDK calls it, and what it answers."""

ROW = [{"field": "@log", "value": "functions"}]
NOW = datetime(2026, 11, 27, tzinfo=UTC)

ARNS = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "arn:aws:elasticloadbalancing:us-east-1:111122223333:lb/1",
    "AWS::ElasticLoadBalancingV2::Listener": "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/b/1/2",
    "AWS::ECS::Service": "arn:aws:ecs:us-east-1:111122223333:service/cluster/renderer",
    "AWS::CloudFront::Function": "arn:aws:cloudfront::111122223333:function/accept",
}
"""Physical ids of types whose ids are read further."""


def resources_of(template: Template, region: str) -> list[Resource]:
    """What CloudFormation would list of a template."""
    found: Mapping[str, Mapping[str, Any]] = template.to_json()["Resources"]
    return [
        Resource(
            type=one["Type"],
            logical_id=name,
            physical_id=ARNS.get(one["Type"], f"id-of-{name}"),
            region=region,
        )
        for name, one in found.items()
    ]


def stubbed(service: str, region: str) -> tuple[Any, Stubber]:
    """A client that asks nobody, and what it is told to be answered."""
    client = boto3.client(service, region_name=region, aws_access_key_id="test", aws_secret_access_key="test")
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber


def stage_of(
    answers: Mapping[str, Sequence[Call]], *stacks: tuple[Template, str], statuses: Mapping[str, str] | None = None
) -> Stage:
    """A stage of these templates, whose services answer what they are given, in that order."""
    made: dict[str, Any] = {}

    def client(service: str, region: str) -> Any:
        if service not in made:
            made[service], stubber = stubbed(service, region)
            for operation, answer in answers[service]:
                stubber.add_response(operation, dict(answer))
        return made[service]

    return Stage(
        name="production",
        region=stacks[0][1] if stacks else CLOUDFRONT_REGION,
        client=client,
        outputs={},
        statuses=statuses or {"Bildwerk-production": "CREATE_COMPLETE"},
        resources=tuple(one for template, region in stacks for one in resources_of(template, region)),
    )


def visit_of(stage: Stage, folder: Path, *, demo: Demo | None = None, patience_seconds: float = 0.0) -> Visit:
    """A run against it; without a demonstration its addresses are none that answer."""
    nowhere = "http://127.0.0.1:9"
    secrets = {"key": "aa", "salt": "bb", "token": "none"}
    if demo is not None:
        secrets = {"key": demo.setup.key, "salt": demo.setup.salt, "token": demo.setup.token}
    commands = Commands(
        api_url=demo.setup.url("api") if demo else nowhere,
        environment=programs.inherited(os.environ, demo.setup) if demo else {},
        **secrets,
    )
    return Visit(
        pictures_url=demo.setup.url("cdn") if demo else nowhere,
        bucket="originals",
        commands=commands,
        folder=folder,
        patience_seconds=patience_seconds,
        stage=stage,
    )


def queries(*results: list[Any], status: str = "Complete") -> list[Call]:
    """What Logs Insights answers to queries in a row."""
    found: list[Call] = []
    for rows in results:
        found += [("start_query", {"queryId": "q"}), ("get_query_results", {"status": status, "results": rows})]
    return found
