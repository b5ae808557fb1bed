"""Deleting and looking up: the object first, then the results, then the queue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from renderer.cache.tags import original_tag
from renderer.storage.object_store import StoreError
from tests.api.fakes import BUCKET, Application, nothing_stored, picture

PNG = picture()
TYPE = {"Content-Type": "image/png"}
TAG = original_tag(f"s3://{BUCKET}/a.png")


@dataclass
class Results:
    """A store of results that counts, and may fail."""

    purged: list[str] = field(default_factory=list)
    fails: bool = False

    def purge(self, tags: Sequence[str], *, seconds: float = 20.0) -> int:  # noqa: ARG002  it takes none
        """Counts them."""
        if self.fails:
            raise StoreError("no answer")
        self.purged += tags
        return 3


def stored(**further: Any) -> Application:
    """An application with one picture, `a.png`."""
    application = Application(further=further)
    assert application.ask("PUT", "/images/a.png", PNG, headers=TYPE)[0] == 201
    application.queue.sent.clear()
    return application


def test_a_picture_is_deleted_and_its_purge_queued() -> None:
    results = Results()
    application = stored(results=results)
    results.purged.clear()
    status, told = application.ask("DELETE", "/images/a.png")

    assert (status, told) == (202, {"key": "a.png", "cache_tag": TAG, "purge": {"id": "message-0", "state": "queued"}})
    assert application.originals.objects == {}
    assert (results.purged, application.queue.tags) == ([TAG], [TAG])


def test_what_is_not_there_is_404_and_purged_all_the_same() -> None:
    """A cache may hold what somebody else has deleted, and a purge that failed is asked for again in this way."""
    application = Application()
    status, told = application.ask("DELETE", "/images/a.png")

    assert (status, told["type"]) == (404, "urn:bildwerk:problem:not-found")
    assert (told["key"], told["cache_tag"], told["purge"]["state"]) == ("a.png", TAG, "queued")
    assert application.queue.tags == [TAG]


def test_a_store_of_results_that_fails_leaves_it_to_the_queue() -> None:
    results = Results()
    application = stored(results=results)
    results.fails = True

    assert application.ask("DELETE", "/images/a.png")[0] == 202
    assert application.queue.tags == [TAG]


def test_a_store_that_fails_deletes_nothing_and_purges_nothing() -> None:
    application = stored()
    application.originals.fails = {"delete"}
    with nothing_stored(application):
        assert application.ask("DELETE", "/images/a.png")[0] == 503


def test_a_queue_that_fails_is_told_and_asking_again_queues_the_purge() -> None:
    application = stored()
    application.queue.fails = True
    status, told = application.ask("DELETE", "/images/a.png")
    application.queue.fails = False
    again = application.ask("DELETE", "/images/a.png")

    assert (status, told["type"], told["key"]) == (503, "urn:bildwerk:problem:purge-not-queued", "a.png")
    assert (again[0], application.queue.tags) == (404, [TAG])


@pytest.mark.parametrize(
    ("more", "status", "problem"),
    [
        ({"query": {"versions": "some"}}, 400, "invalid-request"),
        ({"headers": {"If-Match": '"a"'}}, 400, "invalid-request"),
        ({"token": {"token": "t", "scopes": "upload", "prefix": ""}}, 403, "forbidden-scope"),
        ({"token": {"token": "t", "scopes": "delete", "prefix": "b/"}}, 403, "forbidden-key"),
        ({"token": {"scopes": "delete"}}, 401, "unauthorized"),
    ],
)
def test_what_is_refused_deletes_nothing(more: dict[str, Any], status: int, problem: str) -> None:
    application = stored()
    with nothing_stored(application):
        answer = application.ask("DELETE", "/images/a.png", **more)

    assert (answer[0], answer[1]["type"]) == (status, f"urn:bildwerk:problem:{problem}")


def test_a_picture_is_looked_up_with_its_validator() -> None:
    application = stored()
    answer = application.answer("GET", "/images/a.png", token={"token": "reader", "scopes": "", "prefix": ""})
    head = application.answer("HEAD", "/images/a.png")

    told = json.loads(answer["body"])
    assert (answer["statusCode"], told["key"], told["width"], told["cache_tag"]) == (200, "a.png", 40, TAG)
    assert answer["headers"]["ETag"] == told["etag"] == head["headers"]["ETag"]
    assert (head["statusCode"], head["body"]) == (200, "")


def test_what_is_not_there_cannot_be_looked_up() -> None:
    application = Application()

    assert application.ask("GET", "/images/a.png")[1]["type"] == "urn:bildwerk:problem:not-found"
    assert application.answer("HEAD", "/images/a.png")["statusCode"] == 404
    assert application.answer("HEAD", "/images/a.png")["body"] == ""


def test_pages_of_allowed_origins_may_ask_and_others_may_not() -> None:
    from tests.api.fakes import settings

    application = Application(settings=settings(BILDWERK_API_ALLOW_ORIGINS="https://cms.example"))
    headers = {"Origin": "https://cms.example"}
    preflight = application.answer("OPTIONS", "/images/a.png", headers=headers)
    allowed = application.answer("GET", "/images/a.png", headers=headers)
    other = application.answer("GET", "/images/a.png", headers={"Origin": "https://evil.example"})

    assert preflight["statusCode"] == 204
    assert "PUT" in preflight["headers"]["Access-Control-Allow-Methods"]
    assert allowed["headers"]["Access-Control-Allow-Origin"] == "https://cms.example"
    assert "Access-Control-Allow-Origin" not in other["headers"]
    assert other["headers"]["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in Application().answer("GET", "/images/a.png", headers=headers)["headers"]
