"""What the roles of a deployment may do, one right at a time, and what becomes of a step when one is taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from tests.infra.emulator.deployment import Deployment
from tests.infra.emulator.rewriting import SEND, SEND_BATCH

ROLE: Final = "AWS::IAM::Role"
_SECRET_SUFFIX: Final = r"^-[0-9A-Za-z]{6}$"
"""What Secrets Manager puts behind a secret's name in its ARN."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Right:
    """An action that a role may take on a resource.

    Attributes:
        role: its construct: `Functions/UploadRole`.
        action: `s3:PutObject`.
        on: by construct instead of physical name: `Storage/Originals/incoming/*`.
    """

    role: str
    action: str
    on: str

    def __str__(self) -> str:
        return f"{self.role} {self.action} {self.on}"


class Roles:
    """The roles of a deployment; IAM's own API gives them and changes them."""

    def __init__(self, deployment: Deployment) -> None:
        self._iam = deployment.emulator.client("iam")
        self._names = deployment.construct_names()
        self._physical = {path.removesuffix("/Resource"): physical for path, physical in deployment.of_type(ROLE)}

    def rights(self) -> set[Right]:
        """All rights of all roles."""
        return {right for role in self._physical for right in self._rights_of(role)}

    @contextmanager
    def without(self, right: Right) -> Iterator[None]:
        """Takes one right away until the block ends."""
        role = self._physical[right.role]
        before = dict(self._documents(role))
        try:
            for name, document in before.items():
                self._write(role, name, {**document, "Statement": list(self._reduced(document, right))})
            assert right not in set(self._rights_of(right.role)), f"{right} is still there"
            yield
        finally:
            for name, document in before.items():
                self._write(role, name, document)

    def _rights_of(self, role: str) -> Iterator[Right]:
        for _, document in self._documents(self._physical[role]):
            for statement in document["Statement"]:
                for action in _listed(statement["Action"]):
                    if action == SEND_BATCH:
                        continue
                    for resource in _listed(statement["Resource"]):
                        yield Right(role=role, action=action, on=self._named(resource))

    def _reduced(self, document: Mapping[str, Any], right: Right) -> Iterator[dict[str, Any]]:
        """The statements, that of the right cut into what stays."""
        gone = {right.action} | ({SEND_BATCH} if right.action == SEND else set())
        for statement in document["Statement"]:
            resources, actions = _listed(statement["Resource"]), _listed(statement["Action"])
            hit = [resource for resource in resources if self._named(resource) == right.on]
            if right.action not in actions or not hit:
                yield statement
                continue
            if left := [resource for resource in resources if resource not in hit]:
                yield {**statement, "Resource": left}
            if kept := [action for action in actions if action not in gone]:
                yield {**statement, "Action": kept, "Resource": hit}

    def _documents(self, role: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in self._iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            yield name, json.loads(unquote(document)) if isinstance(document, str) else document

    def _write(self, role: str, name: str, document: Mapping[str, Any]) -> None:
        if document["Statement"]:
            self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        else:
            self._iam.delete_role_policy(RoleName=role, PolicyName=name)

    def _named(self, arn: str) -> str:
        """The longest physical name in an ARN, and what stands before it, replaced by its construct."""
        for physical, construct in self._names:
            if physical in arn:
                return construct + re.sub(_SECRET_SUFFIX, "", arn.partition(physical)[2])
        return re.sub(r"^arn:aws:[^:]*:[^:]*:[^:]*:", "", arn)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
