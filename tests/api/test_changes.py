"""What changes in the store is purged, whoever changed it and whatever it is called."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.problems import PurgeNotQueued
from api.purges.changes import change
from api.purges.sqs_queue import message_text
from renderer.cache.tags import original_tag
from tests.api.queued import ListQueue

BUCKET = "pictures"
CONTENT_KEY = f"ab/ab{'0' * 62}.jpg"


def record(key: str, name: str = "ObjectCreated:Put", bucket: str = BUCKET) -> dict[str, Any]:
    """One change, as S3's notifications write it; the key is encoded already."""
    return {"eventSource": "aws:s3", "eventName": name, "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}


def run(*records: dict[str, Any]) -> tuple[ListQueue, dict[str, Any]]:
    """What is in the queue afterwards, and the answer."""
    queue = ListQueue()
    return queue, change({"Records": list(records)}, bucket=BUCKET, queue=queue)


KEYS = [
    ("shoes/123.jpg", "shoes/123.jpg"),
    ("a+b.jpg", "a b.jpg"),
    ("a%2Bb.jpg", "a+b.jpg"),
    ("%C3%A9t%C3%A9.jpg", "été.jpg"),
    ("100%25.jpg", "100%.jpg"),
    ("100%.jpg", "100%.jpg"),
    ("a%3Fb.jpg", "a?b.jpg"),
    ("%2F%2F..%2Fx", "//../x"),
    ("%00%0A.jpg", "\x00\n.jpg"),
    ("%FF.jpg", "\udcff.jpg"),
    ("\ud800.jpg", "\udced\udca0\udc80.jpg"),
    ("e%CC%81.jpg", "e\u0301.jpg"),
]


@pytest.mark.parametrize(("encoded", "key"), KEYS)
@pytest.mark.parametrize("name", ["ObjectCreated:Put", "ObjectRemoved:Delete"])
def test_any_key_is_purged(encoded: str, key: str, name: str) -> None:
    """Under the tag that the renderer gives it, also if the API would not take it."""
    queue, answer = run(record(encoded, name))

    ((order, delay),) = queue.sent
    assert order.tag == original_tag(f"s3://{BUCKET}/{key}")
    assert (order.reason, order.is_repeat, delay) == ("changed", False, 0)
    assert answer["purges"] == [{"id": "message-0", "tag": order.tag, "source_url": order.source_url}]
    message_text(order).encode()
    json.dumps(answer, ensure_ascii=False).encode()


@given(st.binary(min_size=1, max_size=40))
def test_any_bytes_are_a_key(key: bytes) -> None:
    """Nothing raises; what is under `incoming/` or names its content is skipped."""
    queue, answer = run(record(quote_plus(key)))

    assert len(queue.sent) + answer["skipped"] == 1
    assert [order.tag for order, _ in queue.sent] in (
        [],
        [original_tag(f"s3://{BUCKET}/{key.decode('utf-8', 'surrogateescape')}")],
    )


@pytest.mark.parametrize(
    "name",
    [
        "ObjectCreated:Put",
        "ObjectCreated:Post",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "LifecycleExpiration:DeleteMarkerCreated",
        "s3:ObjectCreated:Put",
        "s3:ObjectRemoved:Delete",
    ],
)
def test_every_kind_of_change_is_purged(name: str) -> None:
    """However it came about, and however the server writes its name."""
    queue, answer = run(record("a.jpg", name))

    assert queue.tags == [original_tag(f"s3://{BUCKET}/a.jpg")]
    assert answer["unknown"] == 0


def test_an_original_that_changed_twice_is_purged_once() -> None:
    """In one event; the order is that of the event."""
    queue, answer = run(record("a.jpg"), record("b.jpg"), record("a.jpg", "ObjectRemoved:Delete"))

    assert queue.tags == [original_tag(f"s3://{BUCKET}/{key}") for key in ("a.jpg", "b.jpg")]
    assert [purge["source_url"] for purge in answer["purges"]] == [f"s3://{BUCKET}/{key}" for key in ("a.jpg", "b.jpg")]


@pytest.mark.parametrize(
    ("key", "name", "is_purged"),
    [
        ("incoming/1234", "ObjectCreated:Post", False),
        ("incoming%2F1234", "ObjectRemoved:Delete", False),
        ("incomings/1.jpg", "ObjectCreated:Put", True),
        ("incoming", "ObjectCreated:Put", True),
        (CONTENT_KEY, "ObjectCreated:Put", False),
        (CONTENT_KEY, "ObjectRemoved:Delete", True),
        (CONTENT_KEY, "LifecycleExpiration:Delete", True),
        (f"x/{CONTENT_KEY}", "ObjectCreated:Put", True),
    ],
)
def test_what_cannot_have_been_rendered_before_is_skipped(key: str, name: str, *, is_purged: bool) -> None:
    """Files on their way, and new ones whose names follow from their contents."""
    queue, answer = run(record(key, name))

    assert bool(queue.sent) is is_purged
    assert answer["skipped"] == (not is_purged)


def test_another_buckets_changes_are_all_purged() -> None:
    """Whoever has its notifications come here serves pictures from it; its keys follow other rules."""
    queue, _ = run(record("incoming/1.jpg", bucket="marks"), record(CONTENT_KEY, bucket="marks"))

    assert queue.tags == [original_tag(f"s3://marks/{key}") for key in ("incoming/1.jpg", CONTENT_KEY)]


def test_the_test_of_a_new_notification_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """S3 sends it once."""
    queue = ListQueue()
    answer = change({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}, bucket=BUCKET, queue=queue)

    assert answer == {"purges": [], "skipped": 0, "unknown": 0}
    assert not caplog.records


STRANGE: list[Any] = [
    record("a.jpg", "ObjectTagging:Put"),
    record("a.jpg", "ObjectRestore:Completed"),
    record(""),
    {"eventName": "ObjectCreated:Put"},
    {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": 7}}},
    {"eventName": "ObjectCreated:Put", "s3": "no"},
    {},
    None,
    "no",
]


@pytest.mark.parametrize("strange", STRANGE)
def test_an_unknown_record_is_logged_and_holds_nothing_up(strange: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The others of the event are purged."""
    queue, answer = run(strange, record("b.jpg"))

    assert queue.tags == [original_tag(f"s3://{BUCKET}/b.jpg")]
    assert answer["unknown"] == 1
    assert [line.levelno for line in caplog.records if line.levelno > logging.INFO] == [logging.ERROR]


@pytest.mark.parametrize("event", [{}, {"Records": None}, {"Records": {}}, {"source": "aws.ec2"}])
def test_an_unknown_event_is_logged(event: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """It cannot be purged for, now or later."""
    queue = ListQueue()
    assert change(event, bucket=BUCKET, queue=queue) == {"purges": [], "skipped": 0, "unknown": 1}
    assert "Nothing is purged" in caplog.text


@pytest.mark.parametrize(
    ("kind", "is_known"), [("Object Created", True), ("Object Deleted", True), ("Object Tags Added", False)]
)
def test_eventbridge_says_the_same(kind: str, *, is_known: bool) -> None:
    """With another envelope, and keys that are not encoded."""
    queue = ListQueue()
    detail = {"bucket": {"name": BUCKET}, "object": {"key": "a+b %25.jpg"}}
    answer = change({"source": "aws.s3", "detail-type": kind, "detail": detail}, bucket=BUCKET, queue=queue)

    assert queue.tags == ([original_tag(f"s3://{BUCKET}/a+b %25.jpg")] if is_known else [])
    assert answer["unknown"] == (not is_known)


def test_a_queue_that_fails_has_the_event_come_again() -> None:
    """Lambda repeats what raises."""
    with pytest.raises(PurgeNotQueued):
        change({"Records": [record("a.jpg")]}, bucket=BUCKET, queue=ListQueue(fails=True))


def test_a_key_of_s3s_greatest_length_is_purged() -> None:
    """1,024 bytes."""
    key = "ü" * 512
    queue, _ = run(record(quote(key)))

    assert queue.tags == [original_tag(f"s3://{BUCKET}/{key}")]
