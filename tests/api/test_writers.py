"""Two servers over one bucket write one key at the same time: one wins or the later one stands; never a mixture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from benchmarks.load.s3 import S3Server, Versity
from tests.api.fakes import picture
from tests.api.processes import (
    Api,
    Place,
    Reply,
    ask,
    cloud,
    make_place,
    proxied_to,
    put,
    running_api,
    sha256,
)
from tests.servers.s3 import shared_s3

__all__ = ["cloud", "make_place", "shared_s3"]

ROUNDS = 20
PICTURES = [picture("png", width=200, height=150, shade=10), picture("jpg", width=64, height=48, shade=250)]


@dataclass
class Writers:
    """Two servers with a bucket in common."""

    place: Place
    apis: Sequence[Api]
    pool: ThreadPoolExecutor

    def race(self, *writes: Callable[[Api], Reply]) -> list[Reply]:
        """The answers to two requests that are sent at the same moment, each to a server of its own."""
        start = threading.Barrier(2)

        def sent(api: Api, write: Callable[[Api], Reply]) -> Reply:
            start.wait(20)
            return write(api)

        return list(self.pool.map(sent, self.apis, writes))

    def both(self, key: str, **headers: str) -> list[Reply]:
        """The answers to each of the two pictures under one key."""
        return self.race(*(lambda api, data=data: put(api.port, key, data, **headers) for data in PICTURES))

    def standing(self, key: str, replies: Sequence[Reply]) -> int:
        """Which of the two pictures stands, whole and with its own facts, as everybody tells it."""
        stored = self.place.store.digest(key)
        won = [sha256(data) for data in PICTURES].index(stored)
        told = [ask(api.port, "GET", f"/images/{key}") for api in self.apis]
        assert [reply.json["sha256"] for reply in told] == [stored, stored]
        assert [reply.json["bytes"] for reply in told] == [len(PICTURES[won])] * 2
        assert told[0].json["content_type"] == ("image/png", "image/jpeg")[won]
        # Each that was told that it has written was told of what it has written, and of the winner's tag that stands.
        for index, reply in enumerate(replies):
            assert reply.status not in (200, 201) or reply.json["sha256"] == sha256(PICTURES[index])
        assert replies[won].json["etag"] == told[0].json["etag"]
        return won


@pytest.fixture(scope="module")
def writers(make_place: Callable[[], Place], shared_s3: S3Server) -> Iterator[Writers]:
    """The two, with a queue each.

    S3 promises that each call happens at one moment. versitygw keeps that (700 races at the file system's speed broke
    nothing); moto looks at a condition first and writes then, so its calls go through one by one.
    """
    place = make_place()
    with ExitStack() as stack:
        endpoint = place.variables["BILDWERK_S3_ENDPOINT"]
        if not isinstance(shared_s3, Versity):
            endpoint = stack.enter_context(proxied_to(shared_s3.port, is_serial=True)).url
        apis = []
        for number in range(2):
            state = str(place.folder / f"queue-{number}.sqlite3")
            variables = {"BILDWERK_API_STATE": state, "BILDWERK_S3_ENDPOINT": endpoint}
            apis.append(stack.enter_context(running_api(place, **variables)))
        yield Writers(place, apis, stack.enter_context(ThreadPoolExecutor(2)))


def test_of_two_first_writes_one_wins(writers: Writers) -> None:
    """With `If-None-Match: *`: 201 and 412, never two of them."""
    for number in range(ROUNDS):
        key = f"first/{number}.png"
        replies = writers.both(key, If_None_Match="*")
        assert sorted(reply.outcome for reply in replies) == [(201, ""), (412, "precondition-failed")], number
        won = writers.standing(key, replies)
        assert replies[won].status == 201


def test_of_two_replacements_of_the_same_one_wins(writers: Writers) -> None:
    """With `If-Match` and the entity tag that both have seen: 200 and 412."""
    key = "replaced.png"
    etag = put(writers.apis[0].port, key, PICTURES[0]).json["etag"]
    for number in range(ROUNDS):
        # Content has its tag, so each round begins with a picture that neither of them writes.
        etag = put(writers.apis[number % 2].port, key, picture("png", width=30 + number)).json["etag"]
        replies = writers.both(key, If_Match=etag)
        assert sorted(reply.outcome for reply in replies) == [(200, ""), (412, "precondition-failed")], number
        assert replies[writers.standing(key, replies)].status == 200


def test_without_a_condition_the_later_one_stands(writers: Writers) -> None:
    """Of a key that is new one is told that it is, of one that is there neither."""
    for number in range(ROUNDS):
        key = f"any/{number % 10}.png"
        replies = writers.both(key)
        assert sorted(reply.status for reply in replies) == ([200, 201] if number < 10 else [200, 200]), number
        writers.standing(key, replies)
