"""The upload API's part of the stack alone, synthesised, and how a template of it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk.assertions import Template

from infra.config import ApiConfig
from infra.secrets import Secrets
from infra.storage import Storage
from infra.uploads.api_functions import ApiFunctions
from infra.uploads.purge_queue import PurgeQueue
from infra.uploads.upload_api import UploadApi
from tests.infra.template_reading import properties_by_id

DAYS = 7
REGION = "eu-central-1"


def api_template(config: ApiConfig, packages: Path, *, timeout_seconds: int = 10) -> Template:
    """The constructs, composed as `infra/stack.py` composes them, before a distribution that has nothing of ours."""
    stack = Stack(App(analytics_reporting=False), "Uploads", env=Environment(region=REGION))
    storage = Storage(stack, "Storage", retain=True, allow_origins=config.allow_origins)
    secrets = Secrets(stack, "Secrets", retain=True, origin_header_generation=1)
    origin = origins.HttpOrigin("pictures.example.com")
    functions = ApiFunctions(
        stack,
        "Functions",
        config=config,
        packages=packages,
        storage=storage,
        purges=PurgeQueue(stack, "Purges"),
        distribution=cloudfront.Distribution(stack, "Cdn", default_behavior=cloudfront.BehaviorOptions(origin=origin)),
        tokens=secrets.api_tokens,
        timeout_seconds=timeout_seconds,
        log_retention_days=DAYS,
    )
    UploadApi(stack, "Api", config=config, functions=functions, log_retention_days=DAYS)
    return Template.from_stack(stack)


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """Properties of the API's functions, by the names of their entry points."""
    return {name: found for name, (_, found) in _functions(template).items()}


def function_ids(template: Template) -> dict[str, str]:
    """Names of entry points by logical id."""
    return {logical: name for name, (logical, _) in _functions(template).items()}


def statements(template: Template, name: str) -> list[dict[str, Any]]:
    """Everything that a function's role allows, wherever it is written; actions are lists."""
    role = functions(template)[name]["Role"]["Fn::GetAtt"][0]
    documents = [policy["PolicyDocument"] for policy in properties_by_id(template, "AWS::IAM::Role")[role]["Policies"]]
    documents += [
        policy["PolicyDocument"]
        for policy in properties_by_id(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Roles"]
    ]
    return [{**found, "Action": _listed(found["Action"])} for document in documents for found in document["Statement"]]


def gateway_answers(template: Template) -> dict[str, dict[str, Any]]:
    """What API Gateway answers by itself, by its types."""
    found = properties_by_id(template, "AWS::ApiGateway::GatewayResponse").values()
    return {answer["ResponseType"]: answer for answer in found}


def where(resource: object) -> str:
    """A resource of a statement, readable: the construct that it is of, and what of it."""
    text = json.dumps(resource)
    of = re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(?!AWS::)([A-Za-z]+?)[0-9A-F]{8}"', text)
    behind = re.findall(r'"(/[a-z]*/?\*)"', text)
    return "".join([*of, *behind]) or text.strip('"')


def _functions(template: Template) -> dict[str, tuple[str, dict[str, Any]]]:
    return dict(_named(template))


def _named(template: Template) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    for logical, found in properties_by_id(template, "AWS::Lambda::Function").items():
        module, _, name = str(found.get("Handler", "")).rpartition(".")
        if module == "api.functions":
            yield name, (logical, found)


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given


def resolved(environment: Mapping[str, Any]) -> dict[str, str]:
    """Variables with the names of what they refer to instead of names that AWS makes up."""
    return {name: value if isinstance(value, str) else where(value) for name, value in environment.items()}
