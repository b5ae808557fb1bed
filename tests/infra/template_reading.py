"""How tests read a synthesised template: resources by type, and text with references in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk.assertions import Template


def resources(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type by their logical ids."""
    found: Mapping[str, dict[str, Any]] = template.to_json()["Resources"]
    return {name: resource for name, resource in found.items() if resource["Type"] == kind}


def properties_by_id(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by their logical ids."""
    return {name: resource.get("Properties", {}) for name, resource in resources(template, kind).items()}


def properties(template: Template, kind: str) -> list[dict[str, Any]]:
    """The same without the ids."""
    return list(properties_by_id(template, kind).values())


def only(template: Template, kind: str) -> dict[str, Any]:
    """The properties of the one resource of a type."""
    (found,) = properties(template, kind)
    return found


def as_text(value: Any) -> str:
    """A property as text: references become the logical id that they name, in angle brackets."""
    if not isinstance(value, Mapping):
        return str(value)
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(map(as_text, argument[1]))
    name = (
        argument if isinstance(argument, str) else argument[0] if isinstance(argument, list) else json.dumps(argument)
    )
    return f"<{name}>"


def attributes(listed: list[dict[str, str]]) -> dict[str, str]:
    """What load balancers and target groups list as Key and Value."""
    return {one["Key"]: one["Value"] for one in listed}


def container(template: Template) -> dict[str, Any]:
    """The render server's container definition."""
    (found,) = only(template, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return dict(found)


def environment(template: Template) -> dict[str, str]:
    """The render server's environment."""
    return {one["Name"]: as_text(one["Value"]) for one in container(template)["Environment"]}
