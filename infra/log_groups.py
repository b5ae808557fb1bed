"""Log groups: each is made here, with an age, so that nothing is kept for ever by accident (checklist, row 17)."""

from __future__ import annotations

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.findings import resource_of, skip_checkov

_OWN_KEY: Final = "CloudWatch Logs encrypts every group; a key of one's own costs requests and hides nothing from us"
_SHORT: Final = "the stage says how long logs are kept; they are for operating, not for audit"


def log_group(scope: Construct, construct_id: str, *, days: int, name: str | None = None) -> logs.LogGroup:
    """A log group that forgets after so many days.

    Args:
        scope: where it belongs.
        construct_id: within the scope.
        days: one of `offers.LOG_RETENTION_DAYS`.
        name: for services that accept only some; blank lets CloudFormation choose.
    """
    group = logs.LogGroup(scope, construct_id, log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
    # The construct's own argument is an enumeration without numbers.
    resource_of(group).add_property_override("RetentionInDays", days)
    skip_checkov(group, {"CKV_AWS_158": _OWN_KEY, "CKV_AWS_338": _SHORT})
    return group
