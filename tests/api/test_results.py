"""Stored results of originals are deleted, in a folder and in S3, from whatever thread asks."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.purges.results import ResultsNotDeleted, StoredResults
from benchmarks.load.s3 import S3Server, writer
from renderer.cache.opened import open_results
from renderer.cache.tags import original_tag
from renderer.settings.load import load_settings
from renderer.settings.results import ResultSettings
from tests.api.queued import source_url, tag
from tests.servers.s3 import aws_credentials, own_s3, shared_s3
from tests.unit.cache.entries import key, result

__all__ = ["aws_credentials", "own_s3", "shared_s3"]

RENDITIONS = 3


def settings_of(**variables: str) -> ResultSettings:
    """The settings that servers and the API have in common."""
    return load_settings(variables).results


def fill(settings: ResultSettings, originals: int) -> None:
    """Some renditions of each original, written as a server writes them."""

    async def write() -> None:
        results = open_results(settings)
        assert results is not None
        for number in range(originals * RENDITIONS):
            results.keep(key(number), result(originals=(source_url(number // RENDITIONS),)))
        await results.close(30)

    asyncio.run(write())


def stored(root: Path) -> list[str]:
    """The tags of the results in a folder."""
    return sorted(file.parent.name for file in (root / "results").rglob("*") if file.is_file())


def has_loop() -> bool:
    """Whether an event loop of stored results is running."""
    return "stored results" in {thread.name for thread in threading.enumerate()}


@pytest.fixture
def folder(tmp_path: Path) -> ResultSettings:
    """A store in a folder."""
    return settings_of(IMGPROXY_CACHE_USE="fs", IMGPROXY_CACHE_FS_ROOT=str(tmp_path))


@pytest.fixture
def s3_client(shared_s3: S3Server) -> Iterator[Any]:
    """Looks into the S3 server."""
    with closing(writer(shared_s3)) as client:
        yield client


def in_bucket(server: S3Server, bucket: str) -> ResultSettings:
    """A store in a bucket."""
    return settings_of(
        IMGPROXY_CACHE_USE="s3",
        IMGPROXY_CACHE_BUCKET=bucket,
        IMGPROXY_CACHE_S3_REGION="us-east-1",
        IMGPROXY_CACHE_S3_ENDPOINT=f"127.0.0.1:{server.port}",
        BILDWERK_RESULTS_WRITE_TIMEOUT="2",
    )


def test_results_in_a_folder_are_gone(folder: ResultSettings, tmp_path: Path) -> None:
    """Those of the tags, with all their renditions; those of others stay."""
    fill(folder, 4)
    with closing(StoredResults(folder)) as results:
        assert results.purge([tag(0), tag(2), original_tag("s3://pictures/never.jpg")]) == 2 * RENDITIONS
        assert results.purge([tag(0)]) == 0

    assert stored(tmp_path) == sorted([tag(1), tag(3)] * RENDITIONS)


@pytest.mark.usefixtures("aws_credentials")
def test_results_in_s3_are_gone(shared_s3: S3Server, s3_client: Any) -> None:
    """More originals than are purged at the same time, in two goes over the same connections."""
    bucket = f"bucket-{uuid.uuid4().hex}"
    s3_client.create_bucket(Bucket=bucket)
    settings = in_bucket(shared_s3, bucket)
    fill(settings, 22)
    with closing(StoredResults(settings)) as results:
        assert results.purge([tag(number) for number in range(20)]) == 20 * RENDITIONS
        assert results.purge([tag(20)]) == RENDITIONS

    left = [item["Key"] for item in s3_client.list_objects_v2(Bucket=bucket, Prefix="results/")["Contents"]]
    assert {name.split("/")[2] for name in left} == {tag(21)}
    markers = s3_client.list_objects_v2(Bucket=bucket, Prefix="purged/")["Contents"]
    assert {item["Key"] for item in markers} == {f"purged/{tag(number)}" for number in range(21)}


@pytest.mark.usefixtures("aws_credentials")
def test_a_store_that_is_away_is_an_error_and_works_when_it_is_back(own_s3: S3Server) -> None:
    """The error names the tags that are to be purged again, and no address."""
    with closing(writer(own_s3)) as client:
        client.create_bucket(Bucket="results")
    settings = in_bucket(own_s3, "results")
    fill(settings, 2)
    with closing(StoredResults(settings)) as results:
        own_s3.stop()
        with pytest.raises(ResultsNotDeleted) as raised:
            results.purge([tag(0), tag(1)], seconds=20)
        assert raised.value.tags == {tag(0), tag(1)}
        assert "127.0.0.1" not in str(raised.value)
        own_s3.start()
        assert results.purge([tag(0), tag(1)]) == 2 * RENDITIONS


@pytest.mark.usefixtures("aws_credentials")
def test_a_store_that_does_not_answer_is_given_up_in_time() -> None:
    """It takes the connections, and that is all; what was begun does not keep the next purge from its end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = settings_of(
            IMGPROXY_CACHE_USE="s3",
            IMGPROXY_CACHE_BUCKET="results",
            IMGPROXY_CACHE_S3_REGION="us-east-1",
            IMGPROXY_CACHE_S3_ENDPOINT=f"127.0.0.1:{silent.getsockname()[1]}",
            BILDWERK_RESULTS_WRITE_TIMEOUT="60",
        )
        tags = [tag(number) for number in range(100)]
        with closing(StoredResults(settings)) as results:
            for _ in range(2):
                began = time.monotonic()
                with pytest.raises(ResultsNotDeleted, match="not done within") as raised:
                    results.purge(tags, seconds=1.5)
                assert time.monotonic() - began < 20  # of the 60 that a request may take
                assert raised.value.tags == set(tags)


def test_one_original_that_cannot_be_purged_fails_alone(folder: ResultSettings, tmp_path: Path) -> None:
    """A marker that cannot be written is one tag's trouble."""
    fill(folder, 3)
    (tmp_path / "purged" / tag(1) / "in the way").mkdir(parents=True)
    with closing(StoredResults(folder)) as results, pytest.raises(ResultsNotDeleted) as raised:
        results.purge([tag(0), tag(1), tag(2)])

    assert raised.value.tags == {tag(1)}
    assert raised.value.deleted == 2 * RENDITIONS
    assert stored(tmp_path) == [tag(1)] * RENDITIONS


def test_what_is_not_done_in_time_counts_as_failed(folder: ResultSettings, tmp_path: Path) -> None:
    """All of it, if there is no time."""
    fill(folder, 2)
    with closing(StoredResults(folder)) as results, pytest.raises(ResultsNotDeleted, match="not done within") as raised:
        results.purge([tag(0), tag(1)], seconds=0)

    assert raised.value.tags == {tag(0), tag(1)}
    assert len(stored(tmp_path)) == 2 * RENDITIONS


def test_no_store_has_no_results() -> None:
    """A server without one purges nothing."""
    assert StoredResults(ResultSettings()).purge([tag()]) == 0


def test_no_tags_are_nothing_to_do(folder: ResultSettings) -> None:
    """The store is not opened for it."""
    with closing(StoredResults(folder)) as results:
        assert results.purge([]) == 0
        assert not has_loop()


@pytest.mark.parametrize("text", ["", "o-12", "v-1.0", "../" + "0" * 31])
def test_what_is_no_tag_purges_nothing(folder: ResultSettings, tmp_path: Path, text: str) -> None:
    """Half of a tag would be half of the store."""
    fill(folder, 1)
    with closing(StoredResults(folder)) as results, pytest.raises(ValueError, match="no tag"):
        results.purge([tag(), text])

    assert len(stored(tmp_path)) == RENDITIONS


def test_an_unusable_folder_is_an_error_of_the_store(tmp_path: Path) -> None:
    """The purges come again until somebody repairs it."""
    (tmp_path / "file").write_bytes(b"")
    settings = settings_of(IMGPROXY_CACHE_USE="fs", IMGPROXY_CACHE_FS_ROOT=str(tmp_path / "file"))
    with closing(StoredResults(settings)) as results, pytest.raises(ResultsNotDeleted, match="expected a folder"):
        results.purge([tag()])


def test_threads_purge_at_the_same_time(folder: ResultSettings, tmp_path: Path) -> None:
    """As the local server does, one for each request."""
    fill(folder, 12)
    with closing(StoredResults(folder)) as results, ThreadPoolExecutor(6) as threads:
        counts = list(threads.map(lambda number: results.purge([tag(number)]), range(12)))

    assert counts == [RENDITIONS] * 12
    assert stored(tmp_path) == []


def test_inside_an_event_loop_it_works_too(folder: ResultSettings) -> None:
    """Its loop is its own."""
    fill(folder, 1)

    async def ask() -> int:
        with closing(StoredResults(folder)) as results:
            return results.purge([tag()])

    assert asyncio.run(ask()) == RENDITIONS


def test_it_can_be_closed_and_used_again(folder: ResultSettings) -> None:
    """Nothing is left of the first loop."""
    results = StoredResults(folder)
    fill(folder, 2)
    for number in range(2):
        assert results.purge([tag(number)]) == RENDITIONS
        assert has_loop()
        results.close()
        results.close()
        assert not has_loop()
