"""What checks of the template find and we keep, each with its reason, written next to where the thing is made.

cdk-nag and checkov read these: the first from the construct tree, the second from the resource's metadata.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Acknowledgment, CfnResource, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Keeps cdk-nag's findings on a construct and what is in it: reasons by the rule's name."""
    Validations.of(construct).acknowledge(*(Acknowledgment(id=rule, reason=why) for rule, why in reasons.items()))


def skip_checkov(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Keeps checkov's findings on the one resource that a construct makes: reasons by the check's name."""
    skipped = [{"id": check, "comment": why} for check, why in reasons.items()]
    resource_of(construct).add_metadata("checkov", {"skip": skipped})


def ignore_lint(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Keeps cfn-lint's findings on that resource: reasons by the rule's name; cfn-lint itself reads the names only."""
    resource = resource_of(construct)
    resource.add_metadata("cfn-lint", {"config": {"ignore_checks": list(reasons)}})
    resource.add_metadata("cfn-lint-reasons", dict(reasons))


def resource_of(construct: IConstruct) -> CfnResource:
    """The one CloudFormation resource that a construct stands for.

    Raises:
        TypeError: it stands for none, or for several.
    """
    resource = construct if isinstance(construct, CfnResource) else construct.node.default_child
    if not isinstance(resource, CfnResource):
        raise TypeError(f"{construct.node.path} has no resource of its own")
    return resource
