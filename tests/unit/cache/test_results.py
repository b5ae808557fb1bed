"""What is kept is found again, in memory and in the store, and nothing that a store does fails a request."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import pytest

from renderer.cache.circuit import FAILURES
from renderer.cache.entry import encoded
from renderer.cache.layout import marker_name, marker_text, pointer_name, result_name
from renderer.cache.markers import SKEW_SECONDS
from renderer.cache.results import ResultRules, Results
from renderer.cache.tags import original_tag
from renderer.errors import ResultStoreFailed
from renderer.storage.object_store import StoreError, StoreFull
from tests.unit.cache.entries import PICTURE, TAG, WATERMARK, key, result
from tests.unit.cache.fake_store import FakeStore

NOW = 1001.0
NAME = result_name(TAG, key())
MARK = original_tag(WATERMARK)
MEMORY = ResultRules(memory_bytes=1_000_000)


class Figures:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.held = (0, 0)

    def stored(self) -> None:
        """One more."""
        self.counts["stored"] += 1

    def dropped(self, reason: str) -> None:
        """One more."""
        self.counts[f"dropped {reason}"] += 1

    def store_failed(self, operation: str) -> None:
        """One more."""
        self.counts[f"failed {operation}"] += 1

    def holds(self, count: int, total_bytes: int) -> None:
        """The last figures."""
        self.held = (count, total_bytes)


@pytest.fixture
def figures() -> Figures:
    """Counts of one test."""
    return Figures()


@pytest.fixture
def store() -> FakeStore:
    """An empty store."""
    return FakeStore()


@pytest.fixture
def make(store: FakeStore, figures: Figures) -> Callable[..., Results]:
    """Results over the store."""

    def make(rules: ResultRules = MEMORY, **options: object) -> Results:
        arguments: dict[str, object] = {"figures": figures, "clock": lambda: NOW, **options}
        return Results(rules, store, **arguments)  # type: ignore[arg-type]  # a test's options

    return make


async def test_a_result_is_remembered_at_once_and_found_in_the_store_by_others(
    make: Callable[..., Results], figures: Figures
) -> None:
    """Another process finds what this one has made."""
    one, other = make(), make()
    one.keep(key(), result())
    assert one.remembered(key()) == result()

    await one.close()
    assert other.remembered(key()) is None
    assert await other.find(key(), TAG) == result()
    assert other.remembered(key()) == result()
    assert figures.counts == {"stored": 1}
    assert figures.held == (1, result().cost_bytes)


async def test_memory_alone_works(figures: Figures) -> None:
    """Without a store nothing is looked for elsewhere."""
    results = Results(MEMORY, figures=figures, clock=lambda: NOW)
    results.keep(key(), result())

    assert await results.find(key(), TAG) == result()
    assert await results.find(key(1), TAG) is None
    assert await results.purge(TAG) == 0
    assert results.remembered(key()) is None
    await results.close()


async def test_a_store_alone_works(make: Callable[..., Results], store: FakeStore) -> None:
    """What waits to be written is found before it is."""
    results = make(ResultRules())
    store.gate.clear()
    for number in range(8):
        results.keep(key(number), result())

    assert results.remembered(key(7)) is None
    assert await results.find(key(7), TAG) == result()
    store.gate.set()
    await results.close(10)
    assert len(store.objects) == 8
    assert store.is_closed


async def test_memory_behind_a_store_is_believed_for_a_limited_time(make: Callable[..., Results]) -> None:
    """The time runs from when the result was begun: a purge since then may be unknown here."""
    results = make(ResultRules(memory_bytes=1_000_000, memory_seconds=30), clock=lambda: 1031.0)
    results.keep(key(), result())

    assert results.remembered(key()) is None
    await results.close()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:9] + b"\0" + data[10:], lambda _: b""])
async def test_a_damaged_entry_is_a_miss_and_goes(
    make: Callable[..., Results], store: FakeStore, figures: Figures, damage: Callable[[bytes], bytes]
) -> None:
    """It is logged, counted and deleted."""
    store.objects[NAME] = damage(encoded(key(), result()))
    results = make()

    assert await results.find(key(), TAG) is None
    assert NAME not in store.objects
    assert figures.counts == {"failed broken": 1}
    await results.close()


async def test_a_store_that_fails_is_a_miss_and_reported_to_who_wants_to_know(
    make: Callable[..., Results], store: FakeStore, figures: Figures, caplog: pytest.LogCaptureFixture
) -> None:
    """After some failures in a row it is left alone; the log has one line."""
    store.error = StoreError("no such bucket")
    results = make()
    told: list[ResultStoreFailed] = []
    with caplog.at_level(logging.WARNING):
        for number in range(FAILURES + 3):
            assert await results.find(key(number), TAG, failed=told.append) is None

    assert figures.counts == {"failed find": FAILURES}
    assert [str(error) for error in told] == ["the store of results: no such bucket"] * FAILURES
    assert [record.getMessage() for record in caplog.records] == [
        "The store of results could not find a result: no such bucket"
    ]
    results.keep(key(), result())
    assert figures.counts["dropped failed"] == 1
    assert results.remembered(key()) is not None
    await results.close()


async def test_a_store_that_hangs_holds_no_request(make: Callable[..., Results], store: FakeStore) -> None:
    """A lookup ends after its time as a miss."""
    store.gate.clear()
    results = make(ResultRules(timeout_seconds=0.02))

    async with asyncio.timeout(5):
        assert await results.find(key(), TAG) is None
    store.gate.set()
    await results.close()


async def test_a_store_that_hangs_costs_results_and_no_memory(
    make: Callable[..., Results], store: FakeStore, figures: Figures
) -> None:
    """The queue has a bound; what is beyond it is dropped, and so is the rest at the end, in time."""
    store.gate.clear()
    cost = result().cost_bytes
    results = make(ResultRules(queue_bytes=10 * cost))
    for number in range(30):
        results.keep(key(number), result())
    assert figures.counts == {"dropped queue": 20}

    async with asyncio.timeout(5):
        await results.close(0.02)
    assert figures.counts["dropped stopping"] == 10
    results.keep(key(), result())
    assert figures.counts["dropped stopping"] == 11


@pytest.mark.parametrize(
    ("error", "counts"),
    [(StoreFull("full"), {"dropped full": 1}), (StoreError("no"), {"dropped failed": 1, "failed keep": 1})],
)
async def test_a_result_that_cannot_be_written_is_dropped(
    make: Callable[..., Results], store: FakeStore, figures: Figures, error: StoreError, counts: dict[str, int]
) -> None:
    """A full store is no sick one."""
    store.error = error
    results = make()
    results.keep(key(), result())
    await results.close()

    assert figures.counts == counts


async def test_a_purge_takes_everything_of_an_original(make: Callable[..., Results], store: FakeStore) -> None:
    """In the store and in memory, and nothing of other originals; the marker comes before the deletions."""
    results = make(clock=lambda: 1001.0 + SKEW_SECONDS)
    for number in range(5):
        results.keep(key(number), result())
    other = result(originals=("s3://originals/b.jpg",))
    results.keep(key(9), other)
    await results._queue.close(5)  # type: ignore[union-attr]  # there is a store
    store.calls.clear()

    assert await results.purge(TAG) == 5
    assert store.calls[0] == f"put {marker_name(TAG)} durably"
    assert [results.remembered(key(number)) for number in (0, 9)] == [None, other]
    assert await results.find(key(0), TAG) is None
    assert await results.find(key(9), original_tag("s3://originals/b.jpg")) == other
    assert sorted(name.partition("/")[0] for name in store.objects) == ["purged", "results"]
    await results.close()


async def test_a_purge_of_the_watermark_finds_what_it_is_on(make: Callable[..., Results], store: FakeStore) -> None:
    """By pointers, which go too; results without it stay."""
    results = make()
    marked = result(originals=(PICTURE, WATERMARK))
    results.keep(key(1), marked)
    results.keep(key(2), marked)
    results.keep(key(3), result())
    await results._queue.close(5)  # type: ignore[union-attr]  # there is a store
    assert {pointer_name(MARK, key(number), TAG) for number in (1, 2)} < set(store.objects)

    assert await results.purge(MARK) == 2
    assert set(store.objects) == {marker_name(MARK), result_name(TAG, key(3))}
    assert [results.remembered(key(number)) is None for number in (1, 2, 3)] == [True, True, False]
    await results.close()


async def test_what_was_begun_before_a_purge_is_not_kept(
    make: Callable[..., Results], store: FakeStore, figures: Figures
) -> None:
    """A render that began before the purge and ends after it shows the old original, in this process and in others."""
    one, other = make(), make()
    await one.purge(TAG)
    one.keep(key(), result(began_at=NOW - 1))
    assert one.remembered(key()) is None
    other.keep(key(), result(began_at=NOW - 1))
    await one.close()
    await other.close()

    assert set(store.objects) == {marker_name(TAG)}
    assert figures.counts == {"dropped purged": 2}


async def test_a_purge_between_writing_and_looking_is_seen(make: Callable[..., Results], store: FakeStore) -> None:
    """The look comes after the writing: the purge's own list may have come before it."""

    def purge_now(name: str) -> None:
        if name == NAME:
            store.objects[marker_name(TAG)] = marker_text(NOW)

    store.after_put = purge_now
    results = make()
    results.keep(key(), result())
    await results.close()

    assert set(store.objects) == {marker_name(TAG)}


async def test_what_is_from_before_a_marker_is_a_miss(make: Callable[..., Results], store: FakeStore) -> None:
    """Whatever a purge has left in the store, and also if it is the watermark that was purged."""
    marked = result(originals=(PICTURE, WATERMARK), began_at=1000.0)
    store.objects[NAME] = encoded(key(), marked)
    for tag in (TAG, MARK):
        for at, is_found in ((1000.0, False), (1000.0 - SKEW_SECONDS - 1, True)):
            store.objects[marker_name(tag)] = marker_text(at)
            assert (await make().find(key(), TAG) is not None) is is_found
        del store.objects[marker_name(tag)]


async def test_a_marker_that_cannot_be_read_outdates_everything(make: Callable[..., Results], store: FakeStore) -> None:
    """Better a picture too much than an old one."""
    store.objects[NAME] = encoded(key(), result())
    store.objects[marker_name(TAG)] = b"\0\0\0"

    assert await make().find(key(), TAG) is None


async def test_what_waits_when_an_original_is_purged_is_not_written(
    make: Callable[..., Results], store: FakeStore, figures: Figures
) -> None:
    """It is taken out of the queue."""
    results = make()
    store.gate.clear()
    for number in range(10):
        results.keep(key(number), result())
    await asyncio.sleep(0)
    purging = asyncio.create_task(results.purge(TAG))
    await asyncio.sleep(0)
    store.gate.set()
    await purging
    await results.close()

    assert set(store.objects) == {marker_name(TAG)}
    assert figures.counts == {"dropped purged": 10}


async def test_a_confirmed_result_lives_on(make: Callable[..., Results], store: FakeStore, figures: Figures) -> None:
    """It is written anew if it lives much longer, and only remembered if it does not."""
    results = make()
    store.objects[NAME] = encoded(key(), result(fresh_until=900.0))
    found = await results.find(key(), TAG)
    assert found is not None
    assert not found.is_fresh(NOW)

    brief = results.refresh(key(), found, began_at=NOW, fresh_until=NOW)
    assert (brief.began_at, brief.fresh_until, brief.body) == (NOW, NOW, found.body)
    assert results.remembered(key()) == brief
    long = results.refresh(key(), found, began_at=NOW, fresh_until=NOW + 60)
    await results.close()

    assert long.fresh_until == NOW + 60
    assert figures.counts == {"stored": 1}
    assert store.objects[NAME] == encoded(key(), long)


async def test_what_another_process_has_confirmed_is_found(make: Callable[..., Results], store: FakeStore) -> None:
    """A result in memory whose time is over is looked for in the store, unless its source is asked each time anyway."""
    results = make(clock=lambda: 2000.0)
    brief, asked = (result(began_at=1999.0, fresh_until=until) for until in (1999.5, 1999.0))
    renewed = result(began_at=1999.7, fresh_until=3000.0)
    for number, entry in enumerate((brief, asked)):
        results.keep(key(number), entry)
    await results._queue.close(5)  # type: ignore[union-attr]  # there is a store
    for number in (0, 1):
        store.objects[result_name(TAG, key(number))] = encoded(key(number), renewed)
    store.calls.clear()

    assert await results.find(key(1), TAG) == asked
    assert store.calls == []
    assert await results.find(key(0), TAG) == renewed
    assert results.remembered(key(0)) == renewed
    await results.close()


async def test_a_forgotten_result_is_not_remembered(make: Callable[..., Results]) -> None:
    """What its source has taken back is not served from memory."""
    results = make()
    results.keep(key(), result())
    results.forget(key())

    assert results.remembered(key()) is None
    await results.close()


async def test_a_purge_says_when_it_failed(make: Callable[..., Results], store: FakeStore) -> None:
    """It has to be done again; in memory it is done."""
    results = make()
    results.keep(key(), result())
    store.error = StoreError("down")
    with pytest.raises(StoreError, match="down"):
        await results.purge(TAG)

    assert results.remembered(key()) is None
    await results.close()


async def test_large_results_are_kept_as_small_ones_are(make: Callable[..., Results]) -> None:
    """Their digests are taken beside the event loop."""
    large = result(body=bytes(range(256)) * 4096)
    one, other = make(), make()
    one.keep(key(), large)
    await one.close()

    assert await other.find(key(), TAG) == large


async def test_a_tag_that_is_none_purges_nothing(make: Callable[..., Results], store: FakeStore) -> None:
    """An empty one would be everything."""
    for tag in ("", "o-", "../x", "v-1.0", TAG.upper()):
        with pytest.raises(ValueError, match="is no tag"):
            await make().purge(tag)
    assert store.objects == {}
