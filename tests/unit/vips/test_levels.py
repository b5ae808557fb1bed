"""Renders in several threads share decoded pixels, and none of them depends on another's fate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import pyvips

from renderer.errors import BrokenImage, RequestTimeout
from renderer.vips.levels import Levels, SharedDecodes
from renderer.vips.runtime import Deadline

PICTURE_BYTES = 16 * 16 * 3


def picture() -> pyvips.Image:
    return pyvips.Image.black(16, 16, bands=3)


class Decoder:
    """Decodes when it is let; counts how often, and fails as often as it is told to."""

    def __init__(self, *, failures: int = 0) -> None:
        self.count = 0
        self.failures = failures
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, image: pyvips.Image) -> pyvips.Image:
        """The pixels, or the failure."""
        self.count += 1
        has_to_fail = self.count <= self.failures
        self.has_begun.set()
        assert self.may_end.wait(10)
        if has_to_fail:
            raise BrokenImage("no")
        return image


def asking(levels: Levels, decoder: Decoder, deadline: Deadline | None = None) -> Callable[[], pyvips.Image]:
    return lambda: levels.decoded(8, picture(), decoder, deadline or Deadline())


@pytest.fixture
def shared() -> SharedDecodes:
    return SharedDecodes(PICTURE_BYTES)


@pytest.fixture
def levels(shared: SharedDecodes) -> Levels:
    levels = shared.levels()
    assert levels is not None
    levels.expect(8, 3)
    return levels


def test_one_decodes_for_all(shared: SharedDecodes, levels: Levels) -> None:
    decoder = Decoder()
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(asking(levels, decoder)) for _ in range(3)]
        assert decoder.has_begun.wait(10)
        decoder.may_end.set()
        assert [future.result(10).width for future in asked] == [16] * 3
    assert (decoder.count, shared.spared, shared.held_bytes) == (1, 2, PICTURE_BYTES)
    levels.close()
    assert shared.held_bytes == 0


def test_a_failure_is_its_own(shared: SharedDecodes, levels: Levels) -> None:
    decoder = Decoder(failures=1)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(asking(levels, decoder))
        assert decoder.has_begun.wait(10)
        second = threads.submit(asking(levels, decoder))
        decoder.may_end.set()
        with pytest.raises(BrokenImage):
            first.result(10)
        assert second.result(10).width == 16
    assert decoder.count == 2
    levels.close()
    assert shared.held_bytes == 0


def test_who_waits_can_be_killed(levels: Levels) -> None:
    decoder, deadline = Decoder(), Deadline()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(asking(levels, decoder))
        assert decoder.has_begun.wait(10)
        second = threads.submit(asking(levels, decoder, deadline))
        deadline.kill()
        with pytest.raises(RequestTimeout):
            second.result(10)
        decoder.may_end.set()
        assert first.result(10).width == 16


def test_a_killed_render_leaves_the_pixels_to_others(levels: Levels) -> None:
    decoder, deadline = Decoder(), Deadline()
    decoder.may_end.set()
    mine = asking(levels, decoder, deadline)()
    deadline.kill()
    mine.set_kill(True)
    with pytest.raises(pyvips.Error):
        mine.invert().copy_memory()
    others = asking(levels, decoder)()
    assert others.copy_memory().avg() == 0
    assert Deadline().in_memory(others.invert()).avg() == 255


def test_closing_while_somebody_decodes_gives_everything_back(shared: SharedDecodes, levels: Levels) -> None:
    decoder = Decoder()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(asking(levels, decoder))
        assert decoder.has_begun.wait(10)
        levels.close()
        decoder.may_end.set()
        assert first.result(10).width == 16
    assert shared.held_bytes == 0


@pytest.mark.parametrize(("max_bytes", "expected"), [(PICTURE_BYTES - 1, 3), (PICTURE_BYTES, 1)], ids=["room", "users"])
def test_nothing_is_kept_without_room_or_others(max_bytes: int, expected: int) -> None:
    shared, decoder = SharedDecodes(max_bytes), Decoder()
    decoder.may_end.set()
    levels = shared.levels()
    assert levels is not None
    levels.expect(8, expected)
    for _ in range(2):
        asking(levels, decoder)()
    assert (decoder.count, shared.held_bytes) == (2, 0)


@pytest.mark.parametrize(("serves_smaller", "asked", "best"), [(False, 8, 8), (True, 8, 2), (True, 2, 2), (True, 1, 1)])
def test_a_larger_level_is_used_where_that_is_allowed(*, serves_smaller: bool, asked: float, best: float) -> None:
    levels = SharedDecodes(1, serves_smaller=serves_smaller).levels()
    assert levels is not None
    for shrink in (8, 4, 2):
        levels.expect(shrink)
    levels.expect(1)
    levels.expect(1, -1)
    assert levels.best(asked) == best
