"""Changes of a template, each by itself: functions of a template that answer in how many places they changed it."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

Template: TypeAlias = dict[str, Any]

_CLASSES: Final = {
    "ExcludePunctuation": string.punctuation,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeNumbers": string.digits,
}
_NO_METRIC: Final = {
    "Namespace": "Walk",
    "MetricName": "None",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 0,
    "EvaluationPeriods": 1,
}
SEND: Final = "sqs:SendMessage"
SEND_BATCH: Final = "sqs:SendMessageBatch"


def _of(template: Template, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def without_type(kind: str) -> Callable[[Template], int]:
    """Takes all resources of a type out, and them out of what waits for them; nothing may refer to them."""

    def make(template: Template) -> int:
        gone = [name for name, _ in _of(template, kind)]
        for name in gone:
            _remove(template, name)
        text = json.dumps(template["Resources"])
        held = [name for name in gone if f'"Ref": "{name}"' in text or f'"Fn::GetAtt": ["{name}"' in text]
        assert held == [], f"{kind} cannot be left out, something refers to {held}"
        return len(gone)

    return make


def _remove(template: Template, name: str) -> None:
    del template["Resources"][name]
    for resource in template["Resources"].values():
        waits = resource.get("DependsOn", [])
        left = [other for other in ([waits] if isinstance(waits, str) else waits) if other != name]
        resource["DependsOn"] = left
        if not left:
            del resource["DependsOn"]


def public_origin(template: Template) -> int:
    """The load balancer's own name instead of the VPC origin, with the same port and timeouts."""
    count = 0
    for _, properties in _of(template, "AWS::CloudFront::Distribution"):
        for origin in properties["DistributionConfig"]["Origins"]:
            through = origin.pop("VpcOriginConfig", None)
            if through is None:
                continue
            count += 1
            origin["CustomOriginConfig"] = {
                "HTTPPort": 80,
                "OriginProtocolPolicy": "http-only",
                **{name: through[name] for name in ("OriginReadTimeout", "OriginKeepaliveTimeout") if name in through},
            }
    return count + without_type("AWS::CloudFront::VpcOrigin")(template)


def without_tls(kind: str) -> Callable[[Template], int]:
    """Takes the statements out that refuse requests without TLS; a policy that has no others goes."""

    def make(template: Template) -> int:
        count = 0
        for name, properties in list(_of(template, kind)):
            document = properties["PolicyDocument"]
            kept = [statement for statement in document["Statement"] if not _wants_tls(statement)]
            count += len(document["Statement"]) - len(kept)
            document["Statement"] = kept
            if not kept:
                _remove(template, name)
        return count

    return make


def _wants_tls(statement: dict[str, Any]) -> bool:
    condition = statement.get("Condition", {})
    return statement["Effect"] == "Deny" and (
        "aws:SecureTransport" in str(condition) or "s3:TlsVersion" in str(condition)
    )


def told_functions(name: str, text: Callable[[dict[str, Any]], str]) -> Callable[[Template], int]:
    """Gives each function of ours a further variable of its environment."""

    def make(template: Template) -> int:
        own = [
            properties
            for _, properties in _of(template, "AWS::Lambda::Function")
            if str(properties.get("Handler", "")).startswith("api.functions.")
        ]
        for properties in own:
            properties.setdefault("Environment", {}).setdefault("Variables", {})[name] = text(properties)
        return len(own)

    return make


def _replaced(template: Template, replacement: Callable[[dict[str, Any]], Any]) -> int:
    """Puts what `replacement` answers into the place of objects anywhere in the template; None keeps them."""
    count = 0

    def written(value: Any) -> Any:
        nonlocal count
        if isinstance(value, list):
            return [written(item) for item in value]
        if not isinstance(value, dict):
            return value
        if (instead := replacement(value)) is not None:
            count += 1
            return instead
        return {name: written(item) for name, item in value.items()}

    template |= {part: written(content) for part, content in template.items()}
    return count


def secrets_arn(template: Template) -> int:
    """A secret's attribute `Id` where it is referred to; both are its ARN at AWS."""
    secrets = {name for name, _ in _of(template, "AWS::SecretsManager::Secret")}
    return _replaced(
        template,
        lambda value: {"Fn::GetAtt": [value["Ref"], "Id"]} if value.get("Ref") in secrets else None,
    )


def simple_alarms(template: Template) -> int:
    """An alarm on a metric that there is not, instead of one on an expression or on other alarms; others name it."""
    count = 0
    for resource in template["Resources"].values():
        is_expression = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
        if is_expression or resource["Type"] == "AWS::CloudWatch::CompositeAlarm":
            resource |= {"Type": "AWS::CloudWatch::Alarm", "Properties": dict(_NO_METRIC)}
            count += 1
    return count


def secrets_spelling(template: Template) -> int:
    """Secrets of containers as ECS's own API spells them."""
    count = 0
    for _, properties in _of(template, "AWS::ECS::TaskDefinition"):
        for container in properties["ContainerDefinitions"]:
            given = container.get("Secrets", [])
            container["Secrets"] = [{"name": secret["Name"], "valueFrom": secret["ValueFrom"]} for secret in given]
            count += len(given)
    return count


def excluded_characters(template: Template) -> int:
    """The classes of characters that generated secrets are without, character by character."""
    count = 0
    for _, properties in _of(template, "AWS::SecretsManager::Secret"):
        wanted = properties.get("GenerateSecretString", {})
        classes = [characters for name, characters in _CLASSES.items() if wanted.get(name)]
        if classes:
            wanted["ExcludeCharacters"] = "".join([wanted.get("ExcludeCharacters", ""), *classes])
            count += 1
    return count


def batches_too(template: Template) -> int:
    """The right to send messages in batches beside the right to send messages."""

    def with_batches(value: dict[str, Any]) -> dict[str, Any] | None:
        actions = value.get("Action")
        given = [actions] if isinstance(actions, str) else actions
        if value.get("Effect") != "Allow" or not isinstance(given, list) or SEND not in given or SEND_BATCH in given:
            return None
        return {**value, "Action": [*given, SEND_BATCH]}

    return _replaced(template, with_batches)
