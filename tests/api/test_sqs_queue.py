"""Orders get into SQS, all of them or with a word about those that do not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from api.problems import PurgeNotQueued
from api.purges.orders import PurgeOrder
from api.purges.sqs_queue import SqsQueue
from tests.api.queued import aws, client, order, tag


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    """A client of a real queue service."""
    with aws() as address, client("sqs", address) as made:
        yield made


@pytest.fixture
def url(sqs: Any) -> str:
    """An empty queue."""
    return str(sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"])


def received(sqs: Any, url: str) -> dict[str, PurgeOrder]:
    """The orders in a queue by the ids of their messages."""
    found: dict[str, PurgeOrder] = {}
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found |= {each["MessageId"]: PurgeOrder.model_validate_json(each["Body"]) for each in messages}
    return found


@pytest.mark.parametrize("count", [0, 1, 10, 23])
def test_every_order_arrives_and_its_id_is_its_messages(sqs: Any, url: str, count: int) -> None:
    """Whatever the number; the ids come in the order of the orders."""
    ids = SqsQueue(sqs, url).send([order(number) for number in range(count)])

    there = received(sqs, url)
    assert [there[id].tag for id in ids] == [tag(number) for number in range(count)]
    assert len(there) == count


def test_a_delayed_order_is_there_and_cannot_be_had_yet(sqs: Any, url: str) -> None:
    """The repeat of a purge waits in the queue, not in a process."""
    SqsQueue(sqs, url).send([order(is_repeat=True)], delay_seconds=900)

    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesDelayed"] == "1"
    assert received(sqs, url) == {}


def test_names_of_any_characters_arrive(sqs: Any, url: str) -> None:
    """SQS itself takes no U+FFFE, and no control characters."""
    strange = order().model_copy(update={"source_url": "s3://b/\x00\x07\ufffe\uffff\U0001f600ü"})
    (id,) = SqsQueue(sqs, url).send([strange])

    assert received(sqs, url)[id] == strange


class RefusingSqs:
    """Takes what it is told to; the rest has failed, as one message of ten can."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.calls: list[list[str]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803, ARG002  the SDK's names
        """The answer to a batch."""
        tags = {each["Id"]: json.loads(each["MessageBody"])["tag"] for each in Entries}
        self.calls.append(list(tags.values()))
        return {
            "Successful": [{"Id": id, "MessageId": f"of-{tag}"} for id, tag in tags.items() if tag in self.taken],
            "Failed": [{"Id": id, "Code": "InternalError"} for id, tag in tags.items() if tag not in self.taken],
        }


def test_a_refused_order_is_an_error_and_the_others_are_queued(caplog: pytest.LogCaptureFixture) -> None:
    """Also those of the batches after it."""
    refusing = RefusingSqs({tag(number) for number in range(25) if number not in {3, 12}})

    with pytest.raises(PurgeNotQueued, match="2 of 25 purges could not be queued"):
        SqsQueue(refusing, "queue").send([order(number) for number in range(25)])

    assert [len(call) for call in refusing.calls] == [10, 10, 5]
    assert "SQS did not take 1 of 10 purges: InternalError" in caplog.text


class BrokenSqs:
    """Answers a number of times, then only throws."""

    def __init__(self, error: Exception, good: int = 0) -> None:
        self.error = error
        self.good = good
        self.calls = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803, ARG002  the SDK's names
        """The answer to a batch."""
        self.calls += 1
        if self.calls > self.good:
            raise self.error
        return {"Successful": [{"Id": each["Id"], "MessageId": each["Id"]} for each in Entries]}


DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch")
UNREACHABLE = EndpointConnectionError(endpoint_url="http://10.0.0.7:4566/secret")


@pytest.mark.parametrize("error", [DENIED, UNREACHABLE])
def test_a_queue_that_fails_is_asked_no_more(error: Exception) -> None:
    """The caller is told how much is missing, and nothing of where the queue is."""
    broken = BrokenSqs(error, good=1)

    with pytest.raises(PurgeNotQueued) as raised:
        SqsQueue(broken, "http://10.0.0.7:4566/queue").send([order(number) for number in range(40)])

    assert raised.value.detail == "30 of 40 purges could not be queued."
    assert broken.calls == 2
