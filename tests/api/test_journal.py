"""The durable queue, the outbox before the store, and the pump between them and the functions."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.local.events import WatchedOriginals, s3_event
from api.local.journal import MOST_RECEIVES, Journal
from api.local.pump import Pump
from api.problems import PreconditionFailed, PurgeNotQueued, StoreUnavailable
from api.purges.orders import PurgeOrder
from api.stores.facts import Facts
from api.stores.originals import Condition
from renderer.errors import ConfigurationError
from tests.api.fakes import MemoryOriginals
from tests.api.local_functions import FakeFunctions

PATIENCE_SECONDS = 20.0


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def order(number: int = 1) -> PurgeOrder:
    """An order to purge."""
    return PurgeOrder(tag=f"o-{number:032x}", source_url=f"local:///{number}.jpg", reason="deleted")


@pytest.fixture
def clock() -> Clock:
    """Stands still."""
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal"


@pytest.fixture
def journal(file: Path, clock: Clock) -> Iterator[Journal]:
    """An empty one, with a clock of its own."""
    journal = Journal(file, clock=clock)
    yield journal
    journal.close()


def tags(journal: Journal, most: int = 10) -> list[str]:
    """The tags of the orders that are due; they are hidden for a minute."""
    return [json.loads(message.body)["tag"] for message in journal.receive("purge", most, 60)]


def test_orders_come_in_their_order_and_once(journal: Journal) -> None:
    """Each has an id of its own, and is hidden once it was taken."""
    ids = journal.send([order(1), order(2), order(3)])

    assert len(set(ids)) == 3
    assert tags(journal, 2) == [order(1).tag, order(2).tag]
    assert tags(journal) == [order(3).tag]
    assert tags(journal) == []


def test_delayed_order_comes_when_it_is_due(journal: Journal, clock: Clock) -> None:
    """And the journal knows when that is."""
    journal.send([order()], delay_seconds=90)

    assert (tags(journal), journal.seconds_until_due()) == ([], 90)
    clock.now += 90
    assert journal.seconds_until_due() == 0
    assert tags(journal) == [order().tag]


def test_order_that_is_not_done_comes_again(journal: Journal, clock: Clock) -> None:
    """After it was hidden for long enough, with a higher count."""
    journal.send([order()])
    first = journal.receive("purge", 10, 60)
    clock.now += 60
    second = journal.receive("purge", 10, 60)

    assert [message.received for message in (*first, *second)] == [1, 2]
    journal.done(second)
    clock.now += 60
    assert (tags(journal), journal.seconds_until_due()) == ([], None)


def test_order_dies_of_its_last_failure(journal: Journal, clock: Clock) -> None:
    """It stays as a dead letter, until it is revived."""
    journal.send([order()])
    deaths = []
    for _ in range(MOST_RECEIVES):
        (message,) = journal.receive("purge", 10, 60)
        deaths.append(journal.failed(message, again_in_seconds=5))
        assert tags(journal) == []
        clock.now += 5

    assert deaths == [False] * (MOST_RECEIVES - 1) + [True]
    assert [json.loads(message.body)["tag"] for message in journal.dead()] == [order().tag]
    assert (journal.revive(), journal.dead(), tags(journal)) == (1, [], [order().tag])


def test_dead_letters_are_bounded(file: Path, clock: Clock) -> None:
    """The oldest are forgotten."""
    journal = Journal(file, most_dead=3, clock=clock)
    journal.send([order(number) for number in range(5)])
    for _ in range(MOST_RECEIVES):
        for message in journal.receive("purge", 10, 60):
            journal.failed(message, again_in_seconds=0)

    assert [json.loads(message.body)["tag"] for message in journal.dead()] == [order(n).tag for n in (2, 3, 4)]
    journal.close()


def test_full_queue_refuses(file: Path) -> None:
    """All of a batch or none; what is there stays, and what is done makes room."""
    journal = Journal(file, most=3)
    journal.send([order(1), order(2)])
    with pytest.raises(PurgeNotQueued):
        journal.send([order(3), order(4)])
    journal.send([order(3)])
    with pytest.raises(StoreUnavailable):
        journal.intend("{}")
    assert not journal.post("arrival", "{}", id="x")

    assert tags(journal) == [order(1).tag, order(2).tag, order(3).tag]
    journal.close()


def test_everything_outlives_its_process(file: Path, clock: Clock) -> None:
    """What was hidden for a process that is gone is there at once; what was delayed is not."""
    journal = Journal(file, clock=clock)
    journal.send([order(1)])
    journal.send([order(2)], delay_seconds=90)
    journal.receive("purge", 10, 3600)
    journal.close()
    journal = Journal(file, clock=clock)

    assert tags(journal) == [order(1).tag]
    assert journal.seconds_until_due() == 60
    journal.close()


def test_clock_that_was_put_back_puts_nothing_off(file: Path, clock: Clock) -> None:
    """For longer than any order may be delayed."""
    journal = Journal(file, clock=clock)
    journal.send([order()])
    journal.close()
    clock.now -= 1_000_000
    journal = Journal(file, clock=clock)
    clock.now += 900

    assert tags(journal) == [order().tag]
    journal.close()


def test_message_that_kills_dies_as_well(file: Path) -> None:
    """A process that is killed by an order cannot say that it failed."""
    for _ in range(MOST_RECEIVES):
        journal = Journal(file)
        journal.send([order()] if journal.waiting() == 0 else [])
        assert tags(journal) == [order().tag]
        journal.close()
    journal = Journal(file)

    assert tags(journal) == []
    assert len(journal.dead()) == 1
    journal.close()


@pytest.mark.usefixtures("journal")
def test_two_processes_do_not_share_a_file(file: Path) -> None:
    """The second is told."""
    with pytest.raises(ConfigurationError, match="another process has"):
        Journal(file)


@pytest.mark.parametrize("content", [b"no database at all, but longer than the header of one " * 4])
def test_broken_file_is_told(file: Path, content: bytes) -> None:
    """It is not overwritten; once it is out of the way, there is a new one."""
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be used as a queue"):
        Journal(file)

    assert file.read_bytes() == content
    file.unlink()
    Journal(file).close()


def test_file_of_another_version_is_told(file: Path) -> None:
    """It may hold what this one does not know."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigurationError, match="another version"):
        Journal(file)


@pytest.mark.usefixtures("journal")
def test_file_is_for_its_user_only(file: Path) -> None:
    """It holds keys."""
    assert file.stat().st_mode & 0o077 == 0


def test_many_threads_lose_nothing(file: Path) -> None:
    """Senders and receivers at the same time."""
    journal = Journal(file)
    seen: list[str] = []

    def send(start: int) -> None:
        for number in range(start, start + 25):
            journal.send([order(number)])

    def receive() -> None:
        while len(seen) < 100:
            messages = journal.receive("purge", 7, 60)
            seen.extend(json.loads(message.body)["tag"] for message in messages)
            journal.done(messages)

    threads = [threading.Thread(target=send, args=(start,)) for start in range(0, 100, 25)]
    threads += [threading.Thread(target=receive) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert sorted(seen) == sorted(order(number).tag for number in range(100))
    assert journal.waiting() == 0
    journal.close()


FACTS = Facts(format="png", width=1, height=1, frames=1, sha256="0" * 64)


def changes(journal: Journal) -> list[tuple[str, str, str]]:
    """The events that wait: name, bucket and key."""
    events = [json.loads(message.body) for message in journal.receive("change", 10, 60)]
    return [
        (record["eventName"], record["s3"]["bucket"]["name"], record["s3"]["object"]["key"])
        for event in events
        for record in event["Records"]
    ]


def test_store_sends_an_event_for_each_change(journal: Journal) -> None:
    """Keys are encoded as S3 encodes them; what changed nothing sends none."""
    originals = WatchedOriginals(MemoryOriginals(), journal, bucket="pictures")
    originals.put("a b/ü+.png", b"data", FACTS)
    with pytest.raises(PreconditionFailed):
        originals.put("a b/ü+.png", b"data", FACTS, Condition(is_absent=True))
    assert originals.delete("a b/ü+.png")
    assert not originals.delete("a b/ü+.png")

    key = "a+b/%C3%BC%2B.png"
    assert changes(journal) == [("ObjectCreated:Put", "pictures", key), ("ObjectRemoved:Delete", "pictures", key)]
    assert journal.waiting() == 2


@pytest.mark.parametrize("method", ["put", "delete"])
def test_store_that_fails_may_have_changed(journal: Journal, method: str) -> None:
    """Whoever gets no answer does not know, so there is an event."""
    originals = WatchedOriginals(MemoryOriginals(fails={method}), journal, bucket="b")
    with pytest.raises(StoreUnavailable):
        originals.put("k", b"", FACTS) if method == "put" else originals.delete("k")

    assert [key for _, _, key in changes(journal)] == ["k"]


def test_nothing_is_changed_that_cannot_be_noted(file: Path) -> None:
    """A full journal keeps the store as it is."""
    journal, store = Journal(file, most=0), MemoryOriginals()
    with pytest.raises(StoreUnavailable):
        WatchedOriginals(store, journal, bucket="b").put("k", b"", FACTS)

    assert store.objects == {}
    journal.close()


def test_intent_of_a_process_that_is_gone_becomes_an_event(file: Path) -> None:
    """As if the change had happened."""
    journal = Journal(file)
    journal.intend(json.dumps(s3_event("ObjectRemoved:Delete", bucket="b", key="k")))
    assert changes(journal) == []
    journal.close()
    journal = Journal(file)

    assert changes(journal) == [("ObjectRemoved:Delete", "b", "k")]
    journal.close()


@dataclass
class Pumped:
    """A pump over functions, and the calls as they come."""

    functions: FakeFunctions
    journal: Journal
    pump: Pump

    def until(self, holds: Callable[[], object]) -> None:
        """Waits for other threads."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.005)

    def batches(self) -> list[list[str]]:
        """The tags of each SQS event."""
        return [
            [json.loads(record["body"])["tag"] for record in event["Records"]]
            for event in self.functions.events.get("purge", ())
        ]


@pytest.fixture
def pumped(file: Path) -> Iterator[Pumped]:
    """Not started yet; what fails comes again almost at once."""
    journal, functions = Journal(file), FakeFunctions()
    functions.answers["purge"] = lambda _: {"batchItemFailures": []}
    pump = Pump(functions, journal, bucket="b", backoff=(0.01,))
    yield Pumped(functions, journal, pump)
    if pump._thread.is_alive():
        assert pump.stop(PATIENCE_SECONDS)
    journal.close()


def test_orders_are_purged_in_batches_of_ten(pumped: Pumped) -> None:
    """As events of SQS."""
    ids = pumped.journal.send([order(number) for number in range(12)])
    pumped.pump.start()
    pumped.until(lambda: pumped.journal.waiting() == 0)

    assert [len(batch) for batch in pumped.batches()] == [10, 2]
    record = pumped.functions.events["purge"][0]["Records"][0]
    assert record["messageId"] == ids[0]
    assert record["eventSource"] == "aws:sqs"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["receiptHandle"]


def test_only_what_failed_comes_again(pumped: Pumped) -> None:
    """Partial failures of a batch."""
    ids = pumped.journal.send([order(number) for number in range(3)])
    answers = [{"batchItemFailures": [{"itemIdentifier": ids[1]}]}, None]
    pumped.functions.answers["purge"] = lambda _: answers.pop(0)
    pumped.pump.start()
    pumped.until(lambda: pumped.journal.waiting() == 0)

    assert pumped.batches() == [[order(0).tag, order(1).tag, order(2).tag], [order(1).tag]]


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": ["text"]},
        RuntimeError("broken"),
    ],
)
def test_answer_that_names_nothing_fails_the_batch(
    pumped: Pumped, answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    """As SQS has it; in the end each order is a dead letter, and the log names its tag."""

    def purge(_: Mapping[str, Any]) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    pumped.functions.answers["purge"] = purge
    pumped.journal.send([order(1), order(2)])
    pumped.pump.start()
    pumped.until(lambda: len(pumped.journal.dead()) == 2)
    pumped.pump.stop(PATIENCE_SECONDS)

    tries = Counter(tag for batch in pumped.batches() for tag in batch)
    assert tries == {order(1).tag: MOST_RECEIVES, order(2).tag: MOST_RECEIVES}
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert all(any(order(number).tag in text and "dead letter" in text for text in errors) for number in (1, 2))


def test_changes_reach_their_function(pumped: Pumped) -> None:
    """And come again if it fails."""
    answers: list[Callable[[], object]] = [lambda: 1 / 0, dict]
    pumped.functions.answers["change"] = lambda _: answers.pop(0)()
    pumped.pump.start()
    WatchedOriginals(MemoryOriginals(), pumped.journal, bucket="b").put("k", b"", FACTS)
    pumped.until(lambda: len(pumped.functions.events.get("change", ())) == 2)
    pumped.until(lambda: pumped.journal.waiting() == 0)

    assert pumped.functions.events["change"][1]["Records"][0]["s3"]["object"]["key"] == "k"


def test_file_of_a_ticket_is_looked_for_until_it_is_there(pumped: Pumped) -> None:
    """Nobody sends its event; the answers that it is not there yet are no failures."""
    states = ["gone"] * (MOST_RECEIVES + 2) + ["stored"]
    pumped.functions.answers["arrival"] = lambda _: {"uploads": {"id": states.pop(0)}}
    journal = pumped.journal
    pumped.pump.announced({"id": "id", "fields": {"key": "incoming/id/file"}})
    again = journal.put_back
    journal.put_back = lambda message, *, in_seconds: again(message, in_seconds=min(in_seconds, 0.01))  # type: ignore[method-assign]  # a second each would be long
    pumped.pump.start()
    pumped.until(lambda: journal.waiting() == 0)

    assert states == []
    assert journal.dead() == []
    keys = {event["Records"][0]["s3"]["object"]["key"] for event in pumped.functions.events["arrival"]}
    assert keys == {"incoming/id/file"}


def test_file_that_never_comes_is_given_up(pumped: Pumped) -> None:
    """A while after its form has become worthless."""
    pumped.functions.answers["arrival"] = lambda _: {"uploads": {"id": "gone"}}
    pumped.pump.announced({"id": "id", "fields": {"key": "incoming/id/file"}})
    with pumped.journal._writing():
        pumped.journal._file.execute("UPDATE messages SET sent_at = sent_at - 901")
    pumped.pump.start()
    pumped.until(lambda: pumped.journal.waiting() == 0)

    assert len(pumped.functions.events["arrival"]) == 1


def test_end_does_what_is_due_and_leaves_the_rest(pumped: Pumped) -> None:
    """Delayed orders wait for the next start."""
    pumped.pump.start()
    pumped.journal.send([order(number) for number in range(30)])
    pumped.journal.send([order(99)], delay_seconds=90)

    assert pumped.pump.stop(PATIENCE_SECONDS)
    assert sum(map(len, pumped.batches())) == 30
    assert pumped.journal.waiting() == 1


def test_end_does_not_wait_for_what_hangs(pumped: Pumped) -> None:
    """The order is still there for the next start."""
    hanging, going_on = threading.Event(), threading.Event()

    def purge(_: object) -> object:
        hanging.set()
        going_on.wait(PATIENCE_SECONDS)
        return {}

    pumped.functions.answers["purge"] = purge
    pumped.journal.send([order()])
    pumped.pump.start()
    assert hanging.wait(PATIENCE_SECONDS)
    began = time.monotonic()

    assert not pumped.pump.stop(0.05)
    assert time.monotonic() - began < 2
    assert pumped.journal.waiting() == 1
    going_on.set()


def test_idle_pump_costs_nothing(pumped: Pumped) -> None:
    """It sleeps until something is due, and ends at once."""
    pumped.pump.start()
    pumped.journal.send([order()], delay_seconds=600)
    time.sleep(0.1)  # what it would do meanwhile is what is measured
    before = time.process_time()
    time.sleep(0.5)

    assert time.process_time() - before < 0.1
    began = time.monotonic()
    assert pumped.pump.stop(PATIENCE_SECONDS)
    assert time.monotonic() - began < 1
