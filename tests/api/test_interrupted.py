"""Interrupted at every step: nothing is lost, whoever asked knows, and no object is without its facts.

Where a process is killed it is `bildwerk api` itself, over a real S3 server and moto's CloudFront and SQS; a proxy
before one of them lets a call wait, or fail, or loses its answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.application import Api as Functions
from api.local.events import WatchedOriginals
from api.local.journal import Journal
from api.local.pump import Pump
from api.problems import TYPE_PREFIX, PurgeNotQueued
from api.purges.invalidations import CloudFrontBusy
from api.purges.orders import PurgeOrder
from api.purges.results import ResultsNotDeleted
from api.services import Services
from renderer.cache.opened import open_results
from renderer.cache.tags import original_tag
from renderer.settings.load import load_settings
from tests.api.fakes import BUCKET, MemoryOriginals, picture, proxied, settings
from tests.api.processes import (
    TOKEN,
    Api,
    Place,
    Proxy,
    Trouble,
    ask,
    cloud,
    eventually,
    make_place,
    place,
    proxied_to,
    put,
    running_api,
    sent_by_form,
    sha256,
    state_of,
)
from tests.api.stores import facts_for
from tests.servers.s3 import shared_s3
from tests.unit.cache.entries import key as result_key
from tests.unit.cache.entries import result

__all__ = ["cloud", "make_place", "place", "shared_s3"]

KEY = "shoes/1.png"
OLD, NEW = picture("png", shade=10), picture("png", shade=200)


@dataclass
class Scene:
    """A place whose S3 and CloudFront are behind proxies."""

    place: Place
    s3: Proxy
    cloudfront: Proxy

    @contextmanager
    def api(self, **variables: str) -> Iterator[Api]:
        """A server that asks the proxies."""
        endpoints = {"BILDWERK_S3_ENDPOINT": self.s3.url, "BILDWERK_CLOUDFRONT_ENDPOINT": self.cloudfront.url}
        with running_api(self.place, **endpoints, **variables) as api:
            yield api

    @contextmanager
    def restarted(self, **variables: str) -> Iterator[Api]:
        """The next server over the same queue, when all is well again."""
        self.s3.clear()
        self.cloudfront.clear()
        with self.api(**variables) as api:
            yield api

    def until_purged(self) -> None:
        """Waits until the CDN has dropped the original, and nothing is left to do."""
        eventually(lambda: self.place.is_purged(KEY), "the invalidation")
        eventually(lambda: self.place.waiting() == 0, "an empty queue")
        assert {tuple(items) for items in self.place.purged()} == {(f"#{self.place.store.tag(KEY)}",)}


@pytest.fixture
def scene(place: Place) -> Iterator[Scene]:
    """Without trouble yet."""
    s3, cloudfront = (urlsplit(place.variables[f"BILDWERK_{name}_ENDPOINT"]).port or 0 for name in ("S3", "CLOUDFRONT"))
    with proxied_to(s3) as before_s3, proxied_to(cloudfront) as before_cloudfront:
        yield Scene(place, before_s3, before_cloudfront)


def begun(api: Api, method: str, body: bytes | None = None) -> HTTPConnection:
    """A request whose answer nobody waits for."""
    connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "image/png"}
    connection.request(method, f"/images/{KEY}", body, headers)
    return connection


# What is asked, what is there, which call of the store waits, and what is there when the process is dead.
KILLS: dict[str, tuple[str, bool, Trouble, set[bytes]]] = {
    "before the object is written": ("PUT", False, Trouble("held", "PUT", KEY), set()),
    "after it is written and before its purge": ("PUT", False, Trouble("held after", "PUT", KEY), {NEW}),
    "before it is replaced": ("PUT", True, Trouble("held", "PUT", KEY), {OLD}),
    "after it is replaced and before its purge": ("PUT", True, Trouble("held after", "PUT", KEY), {NEW}),
    "before it is deleted": ("DELETE", True, Trouble("held", "DELETE", KEY), {OLD}),
    "after it is deleted and before its purge": ("DELETE", True, Trouble("held after", "DELETE", KEY), set()),
}


@pytest.mark.parametrize("name", KILLS)
def test_killed_while_the_store_is_asked(scene: Scene, name: str) -> None:
    """The next process purges whatever may have been changed, and the same request again is answered."""
    method, is_there, trouble, left = KILLS[name]
    if is_there:
        scene.place.store.seed(KEY, OLD)
    with scene.api() as api:
        scene.s3.trouble = trouble
        with closing(begun(api, method, NEW if method == "PUT" else None)):
            scene.s3.until_held()
            api.kill()
    assert set(scene.place.store.whole().values()) == {sha256(data) for data in left}
    assert scene.place.purged() == []

    with scene.restarted() as api:
        scene.until_purged()
        told = ask(api.port, method, f"/images/{KEY}", NEW, {"Content-Type": "image/png"})
        assert told.status == {("PUT", False): 201, ("PUT", True): 200, ("DELETE", True): 202}.get(
            (method, bool(left)), 404
        )
        scene.until_purged()
    assert set(scene.place.store.whole().values()) == ({sha256(NEW)} if method == "PUT" else set())


def fill(place: Place) -> dict[str, str]:
    """Puts three renditions of the original into a store of results; the variables that name the store."""
    variables = {"IMGPROXY_CACHE_USE": "fs", "IMGPROXY_CACHE_FS_ROOT": str(place.folder / "results")}

    async def filled() -> None:
        kept = open_results(load_settings(variables).results)
        assert kept is not None
        for number in range(3):
            kept.keep(result_key(number), result(originals=(f"s3://{place.store.bucket}/{KEY}",)))
        await kept.close(30)

    asyncio.run(filled())
    assert len(renditions(place)) == 3
    return variables


def renditions(place: Place) -> list[Path]:
    """The files of results, without what is noted of purges."""
    files = (path for path in (place.folder / "results").rglob("*") if path.is_file())
    return [path for path in files if path.parent.name == place.store.tag(KEY)]


@pytest.mark.parametrize("kind", ["held", "held after"])
def test_killed_while_the_cdn_is_asked(scene: Scene, kind: Any) -> None:
    """After the results are gone: before CloudFront has heard of it, and before we have heard that it has."""
    results = fill(scene.place)
    scene.place.store.seed(KEY, OLD)
    with scene.api(**results) as api:
        scene.cloudfront.trouble = Trouble(kind, "POST", "/invalidation")
        assert ask(api.port, "DELETE", f"/images/{KEY}").status == 202
        assert renditions(scene.place) == []
        scene.cloudfront.until_held()
        api.kill()
    assert len(scene.place.purged()) == (1 if kind == "held after" else 0)
    assert scene.place.waiting() > 0

    with scene.restarted(**results):
        scene.until_purged()


def test_killed_before_the_results_of_a_replaced_original_are_gone(scene: Scene) -> None:
    """The next process deletes them."""
    results = fill(scene.place)
    scene.place.store.seed(KEY, OLD)
    with scene.api(**results) as api:
        scene.s3.trouble = Trouble("held after", "PUT", KEY)
        with closing(begun(api, "PUT", NEW)):
            scene.s3.until_held()
            api.kill()
    assert len(renditions(scene.place)) == 3

    with scene.restarted(**results):
        scene.until_purged()
    assert renditions(scene.place) == []
    assert scene.place.store.whole() == {KEY: sha256(NEW)}


# Which call of the store is the last one, and whether the original is there then.
ARRIVALS: dict[str, tuple[Trouble, bool]] = {
    "before the file is read": (Trouble("held", "GET", "/file"), False),
    "before the original is written": (Trouble("held", "PUT", KEY), False),
    "after it is written": (Trouble("held after", "PUT", KEY), True),
    "before the file is taken away": (Trouble("held", "DELETE", "/file"), True),
}


@pytest.mark.parametrize("name", ARRIVALS)
def test_killed_while_a_large_file_is_dealt_with(scene: Scene, name: str) -> None:
    """The next process stores it, and tells so."""
    trouble, is_there = ARRIVALS[name]
    wanted = {"content_type": "image/png", "bytes": len(NEW), "key": KEY}
    with scene.api() as api:
        scene.s3.trouble = trouble
        json_type = {"Content-Type": "application/json"}
        ticket = ask(api.port, "POST", "/uploads", json.dumps(wanted).encode(), json_type).json
        assert sent_by_form(ticket, NEW) in (200, 201, 204)
        scene.s3.until_held()
        api.kill()
    assert scene.place.store.whole() == ({KEY: sha256(NEW)} if is_there else {})

    with scene.restarted() as api:
        eventually(lambda: state_of(ask(api.port, "GET", ticket["status"])) == "stored", "an original")
        eventually(lambda: scene.place.is_purged(KEY), "the invalidation")
        eventually(lambda: not awaited(scene.place), "that the file is taken away")
    assert scene.place.store.whole() == {KEY: sha256(NEW)}


def awaited(place: Place) -> list[str]:
    """Large files that are not dealt with."""
    listed = place.store.s3.list_objects_v2(Bucket=place.store.bucket, Prefix="incoming/").get("Contents", ())
    return [item["Key"] for item in listed if item["Key"].endswith("/file")]


SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>no</Message></Error>"
THROTTLED = b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>"
# What is asked, with which condition, what fails, and what the client hears; what is there afterwards; whether the
# purge comes although the client was told of a failure.
TROUBLES: dict[str, tuple[str, dict[str, str], Trouble, tuple[int, str], set[bytes], bool]] = {
    "the store does not say what is there": (
        "PUT", {}, Trouble("refused", "HEAD", KEY), (503, "store-unavailable"), {OLD}, False),
    "the store does not write": (
        "PUT", {}, Trouble("refused", "PUT", KEY), (503, "store-unavailable"), {OLD}, True),
    "the store is busy": (
        "PUT", {}, Trouble("answered", "PUT", KEY, answer=(503, SLOW_DOWN)), (503, "store-unavailable"), {OLD}, True),
    "the store writes and does not say so": (
        "PUT", {}, Trouble("lost", "PUT", KEY), (503, "store-unavailable"), {NEW}, True),
    "the store says so the second time": (
        "PUT", {}, Trouble("lost", "PUT", KEY, times=1), (200, ""), {NEW}, True),
    "the same with a condition that no longer holds": (
        "PUT", {"If-Match": "*"}, Trouble("lost", "PUT", KEY, times=1), (200, ""), {NEW}, True),
    "the store does not delete": (
        "DELETE", {}, Trouble("refused", "DELETE", KEY), (503, "store-unavailable"), {OLD}, True),
    "the store deletes and does not say so": (
        "DELETE", {}, Trouble("lost", "DELETE", KEY), (503, "store-unavailable"), set(), True),
    "the CDN throttles three times": (
        "DELETE", {}, Trouble("answered", "POST", "/invalidation", times=3, answer=(400, THROTTLED)), (202, ""), set(),
        True),
    "the CDN does not say that it does": (
        "DELETE", {}, Trouble("lost", "POST", "/invalidation", times=3), (202, ""), set(), True),
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_that_passes_loses_nothing(scene: Scene, name: str) -> None:
    """Whatever may have been changed is purged without anybody asking again, and the same request does the rest."""
    method, condition, trouble, expected, left, is_purged = TROUBLES[name]
    scene.place.store.seed(KEY, OLD)
    headers = {"Content-Type": "image/png", **condition}
    with scene.api() as api:
        (scene.cloudfront if "/invalidation" in trouble.part else scene.s3).trouble = trouble
        assert ask(api.port, method, f"/images/{KEY}", NEW, headers).outcome == expected
        assert set(scene.place.store.whole().values()) == {sha256(data) for data in left}
        if is_purged:
            scene.until_purged()
        assert scene.place.waiting() == 0
        scene.s3.clear()
        again = ask(api.port, method, f"/images/{KEY}", NEW, headers)
        assert again.status == {"PUT": 200, "DELETE": 202 if left else 404}[method]
        scene.until_purged()


def test_a_first_write_whose_answer_is_lost_is_no_conflict(scene: Scene) -> None:
    """The second try of the SDK finds its own first one, which is told from another writer's by its facts."""
    with scene.api() as api:
        scene.s3.trouble = Trouble("lost", "PUT", KEY, times=1)
        told = put(api.port, KEY, NEW, If_None_Match="*")
        assert told.outcome == (201, "")
        assert put(api.port, KEY, OLD, If_None_Match="*").outcome == (412, "precondition-failed")
        scene.until_purged()
    assert scene.place.store.whole() == {KEY: sha256(NEW)}


def test_a_queue_that_does_not_answer_is_told_and_the_same_request_queues_the_purge(place: Place) -> None:
    """With SQS as the queue: the picture is there with its facts, and the answer says that its purge is not."""
    moto = urlsplit(place.cloud.address).port or 0
    made = place.cloud.sqs.create_queue(QueueName=place.store.bucket)["QueueUrl"]
    with proxied_to(moto) as sqs:
        variables = {
            "AWS_ENDPOINT_URL_SQS": sqs.url,
            "BILDWERK_PURGE_QUEUE_URL": sqs.url + urlsplit(made).path,
        }
        for method, status, whole in (("PUT", 200, {KEY: sha256(NEW)}), ("DELETE", 404, {})):
            with running_api(place, **variables) as api:
                sqs.trouble = Trouble("refused", "POST")
                told = ask(api.port, method, f"/images/{KEY}", NEW, {"Content-Type": "image/png"})
                assert told.outcome == (503, "purge-not-queued")
                assert (told.json["key"], told.json["cache_tag"]) == (KEY, place.store.tag(KEY))
                assert told.headers["retry-after"] == "5"
                assert place.store.whole() == whole

                sqs.trouble = None
                again = ask(api.port, method, f"/images/{KEY}", NEW, {"Content-Type": "image/png"})
                assert again.status == status
                assert tags_in(place.cloud.sqs, made) >= {place.store.tag(KEY)}


def tags_in(sqs: Any, url: str) -> set[str]:
    """The tags of what SQS holds, which is then gone."""
    found = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.add(json.loads(message["Body"])["tag"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


# Steps that fail without a process that is killed: the functions, the queue and what pumps it, over stores in memory.


@dataclass
class Steps:
    """The store of results and the CDN in memory, which fail so many times and note what succeeds."""

    failures: dict[str, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def purge(self, tags: Sequence[str], *, seconds: float = 0) -> int:  # noqa: ARG002  the protocol has it
        """Deletes results."""
        if self.fails("results"):
            raise ResultsNotDeleted("it is sick", tags=frozenset(tags), deleted=0)
        return 1

    def invalidate(self, tags: Sequence[str], reference: str, *, remaining_seconds: float = 0) -> str:  # noqa: ARG002  as above
        """Invalidates."""
        if self.fails("cdn"):
            raise CloudFrontBusy("it is busy")
        return "I1"

    def fails(self, step: str) -> bool:
        left = self.failures.get(step, 0)
        self.failures[step] = max(0, left - 1)
        if not left:
            self.done.append(step)
        return left > 0


class SickQueue:
    """The journal as a queue that refuses so many batches."""

    def __init__(self, journal: Journal, steps: Steps) -> None:
        self._journal = journal
        self._steps = steps

    def send(self, orders: Sequence[PurgeOrder], *, delay_seconds: int = 0) -> Sequence[str]:
        """Queues orders."""
        if self._steps.fails("queue"):
            raise PurgeNotQueued("The queue does not answer.")
        return self._journal.send(orders, delay_seconds=delay_seconds)


@dataclass
class Machine:
    """What `bildwerk api` is made of, over stores in memory, with a pump that does not wait long."""

    originals: MemoryOriginals
    steps: Steps
    journal: Journal
    functions: Functions
    pump: Pump

    def ask(self, method: str) -> tuple[int, str]:
        """The status of an answer, and the name of its problem."""
        event = proxied(method, f"/images/{KEY}", NEW, {"Content-Type": "image/png"})
        function = self.functions.upload if method == "PUT" else self.functions.delete
        answer = function(event, None)
        told = json.loads(answer["body"])
        return answer["statusCode"], str(told.get("type", "")).removeprefix(TYPE_PREFIX)


@contextmanager
def machine(folder: Path, **failures: int) -> Iterator[Machine]:
    """The machine, with the original in its store."""
    steps, originals = Steps(failures), MemoryOriginals()
    with closing(Journal(folder / "queue.sqlite3")) as journal:
        services = Services(
            settings=settings(BILDWERK_PURGE_AGAIN_SECONDS="0"),
            originals=WatchedOriginals(originals, journal, bucket=BUCKET),
            queue=SickQueue(journal, steps),
            results=steps,
            invalidations=steps,
        )
        functions = Functions(services)
        originals.put(KEY, OLD, facts_for(OLD))
        pump = Pump(functions, journal, bucket=BUCKET, backoff=(0.01,))
        pump.start()
        try:
            yield Machine(originals, steps, journal, functions, pump)
        finally:
            assert pump.stop(20)


# What fails how many times, and what the answer says.
FAILURES: dict[str, tuple[dict[str, int], tuple[int, int]]] = {
    "nothing": ({}, (200, 202)),
    "results, before the answer": ({"results": 1}, (200, 202)),
    "results, before and behind the queue": ({"results": 4}, (200, 202)),
    "the CDN, three times": ({"cdn": 3}, (200, 202)),
    "results, then the CDN": ({"results": 3, "cdn": 2}, (200, 202)),
    "the queue, once": ({"queue": 1}, (503, 503)),
    "the queue, for the event as well": ({"queue": 3}, (503, 503)),
}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("name", FAILURES)
def test_a_step_that_fails_comes_again(tmp_path: Path, name: str, method: str) -> None:
    """The CDN is asked after the results are gone, and in the end nothing waits and nothing is given up."""
    failures, statuses = FAILURES[name]
    with machine(tmp_path, **failures) as made:
        status, problem = made.ask(method)
        assert status == statuses[method == "DELETE"]
        assert problem == ("purge-not-queued" if status == 503 else "")
        eventually(lambda: "cdn" in made.steps.done and made.journal.waiting() == 0, "the purge")
        assert made.steps.done.index("results") < made.steps.done.index("cdn")
        assert made.journal.dead() == []
        again = made.ask(method)
        assert again == ((200, "") if method == "PUT" else (404, "not-found"))
    assert set(made.originals.objects) == ({KEY} if method == "PUT" else set())


@pytest.mark.parametrize(("method", "call"), [("PUT", "head"), ("PUT", "put"), ("DELETE", "delete")])
def test_a_store_that_fails_changes_nothing(tmp_path: Path, method: str, call: str) -> None:
    """And the same request does it, when it is well again."""
    with machine(tmp_path) as made:
        made.originals.fails = {call}
        assert made.ask(method) == (503, "store-unavailable")
        assert made.originals.objects[KEY][0] == OLD
        made.originals.fails = set()
        assert made.ask(method)[0] in (200, 202)
        eventually(lambda: "cdn" in made.steps.done and made.journal.waiting() == 0, "the purge")


def test_a_queue_that_cannot_note_a_change_has_nothing_changed(tmp_path: Path) -> None:
    """A full one; what cannot be purged is not written or deleted."""
    with closing(Journal(tmp_path / "queue.sqlite3", most=0)) as journal:
        originals = MemoryOriginals()
        watched = WatchedOriginals(originals, journal, bucket=BUCKET)
        originals.put(KEY, OLD, facts_for(OLD))
        functions = Functions(Services(settings=settings(), originals=watched, queue=journal))
        for function, method in ((functions.upload, "PUT"), (functions.delete, "DELETE")):
            answer = function(proxied(method, f"/images/{KEY}", NEW, {"Content-Type": "image/png"}), None)
            assert (answer["statusCode"], "store-unavailable" in answer["body"]) == (503, True)
        assert originals.objects[KEY][0] == OLD


def test_a_purge_that_fails_for_good_is_told_loudly_and_can_be_done_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The order is a dead letter, which an error in the log names."""
    with machine(tmp_path, cdn=1000) as made:
        assert made.ask("DELETE") == (202, "")
        eventually(lambda: made.journal.waiting() == 0, "dead letters")
        dead = made.journal.dead()
        tag = original_tag(f"s3://{BUCKET}/{KEY}")
        assert {json.loads(message.body)["tag"] for message in dead} == {tag}
        assert [
            record.levelname for record in caplog.records if "dead letter" in record.message and tag in record.message
        ]
        made.steps.failures.clear()
        assert made.journal.revive() == len(dead)
        eventually(lambda: "cdn" in made.steps.done and made.journal.waiting() == 0, "the purge")
