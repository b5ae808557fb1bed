"""What the emulator cannot take of the template, and what is there instead: one table, each entry with its reason.

All else is created as it was synthesised. What the emulator creates but does not act on: caches and their lifetimes,
web ACLs, logs of CloudFront and API Gateway, quotas (10 MB, 6 MB, 29 s, throttling), alarms, security groups, routes,
ECS tasks, and the runtime and architecture of functions, which run on its own Python. Only AWS proves these.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.infra.emulator.code import OTHERS
from tests.infra.emulator.rewriting import (
    Template,
    batches_too,
    excluded_characters,
    public_origin,
    secrets_arn,
    secrets_spelling,
    simple_alarms,
    told_functions,
    without_tls,
    without_type,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Attributes:
        what: is changed.
        why: the emulator needs it.
        make: changes a template; answers in how many places.
    """

    what: str
    why: str
    make: Callable[[Template], int]


def for_the_emulator(template: Template) -> Template:
    """The template with all changes.

    Raises:
        AssertionError: a change finds nothing to change any more: it has to go from the table.
    """
    changed = copy.deepcopy(template)
    idle = [change.what for change in CHANGES if change.make(changed) == 0]
    assert idle == [], f"changes that the template does not need: {idle}"
    return changed


_UNKNOWN: Final = "the emulator knows no such resource"
_OVER_HTTP: Final = "the emulator speaks plain HTTP"

CHANGES: Final[tuple[Change, ...]] = (
    *(
        Change(what=f"no {kind}", why=f"{_UNKNOWN}: {loss}", make=without_type(kind))
        for kind, loss in {
            "AWS::ApplicationAutoScaling::ScalingPolicy": "nothing scales",
            "AWS::ApplicationAutoScaling::ScalableTarget": "nothing scales",
            "AWS::Budgets::Budget": "nothing costs anything",
            "AWS::CloudFront::MonitoringSubscription": "there are no metrics",
            "AWS::EC2::FlowLog": "there is no traffic in a VPC",
            "AWS::EC2::SecurityGroupIngress": "there is no traffic in a VPC",
            "AWS::EC2::SecurityGroupEgress": "there is no traffic in a VPC",
            "AWS::ECS::ClusterCapacityProviderAssociations": "there are no tasks",
            "AWS::Logs::QueryDefinition": "queries are tested against log lines",
            "AWS::Logs::Delivery": "CloudFront writes no log",
            "AWS::Logs::DeliverySource": "CloudFront writes no log",
            "AWS::Logs::DeliveryDestination": "CloudFront writes no log",
            "AWS::WAFv2::LoggingConfiguration": "no firewall acts",
            "AWS::WAFv2::WebACLAssociation": "no firewall acts",
        }.items()
    ),
    Change(
        what="CloudFront reaches the load balancer by its name", why=f"{_UNKNOWN} as a VPC origin", make=public_origin
    ),
    Change(what="buckets take requests without TLS", why=_OVER_HTTP, make=without_tls("AWS::S3::BucketPolicy")),
    Change(what="queues take requests without TLS", why=_OVER_HTTP, make=without_tls("AWS::SQS::QueuePolicy")),
    Change(
        what="alarms on expressions and on alarms are on a metric that there is not",
        why="the emulator knows no other alarms, and no alarm rings there",
        make=simple_alarms,
    ),
    Change(what="secrets by their attribute Id", why="Ref is a secret's name, not its ARN", make=secrets_arn),
    Change(
        what="generated secrets without characters instead of without classes of them",
        why="the emulator reads no more than ExcludeCharacters",
        make=excluded_characters,
    ),
    Change(
        what="sqs:SendMessageBatch beside sqs:SendMessage",
        why="AWS has no such action, sqs:SendMessage is for batches too; the emulator asks for it",
        make=batches_too,
    ),
    Change(
        what="secrets of containers as ECS's API spells them",
        why="the emulator gives them to ECS as it finds them",
        make=secrets_spelling,
    ),
    Change(
        what="functions are told their handler",
        why="the emulator does not set _HANDLER as Lambda does; by it the authorizer alone looks for tokens",
        make=told_functions("_HANDLER", lambda properties: str(properties["Handler"])),
    ),
    Change(
        what="functions find third-party packages in this environment",
        why="their archive is our own code alone (code.py)",
        make=told_functions("PYTHONPATH", lambda _: OTHERS),
    ),
)
"""All differences between what is synthesised and what the emulator gets."""
