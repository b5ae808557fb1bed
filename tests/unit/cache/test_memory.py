"""Results in memory stay within their bytes, whatever comes."""

from __future__ import annotations

import gc
import tracemalloc

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from renderer.cache.entry import OVERHEAD_BYTES, StoredResult, decoded, encoded
from renderer.cache.memory import ResultMemory
from tests.unit.cache.entries import key, result

LIMIT = 100_000
ONE = result().cost_bytes


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Memory(RuleBasedStateMachine):
    """A memory beside a plain dictionary of everything that was put and not taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.memory = ResultMemory(LIMIT, clock=self.clock)
        self.put_in: dict[str, tuple[StoredResult, str, float]] = {}

    @rule(number=st.integers(0, 30), size=st.integers(0, 20_000), tag=st.sampled_from("abc"), seconds=st.integers(0, 9))
    def put(self, number: int, size: int, tag: str, seconds: int) -> None:
        """It may or may not be held."""
        entry = result(body=bytes(size))
        is_held = self.memory.put(key(number), entry, (tag,), seconds=seconds)
        self.put_in.pop(key(number), None)
        if is_held:
            self.put_in[key(number)] = (entry, tag, self.clock.now + seconds)

    @rule(number=st.integers(0, 30))
    def get(self, number: int) -> None:
        """What comes back is what was put last, within its time."""
        found = self.memory.get(key(number))
        if found is not None:
            entry, _, until = self.put_in[key(number)]
            assert found is entry
            assert self.clock.now < until

    @rule(tag=st.sampled_from("abc"))
    def discard(self, tag: str) -> None:
        """Nothing of a tag is left."""
        self.memory.discard(tag)
        self.put_in = {name: item for name, item in self.put_in.items() if item[1] != tag}

    @rule(number=st.integers(0, 30))
    def drop(self, number: int) -> None:
        """It is gone."""
        self.memory.drop(key(number))
        self.put_in.pop(key(number), None)
        assert self.memory.get(key(number)) is None

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.now += seconds

    @invariant()
    def stays_within_its_bytes(self) -> None:
        """The count is that of what is there, and it is never above the limit."""
        held = [held.entry for held in self.memory._entries.values()]
        assert self.memory.held_bytes == sum(entry.cost_bytes for entry in held) <= LIMIT
        assert set(self.memory._by_tag) == {tag for held in self.memory._entries.values() for tag in held.tags}


TestMemory = Memory.TestCase
TestMemory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_what_was_used_longest_ago_makes_room() -> None:
    """A look counts as a use."""
    memory = ResultMemory(ONE * 8)
    for number in range(8):
        memory.put(key(number), result(), ("t",))
    memory.get(key(0))
    memory.put(key(8), result(), ("t",))

    assert [memory.get(key(number)) is not None for number in (0, 1, 2, 8)] == [True, False, True, True]


def test_a_huge_result_drives_nobody_out() -> None:
    """One that would take more than an eighth is not held."""
    memory = ResultMemory(ONE * 8)
    memory.put(key(0), result(), ("t",))

    assert not memory.put(key(1), result(body=bytes(1000)), ("t",))
    assert memory.get(key(0)) is not None


def test_no_memory_holds_nothing() -> None:
    """Zero bytes is off."""
    assert not ResultMemory(0).put(key(), result(body=b""), ("t",))


def test_a_tag_finds_its_results_and_no_others() -> None:
    """A result may have several tags."""
    memory = ResultMemory(ONE * 100)
    memory.put(key(1), result(), ("a",))
    memory.put(key(2), result(), ("a", "b"))
    memory.put(key(3), result(), ("b",))

    assert memory.discard("b") == 2
    assert [memory.get(key(number)) is not None for number in (1, 2, 3)] == [True, False, False]


def test_the_overhead_is_counted_high_enough() -> None:
    """What a thousand entries with empty bodies really take is less than what is counted, and more than half of it."""
    memory = ResultMemory(1 << 30)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1000):
        # As it comes out of the store, with texts of its own.
        entry = decoded(encoded(key(number), result(body=b"", etag=f'"{number}"')), key(number))
        memory.put(key(number), entry, (f"o-{number:032x}",))
    taken = (tracemalloc.get_traced_memory()[0] - before) / 1000
    tracemalloc.stop()

    assert OVERHEAD_BYTES / 2 < taken < OVERHEAD_BYTES
