"""What a folder and a bucket of a real S3 server have in common as stores of objects, and kept results over both."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from benchmarks.load.proxy import TroubleProxy
from benchmarks.load.s3 import REGION, S3Server
from renderer.cache.layout import pointer_name, result_name
from renderer.cache.markers import SKEW_SECONDS
from renderer.cache.opened import open_results, open_store
from renderer.cache.purge import purge
from renderer.cache.results import Results
from renderer.cache.tags import original_tag
from renderer.settings.load import load_settings
from renderer.settings.results import ResultSettings
from renderer.storage.object_store import PAGE, ObjectStore, StoreError
from tests.unit.cache.entries import PICTURE, TAG, WATERMARK, key, result

MARK = original_tag(WATERMARK)
NAME = "results/ab/o-1/key"


@pytest.fixture(params=["fs", "s3"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings of an empty store; both with a prefix."""
    prefix = {
        "IMGPROXY_CACHE_USE": request.param,
        "IMGPROXY_CACHE_PATH_PREFIX": "site/one",
        "BILDWERK_RESULTS_TIMEOUT": "20",
    }
    if request.param == "fs":
        return {**prefix, "IMGPROXY_CACHE_FS_ROOT": str(tmp_path / "results")}
    server: S3Server = request.getfixturevalue("shared_s3")
    request.getfixturevalue("aws_credentials")
    return {**prefix, **bucket_settings(server.port, request.getfixturevalue("bucket"))}


def bucket_settings(port: int, bucket: str) -> dict[str, str]:
    """The settings of a bucket of a local server."""
    return {
        "IMGPROXY_CACHE_USE": "s3",
        "IMGPROXY_CACHE_BUCKET": bucket,
        "IMGPROXY_CACHE_S3_ENDPOINT": f"127.0.0.1:{port}",
        "IMGPROXY_CACHE_S3_REGION": REGION,
    }


def settings(variables: dict[str, str]) -> ResultSettings:
    """The table of kept results."""
    return load_settings(variables).results


@pytest.fixture
async def store(where: dict[str, str]) -> AsyncIterator[ObjectStore]:
    """The store."""
    opened = open_store(settings(where))
    assert opened is not None
    yield opened
    await opened.close()


@pytest.fixture
async def open_them(where: dict[str, str]) -> AsyncIterator[Callable[[], Results]]:
    """Opens the kept results as one process after the other does."""
    opened = []

    def open_one(**variables: str) -> Results:
        results = open_results(settings({**where, "BILDWERK_RESULTS_MEMORY_BYTES": "9000000", **variables}))
        assert results is not None
        opened.append(results)
        return results

    yield open_one
    for results in opened:
        await results.close(20)


async def names(store: ObjectStore, prefix: str) -> list[str]:
    """Everything below a prefix."""
    return sorted([name async for page in store.pages(prefix) for name in page])


async def test_an_object_is_read_as_it_was_written(store: ObjectStore) -> None:
    """Whatever its bytes are, none included; the newest counts."""
    assert await store.get(NAME) is None
    for data in (b"", bytes(range(256)) * 1000, b"newest"):
        await store.put(NAME, data, is_durable=True)
        assert await store.get(NAME) == data
    await store.delete([NAME, "results/ab/o-1/none"])

    assert await store.get(NAME) is None


async def test_a_list_has_every_name_below_a_prefix_and_no_other(store: ObjectStore) -> None:
    """A prefix ends with a slash: what only begins alike is elsewhere."""
    for name in ("results/a/o-1/x", "results/a/o-1/y", "results/a/o-11/z", "purged/o-1"):
        await store.put(name, b"x")

    assert await names(store, "results/a/o-1/") == ["results/a/o-1/x", "results/a/o-1/y"]
    assert await names(store, "results/") == ["results/a/o-1/x", "results/a/o-1/y", "results/a/o-11/z"]
    assert await names(store, "nothing/") == []


async def test_more_than_a_page_is_listed_and_deleted_whole(store: ObjectStore) -> None:
    """One purge of something that is in many results."""
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(PAGE // 2 + 40)]
    limit = asyncio.Semaphore(16)

    async def put(name: str) -> None:
        async with limit:
            await store.put(name, b"x")

    wanted = [result_name(TAG, name) for name in keys] + [pointer_name(MARK, name, TAG) for name in keys]
    await asyncio.gather(*(put(name) for name in [*wanted, result_name(original_tag("local:///b"), keys[0])]))
    assert len(await names(store, "results/")) == len(wanted) + 1 > PAGE

    assert await purge(store, MARK, now=time.time()) == len(keys)
    assert len(await names(store, "results/")) == 1


async def test_a_result_is_found_by_another_process_until_it_is_purged_by_a_third(
    open_them: Callable[..., Results],
) -> None:
    """By its watermark too, whose pointer leads there. What is begun a moment later is kept."""
    one, other, third = open_them(), open_them(), open_them()
    now = time.time()
    for number, originals in enumerate(((PICTURE, WATERMARK), (PICTURE,), ("local:///b.jpg",))):
        one.keep(key(number), result(originals=originals, began_at=now, fresh_until=now + 60))
    await one._queue.close(20)  # type: ignore[union-attr]  # there is a store
    found = [await other.find(key(number), TAG) for number in range(3)]
    assert [entry is not None for entry in found] == [True, True, False]

    assert await third.purge(MARK) == 1
    assert await third.find(key(0), TAG) is None
    assert await third.find(key(1), TAG) is not None
    assert await third.purge(TAG) == 1
    assert await third.find(key(1), TAG) is None
    assert await third.find(key(2), original_tag("local:///b.jpg")) is not None

    late = open_them()
    late.keep(key(4), result(began_at=now))
    late.keep(key(5), result(began_at=time.time() + SKEW_SECONDS + 1))
    await late._queue.close(20)  # type: ignore[union-attr]  # there is a store
    last = open_them()
    assert await last.find(key(4), TAG) is None
    assert await last.find(key(5), TAG) is not None


async def test_a_sick_bucket_holds_no_request(
    aws_credentials: None,  # noqa: ARG001  it prepares the environment
    proxy: TroubleProxy,
    bucket: str,
) -> None:
    """It hangs, then it is gone: a miss within the time, and a purge that says that it failed."""
    proxy.answers.clear()
    variables = {
        **bucket_settings(proxy.port, bucket),
        "BILDWERK_RESULTS_TIMEOUT": "0.1",
        "BILDWERK_RESULTS_WRITE_TIMEOUT": "0.3",
    }
    results = open_results(settings(variables))
    assert results is not None
    began = time.monotonic()
    assert await results.find(key(), TAG) is None
    assert time.monotonic() - began < 5
    with pytest.raises(StoreError, match="in time"):
        await results.purge(TAG)
    await proxy.refuse()
    with pytest.raises(StoreError, match="S3 "):
        await results.purge(TAG)
    assert await results.find(key(), TAG) is None
    await results.close()


async def test_a_bucket_that_is_not_there_is_an_error_and_not_a_miss(
    aws_credentials: None,  # noqa: ARG001  as above
    shared_s3: S3Server,
) -> None:
    """It would never be noticed."""
    store = open_store(settings(bucket_settings(shared_s3.port, "no-such-bucket")))
    assert store is not None
    for call in (store.get(NAME), store.put(NAME, b""), store.delete([NAME]), names(store, "results/")):
        with pytest.raises(StoreError, match="NoSuchBucket"):
            await call
    await store.close()
