"""Which changes of the bucket of originals call which function, by EventBridge.

S3's own notifications may not overlap, and everything overlaps with `incoming/`. A rule knows the bucket by its name,
and the bucket knows nothing of functions, so nothing is circular and no function of CDK's has to set notifications up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.uploads.function_grants import INCOMING

DELIVERY_HOURS: Final = 24
"""EventBridge's own: how long it tries to reach a function."""
DELIVERY_ATTEMPTS: Final = 185
"""Likewise."""

ARRIVED: Final[Mapping[str, Any]] = {"object": {"key": [{"wildcard": f"{INCOMING}*/file"}]}}
"""The file of a form, not what is written beside it."""

CHANGED: Final[Mapping[str, Any]] = {
    "object": {"key": [{"anything-but": {"prefix": INCOMING}}]},
    # An old version that runs out was not to be seen for 30 days. Purging it would cost two paths for nothing.
    "$or": [
        {"reason": [{"anything-but": ["Lifecycle Expiration"]}]},
        {"deletion-type": [{"anything-but": ["Permanently Deleted"]}]},
    ],
}
"""Everything that visitors may see changed."""


class BucketEvents(Construct):
    """The two rules; what cannot be delivered goes to `failures`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        arrival: lambda_.IFunction,
        change: lambda_.IFunction,
        failures: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket = bucket
        self._failures = failures
        self._rule("Arrived", ["Object Created"], ARRIVED, arrival)
        self._rule("Changed", ["Object Created", "Object Deleted"], CHANGED, change)

    def _rule(
        self, construct_id: str, kinds: list[str], detail: Mapping[str, Any], function: lambda_.IFunction
    ) -> None:
        events.Rule(
            self,
            construct_id,
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=kinds,
                detail={"bucket": {"name": [self._bucket.bucket_name]}, **detail},
            ),
            targets=[
                targets.LambdaFunction(
                    function,
                    dead_letter_queue=self._failures,
                    max_event_age=Duration.hours(DELIVERY_HOURS),
                    retry_attempts=DELIVERY_ATTEMPTS,
                )
            ],
        )
