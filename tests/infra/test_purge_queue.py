"""The queue of purges: what fails comes again, what fails for good is kept and never lost (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from api.purges.purge import MOST_RECEIVES
from infra.uploads.purge_queue import MAX_RECEIVES, PurgeQueue
from scripts.synth.variants import VARIANTS
from tests.infra.api_parts import functions, statements, where
from tests.infra.template_reading import properties_by_id

DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def template() -> Template:
    """The construct alone."""
    stack = Stack(App(analytics_reporting=False), "Queues")
    PurgeQueue(stack, "Purges")
    return Template.from_stack(stack)


def _queue(template: Template, name: str) -> dict[str, Any]:
    (found,) = [queue for logical, queue in properties_by_id(template, "AWS::SQS::Queue").items() if name in logical]
    return found


def test_an_order_that_fails_five_times_is_a_dead_letter(template: Template) -> None:
    """At the fifth failure the function tells the log all that somebody needs to purge by hand."""
    redrive = _queue(template, "PurgesQueue")["RedrivePolicy"]

    assert redrive["maxReceiveCount"] == MAX_RECEIVES == MOST_RECEIVES
    assert where(redrive["deadLetterTargetArn"]) == "PurgesDeadLetters"


@pytest.mark.parametrize("name", ["PurgesQueue", "PurgesDeadLetters"])
def test_messages_are_kept_long_enough_to_be_missed_by_somebody(template: Template, name: str) -> None:
    """SQS forgets after four days unless told otherwise."""
    assert _queue(template, name)["MessageRetentionPeriod"] == 14 * DAY


def test_the_queue_is_no_fifo_queue(template: Template) -> None:
    """The second purge is delayed by itself, which only a standard queue can."""
    assert "FifoQueue" not in _queue(template, "PurgesQueue")


@pytest.mark.parametrize("name", ["PurgesQueue", "PurgesDeadLetters"])
def test_queues_are_encrypted_and_speak_tls_only(template: Template, name: str) -> None:
    """Orders name keys of originals."""
    policies = [
        policy["PolicyDocument"]["Statement"]
        for policy in properties_by_id(template, "AWS::SQS::QueuePolicy").values()
        if where(policy["Queues"]) == name
    ]

    assert _queue(template, name)["SqsManagedSseEnabled"] is True
    assert [(statement["Effect"], statement["Action"], statement["Condition"]) for (statement,) in policies] == [
        ("Deny", "sqs:*", {"Bool": {"aws:SecureTransport": "false"}})
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_row_09_purges_are_queued_repeated_and_bound_to_one_distribution(
    templates: Mapping[str, Template], variant: str
) -> None:
    """The stack's part; that server and API name one tag, and purge it twice, tests/api/test_purge.py shows."""
    template = templates[variant]
    purge = functions(template)["purge"]
    (source,) = properties_by_id(template, "AWS::Lambda::EventSourceMapping").values()
    (invalidations,) = [
        found for found in statements(template, "purge") if "cloudfront:CreateInvalidation" in found["Action"]
    ]

    assert _queue(template, "PurgesQueue")["VisibilityTimeout"] >= 6 * purge["Timeout"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] <= 1000
    assert 1 <= source["MaximumBatchingWindowInSeconds"] <= 5
    assert source["ScalingConfig"] == {"MaximumConcurrency": purge["ReservedConcurrentExecutions"]}
    assert where(source["EventSourceArn"]) == "PurgesQueue"
    assert "distribution/" in str(invalidations["Resource"])
    assert purge["Environment"]["Variables"]["BILDWERK_DISTRIBUTION_ID"]["Ref"] in str(invalidations["Resource"])
    assert int(purge["Environment"]["Variables"]["BILDWERK_PURGE_AGAIN_SECONDS"]) > 0


def test_row_09_cdn_reads_the_header_that_answers_carry(templates: Mapping[str, Template]) -> None:
    """Without it an invalidation of `#tag` finds nothing."""
    (distribution,) = properties_by_id(templates["production"], "AWS::CloudFront::Distribution").values()

    assert distribution["DistributionConfig"]["CacheTagConfig"] == {"HeaderName": "Cache-Tag"}
