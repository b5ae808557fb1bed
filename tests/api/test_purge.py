"""A batch of the purge queue: everything goes, in the right order, or comes again."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.problems import PurgeNotQueued
from api.purges.invalidations import MOST_TAGS, CloudFrontBusy, InvalidationFailed, Invalidations
from api.purges.orders import PurgeOrder
from api.purges.purge import MOST_RECEIVES, purge_batch
from api.purges.results import ResultsNotDeleted, StoredResults
from api.purges.sqs_queue import SqsQueue, message_text
from renderer.cache.opened import open_results
from renderer.settings.load import load_settings
from renderer.storage.object_store import StoreError
from tests.api.queued import aws, client, event, failed, invalidated, message, new_distribution, order, source_url, tag
from tests.unit.cache.entries import key, result


@dataclass
class World:
    """Results, CDN and queue in memory, which tell what was asked of them, and can be told to fail."""

    done: list[tuple[str, Any]] = field(default_factory=list)
    sick_results: set[str] = field(default_factory=set)
    results_error: Exception | None = None
    sick_cdn: dict[int, Exception] = field(default_factory=dict)
    sick_queue: set[str] = field(default_factory=set)
    references: list[str] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    now: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)
    given: list[tuple[str, float]] = field(default_factory=list)

    def purge(self, tags: Sequence[str], *, seconds: float = 0) -> int:
        """The store of results: five of each original."""
        self._begin("results", tags, seconds)
        if self.results_error is not None:
            raise self.results_error
        well = [each for each in tags if each not in self.sick_results]
        if len(well) < len(tags):
            raise ResultsNotDeleted("it is sick", tags=frozenset(self.sick_results & set(tags)), deleted=5 * len(well))
        return 5 * len(well)

    def invalidate(self, tags: Sequence[str], reference: str, *, remaining_seconds: float = 0) -> str:
        """The CDN."""
        self._begin("cdn", tags, remaining_seconds)
        self.references.append(reference)
        if error := self.sick_cdn.get(len(self.references)):
            raise error
        return f"I{len(self.references)}"

    def send(self, orders: Sequence[PurgeOrder], *, delay_seconds: int = 0) -> Sequence[str]:
        """The queue."""
        self._begin("queue", [each.tag for each in orders], 0)
        assert all(each.is_repeat for each in orders)
        self.delays.append(delay_seconds)
        if self.sick_queue & {each.tag for each in orders}:
            raise PurgeNotQueued("1 purge could not be queued.")
        return ["id"] * len(orders)

    def run(self, event: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The function, over all this."""
        arguments: dict[str, Any] = {"results": self, "invalidations": self, "queue": self, "again_seconds": 90}
        return purge_batch(event, **{"remaining_seconds": 60.0, "clock": lambda: self.now, **arguments, **changes})

    def steps(self, name: str) -> list[str]:
        """The tags that a step was asked for, in order."""
        return [each for step, tags in self.done if step == name for each in tags]

    def _begin(self, step: str, tags: Sequence[str], seconds: float) -> None:
        self.done.append((step, list(tags)))
        self.given.append((step, seconds))
        self.now += self.costs.get(step, 0.0)


def test_results_go_first_then_the_cdn_then_the_repeat_is_queued() -> None:
    """The CDN fills itself from the results. Two orders for one original are one purge."""
    world = World()
    answer = world.run(event([order(1), order(2), order(1)]))

    tags = sorted([tag(1), tag(2)])
    assert world.done == [("results", tags), ("cdn", tags), ("queue", tags)]
    assert world.delays == [90]
    assert answer == {
        "batchItemFailures": [],
        "invalidations": [{"id": "I1", "tags": tags}],
        "results_deleted": 10,
        "has_distribution": True,
    }


def test_a_repeat_is_purged_and_not_repeated() -> None:
    """Else purges would never end; an original that is in the batch both ways has its repeat to come."""
    world = World()
    world.run(event([order(1, is_repeat=True), order(2, is_repeat=True), order(2)]))

    assert world.steps("cdn") == sorted([tag(1), tag(2)])
    assert world.steps("queue") == [tag(2)]


def test_repeats_can_be_switched_off() -> None:
    """By a delay of 0."""
    world = World()
    assert world.run(event([order(1)]), again_seconds=0)["batchItemFailures"] == []
    assert world.steps("queue") == []


def test_without_a_distribution_results_are_purged_and_the_answer_says_so() -> None:
    """Also the repeat is queued: a render may be under way."""
    world = World()
    answer = world.run(event([order(1)]), invalidations=None)

    assert [step for step, _ in world.done] == ["results", "queue"]
    assert (answer["has_distribution"], answer["invalidations"], answer["results_deleted"]) == (False, [], 5)


def test_without_a_store_of_results_the_cdn_is_purged() -> None:
    """A server that keeps none."""
    world = World()
    answer = world.run(event([order(1)]), results=None)

    assert [step for step, _ in world.done] == ["cdn", "queue"]
    assert answer["results_deleted"] == 0


MALFORMED = [
    "",
    "purge everything",
    "[]",
    "{}",
    '{"tag": "o-1", "source_url": "s3://b/k", "reason": "stored"}',
    '{"tag": "*", "source_url": "s3://b/k", "reason": "stored"}',
    f'{{"tag": "{tag()}", "source_url": "s3://b/k", "reason": "bored"}}',
    f'{{"tag": "{tag()}\\n", "source_url": "s3://b/k", "reason": "stored"}}',
    "\x00\ud800",
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_message_that_is_no_order_fails_alone_and_loudly(body: str, caplog: pytest.LogCaptureFixture) -> None:
    """It holds nothing up, and its text, which may be anything, is in no log."""
    world = World()
    told = event([order(1)])
    told["Records"].insert(0, message("odd", body))

    answer = world.run(told)

    assert failed(answer) == ["odd"]
    assert world.steps("cdn") == [tag(1)]
    (line,) = [line for line in caplog.records if line.levelno >= logging.ERROR]
    assert "no order" in line.getMessage()
    assert line.message_id == "odd"  # type: ignore[attr-defined]  an extra
    assert not body or body not in line.getMessage()


def test_nothing_is_asked_for_a_batch_without_orders() -> None:
    """Nor is it for an empty one."""
    world = World()
    assert failed(world.run({"Records": [message("odd", "{}")]})) == ["odd"]
    assert failed(world.run({"Records": []})) == []
    assert world.done == []


def test_an_original_whose_results_stay_is_not_invalidated() -> None:
    """The CDN would fill itself with them, and the repetition, under the same reference, would drop nothing."""
    world = World(sick_results={tag(2)})
    answer = world.run(event([order(1), order(2), order(2), order(3)]))

    assert failed(answer) == ["m1", "m2"]
    assert world.steps("cdn") == world.steps("queue") == sorted([tag(1), tag(3)])
    assert answer["results_deleted"] == 10


def test_a_store_that_fails_altogether_fails_all() -> None:
    """Whatever it raises of its kind."""
    world = World(results_error=StoreError("no"))
    answer = world.run(event([order(1), order(2)]))

    assert failed(answer) == ["m0", "m1"]
    assert [step for step, _ in world.done] == ["results"]


def many(count: int) -> dict[str, Any]:
    return event([order(number) for number in range(count)])


def test_7001_originals_are_three_invalidations() -> None:
    """Of at most 3,000, every tag once."""
    world = World()
    answer = world.run(many(7001))

    assert [len(each["tags"]) for each in answer["invalidations"]] == [MOST_TAGS, MOST_TAGS, 1001]
    assert sorted(world.steps("cdn")) == sorted(tag(number) for number in range(7001))
    assert len(set(world.references)) == 3
    assert answer["batchItemFailures"] == []


def test_a_cdn_that_is_too_busy_is_left_alone() -> None:
    """What is invalidated is done with; the rest comes again."""
    world = World(sick_cdn={2: CloudFrontBusy("it is")})
    answer = world.run(many(7001))

    assert len(world.references) == 2
    assert len(answer["batchItemFailures"]) == 4001
    assert sorted(world.steps("queue")) == answer["invalidations"][0]["tags"]


def test_an_invalidation_that_is_refused_fails_alone() -> None:
    """The next may be fine."""
    world = World(sick_cdn={2: InvalidationFailed("it is wrong")})
    answer = world.run(many(7001))

    assert len(world.references) == 3
    assert len(answer["batchItemFailures"]) == MOST_TAGS


def test_a_repeat_that_is_not_queued_fails_its_order() -> None:
    """It is purged again, which does no harm; others of another group are done, and so are repeats themselves."""
    sick = sorted(tag(number) for number in range(25))[13]
    world = World(sick_queue={sick})
    orders = [order(number) for number in range(25)]
    repeat = next(each for each in orders if each.tag == sick).model_copy(update={"is_repeat": True})
    answer = world.run(event([*orders, repeat]))

    group = sorted(tag(number) for number in range(25))[10:20]
    assert failed(answer) == [f"m{number}" for number in range(25) if tag(number) in group]


def test_the_same_orders_in_another_sequence_make_the_same_invalidation() -> None:
    """A delivery that comes again is one that CloudFront knows."""
    told = many(5)
    first, second = World(), World()
    first.run(told)
    second.run({"Records": told["Records"][::-1]})

    assert first.references == second.references
    assert first.steps("cdn") == second.steps("cdn")


def test_a_later_order_for_the_same_original_makes_another_invalidation() -> None:
    """The repeat in particular: CloudFront would take it for the first one."""
    world = World()
    world.run({"Records": [message("m0", message_text(order(1)))]})
    world.run({"Records": [message("m1", message_text(order(1, is_repeat=True)))]})
    world.run({"Records": [message("m1", message_text(order(2)))]})

    assert len(set(world.references)) == 3


@pytest.mark.parametrize("remaining", [0.5, 5.0, 30.0, 60.0, 900.0])
def test_every_step_gets_a_part_of_the_time_that_is_left(remaining: float) -> None:
    """So that the answer is given before the function is timed out."""
    world = World(costs={"results": max(0.0, (remaining - 1) / 2)})
    world.run(event([order(1)]), remaining_seconds=remaining)

    given = dict(world.given)
    assert given["results"] == (remaining - 1) / 2
    assert given["cdn"] == pytest.approx(remaining - 1 - 3 - world.costs["results"])


def test_repeats_that_there_is_no_time_for_fail_their_orders() -> None:
    """Rather than the whole batch with the function."""
    world = World(costs={"cdn": 50, "queue": 5})
    answer = world.run(many(40), remaining_seconds=61)

    assert len(world.steps("queue")) == 20
    assert len(answer["batchItemFailures"]) == 20


@pytest.mark.parametrize("receives", [1, MOST_RECEIVES - 1, MOST_RECEIVES, MOST_RECEIVES + 1])
def test_the_last_failure_is_an_error_that_says_what_is_lost(receives: int, caplog: pytest.LogCaptureFixture) -> None:
    """Those before it are warnings."""
    world = World(sick_results={tag(1)})
    world.run(event([order(1)], receives))

    (line,) = [line for line in caplog.records if line.levelno >= logging.WARNING]
    assert (line.levelno >= logging.ERROR) == (receives >= MOST_RECEIVES)
    assert ("dead letters" in line.getMessage()) == (receives >= MOST_RECEIVES)


def test_an_order_that_is_given_up_can_be_done_by_hand(caplog: pytest.LogCaptureFixture) -> None:
    """The line has the tag and the original's URL; each order has a line of its own."""
    world = World(sick_results={tag(1), tag(2)})
    world.run(event([order(1), order(2)], MOST_RECEIVES))

    lines: list[Any] = [line for line in caplog.records if line.levelno >= logging.ERROR]
    assert [(line.message_id, line.tag, line.source_url) for line in lines] == [
        ("m0", tag(1), source_url(1)),
        ("m1", tag(2), source_url(2)),
    ]


def test_many_failures_of_one_kind_are_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    """With all their messages."""
    world = World(sick_cdn={1: CloudFrontBusy("it is")})
    world.run(many(1100))

    lines: list[Any] = [line for line in caplog.records if line.levelno >= logging.WARNING]
    assert [line.getMessage() for line in lines] == [
        f"{count} purges failed and come again: it is" for count in (500, 500, 100)
    ]
    assert {id for line in lines for id in line.message_ids} == {f"m{number}" for number in range(1100)}


def test_an_invalidation_can_be_followed_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """From the id in the answer of the API to the id of CloudFront's; long ones take several lines."""
    caplog.set_level(logging.INFO)
    World().run(many(1100))

    lines: list[Any] = [line for line in caplog.records if line.getMessage().startswith("Invalidation I1")]
    assert [len(line.message_ids) for line in lines] == [500, 500, 100]
    assert {id for line in lines for id in line.message_ids} == {f"m{number}" for number in range(1100)}
    assert {each for line in lines for each in line.tags} == {tag(number) for number in range(1100)}
    assert {line.invalidation for line in lines} == {"I1"}


class Crash(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("step", ["results", "cdn", "queue"])
@pytest.mark.parametrize("is_after", [False, True])
def test_a_crash_between_steps_loses_nothing(step: str, *, is_after: bool) -> None:
    """The batch comes again whole: CloudFront gets the same reference, and every step is done."""

    class Crashing(World):
        def _begin(self, name: str, tags: Sequence[str], seconds: float) -> None:
            if name == step and not is_after:
                raise Crash
            super()._begin(name, tags, seconds)
            if name == step:
                if name == "cdn":
                    self.references.append(CRASHED)
                raise Crash

    told = many(3)
    crashing, world = Crashing(), World()
    with pytest.raises(Crash):
        crashing.run(told)
    answer = world.run(told)

    assert answer["batchItemFailures"] == []
    assert [name for name, _ in world.done] == ["results", "cdn", "queue"]
    assert set(crashing.references) - {CRASHED} <= set(world.references)


CRASHED = "the crash came before the reference was noted"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """SQS and CloudFront."""
    with aws() as found:
        yield found


def received(sqs: Any, url: str) -> dict[str, Any]:
    """What Lambda would be given: all messages that can be had."""
    records: list[dict[str, Any]] = []
    while found := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    ).get("Messages"):
        for each in found:
            records.append({"messageId": each["MessageId"], "body": each["Body"], "attributes": each["Attributes"]})
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return {"Records": records}


def test_an_order_from_the_queue_purges_results_and_cdn_and_then_again(address: str, tmp_path: Path) -> None:
    """Over a queue, a CDN and a store of results: the renditions of the original are gone, those of another are not,
    the recorded invalidations name exactly the tag, and the repeat makes the second one and no third.
    """
    settings = load_settings({"IMGPROXY_CACHE_USE": "fs", "IMGPROXY_CACHE_FS_ROOT": str(tmp_path)}).results

    async def fill() -> None:
        kept = open_results(settings)
        assert kept is not None
        for number in range(4):
            kept.keep(key(number), result(originals=(source_url(number // 3),)))
        await kept.close(30)

    asyncio.run(fill())
    with (
        client("sqs", address) as sqs,
        client("cloudfront", address) as cloudfront,
        closing(StoredResults(settings)) as results,
    ):
        url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        distribution = new_distribution(cloudfront)
        queue = SqsQueue(sqs, url)
        queue.send([order(0)])

        def run(delivered: dict[str, Any]) -> dict[str, Any]:
            return purge_batch(
                delivered,
                results=results,
                invalidations=Invalidations(cloudfront, distribution),
                queue=queue,
                again_seconds=1,
                remaining_seconds=60,
            )

        first = run(received(sqs, url))
        assert first["results_deleted"] == 3
        left = {file.parent.name for file in (tmp_path / "results").rglob("*") if file.is_file()}
        assert left == {tag(1)}

        repeat: dict[str, Any] = {"Records": []}
        while not repeat["Records"]:
            repeat = received(sqs, url)
        second = run(repeat)
        assert received(sqs, url)["Records"] == []

        recorded = invalidated(cloudfront, distribution)
        assert {id: items for id, (_, items) in recorded.items()} == {
            each["invalidations"][0]["id"]: [f"#{tag(0)}"] for each in (first, second)
        }
        assert len({reference for reference, _ in recorded.values()}) == 2
