"""What a deployed stage is made of, read from CloudFormation: outputs by name, resources by type and logical id.

Logical ids are the construct's path with a hash behind, so their beginnings are stable (AWS CDK guide, "Identifiers").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infra.config import CLOUDFRONT_REGION
from infra.smoke.asking import Shortfall

Client = Callable[[str, str], Any]
"""A client of a service in a region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of one of the stacks."""

    type: str
    logical_id: str
    physical_id: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage that is up.

    Attributes:
        name: `dev`, `production`.
        region: of its stack.
        client: of AWS's services.
        outputs: of the stack.
        statuses: of the stacks by their names; blank for one that is not there.
        resources: of all of them.
    """

    name: str
    region: str
    client: Client = field(repr=False)
    outputs: Mapping[str, str]
    statuses: Mapping[str, str]
    resources: tuple[Resource, ...] = field(repr=False)

    @property
    def regions(self) -> tuple[str, ...]:
        """Where its parts are, the stack's own first."""
        return tuple(dict.fromkeys((self.region, CLOUDFRONT_REGION)))

    def one(self, type: str, *beginnings: str) -> Resource:
        """The one resource of a type under one of these constructs.

        Raises:
            Shortfall: there is none, or more than one.
        """
        found = self.all(type, *beginnings)
        if len(found) != 1:
            raise Shortfall(f"the stack has {len(found)} of {type} called {' or '.join(beginnings)}, not one")
        return found[0]

    def all(self, type: str, *beginnings: str) -> list[Resource]:
        """All of a type, or those under these constructs."""
        begins = beginnings or ("",)
        return [one for one in self.resources if one.type == type and one.logical_id.startswith(begins)]


def stack_names(stage: str, region: str) -> Mapping[str, str]:
    """The stacks of a stage with their regions, the main one first (`infra/app.py`)."""
    main = f"Bildwerk-{stage}"
    if region == CLOUDFRONT_REGION:
        return {main: region}
    return {main: region, f"{main}-edge": CLOUDFRONT_REGION, f"{main}-watch": CLOUDFRONT_REGION}


def read_stage(name: str, region: str, client: Client) -> Stage:
    """The stage as CloudFormation knows it.

    Raises:
        Shortfall: there is no such stack.
    """
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # the SDK has no types

    outputs: dict[str, str] = {}
    statuses: dict[str, str] = {}
    resources: list[Resource] = []
    for stack, where in stack_names(name, region).items():
        cloudformation = client("cloudformation", where)
        try:
            (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            statuses[stack] = ""
            continue
        statuses[stack] = described["StackStatus"]
        outputs |= {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}
        resources += _resources(cloudformation, stack, where)
    main = next(iter(statuses))
    if not statuses[main]:
        raise Shortfall(f"there is no stack {main} in {region}: name the stage and the region that were deployed")
    return Stage(
        name=name, region=region, client=client, outputs=outputs, statuses=statuses, resources=tuple(resources)
    )


def _resources(cloudformation: Any, stack: str, region: str) -> list[Resource]:  # noqa: ANN401 - the SDK has no types
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return [
        Resource(
            type=one["ResourceType"],
            logical_id=one["LogicalResourceId"],
            physical_id=one.get("PhysicalResourceId", ""),
            region=region,
        )
        for page in pages
        for one in page["StackResourceSummaries"]
    ]


SECRET: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a type of CloudFormation


def read_secret(stage: Stage, beginning: str) -> str:
    """The value of one of the stage's secrets."""
    secret = stage.one(SECRET, beginning)
    client = stage.client("secretsmanager", secret.region)
    return str(client.get_secret_value(SecretId=secret.physical_id)["SecretString"])
