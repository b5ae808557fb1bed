"""The queue of purges, and the dead letters of those that failed five times."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.findings import acknowledge, skip_checkov

MAX_RECEIVES: Final = 5
"""As `api.purges.purge` counts: it tells the log what somebody has to do by hand at the fifth failure."""

PURGE_SECONDS: Final = 60
"""The purge function's timeout: CloudFront is asked for half of it (waits of 31.5 s in all), results for the rest."""

VISIBILITY_SECONDS: Final = 6 * PURGE_SECONDS
"""Six times the function's timeout (AWS Lambda developer guide, "Using Lambda with Amazon SQS")."""


_SKIPPED: Final = {"CKV_AWS_27": "SQS encrypts with its own key (SqsManagedSseEnabled), which the check does not know"}

KEPT_DAYS: Final = 14
"""SQS's most, for what somebody has to look at."""


class PurgeQueue(Construct):
    """A standard queue: a FIFO one has no delay of single messages, and the second purge is delayed.

    Attributes:
        queue: of orders to purge.
        dead_letters: orders that are given up.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = queue_of_failures(self, "DeadLetters")
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=Duration.seconds(VISIBILITY_SECONDS),
            # Longer than any incident: an order that runs out is a picture that stays.
            retention_period=Duration.days(KEPT_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
        )
        skip_checkov(self.queue, _SKIPPED)


def queue_of_failures(scope: Construct, construct_id: str) -> sqs.Queue:
    """A queue for what failed for good; somebody reads it when its alarm rings."""
    queue = sqs.Queue(
        scope,
        construct_id,
        retention_period=Duration.days(KEPT_DAYS),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )
    acknowledge(queue, {"AwsSolutions-SQS3": "it holds what failed for good: a queue of dead letters itself"})
    skip_checkov(queue, _SKIPPED)
    return queue
