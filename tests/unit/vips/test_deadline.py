"""Renders that run too long: libvips is stopped, whatever it is doing for the picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import pyvips

from renderer.errors import BrokenImage, RequestTimeout
from renderer.vips.runtime import Capabilities, Deadline

pytestmark = pytest.mark.usefixtures("capabilities")

_SOON_SECONDS = 5
"""Far less than the computations below take, far more than stopping them does."""


class Watched(Deadline):
    """Says when libvips has begun to compute."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = threading.Event()

    @contextmanager
    def evaluating(self, image: pyvips.Image) -> Iterator[None]:
        """As for every render, with libvips' own report of progress."""
        image.set_progress(True)
        image.signal_connect("eval", lambda *_: self.has_begun.set())
        with super().evaluating(image):
            yield


def _endless() -> pyvips.Image:
    """A picture that takes minutes to compute, and no memory before it is."""
    return pyvips.Image.gaussnoise(6000, 6000).gaussblur(60).cast("uchar")


def _saving(operation: str, **options: object) -> Callable[[Deadline], object]:
    def save(deadline: Deadline) -> object:
        image = _endless()
        with deadline.evaluating(image):
            return getattr(image, operation)(**options)

    return save


@pytest.mark.parametrize(
    "compute",
    [
        lambda deadline: deadline.in_memory(_endless()),
        _saving("write_to_memory"),
        _saving("jpegsave_buffer", optimize_coding=True),
        _saving("pngsave_buffer", filter="all"),
        _saving("pngsave_buffer", palette=True),
        _saving("webpsave_buffer"),
        _saving("gifsave_buffer"),
        _saving("tiffsave_buffer"),
        _saving("heifsave_buffer", compression="av1"),
        _saving("find_trim"),
    ],
    ids="copy memory jpeg png palette webp gif tiff avif trim".split(),
)
def test_a_kill_from_another_thread_ends_the_computation_soon(compute: Callable[[Deadline], object]) -> None:
    deadline = Watched()
    outcome: list[BaseException] = []

    def work() -> None:
        try:
            compute(deadline)
        except RequestTimeout as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert deadline.has_begun.wait(_SOON_SECONDS)
    deadline.kill()
    thread.join(_SOON_SECONDS)

    assert not thread.is_alive()
    assert len(outcome) == 1


def test_a_kill_before_a_computation_forbids_it() -> None:
    deadline = Deadline()
    deadline.kill()

    with pytest.raises(RequestTimeout):
        deadline.in_memory(pyvips.Image.black(1, 1))


@pytest.mark.timeout(20)
def test_a_kill_while_a_computation_is_announced_is_not_lost() -> None:
    """Between the look at the clock and libvips' first tile there is no gap in which a kill goes unnoticed."""

    class Late(Deadline):
        def check(self) -> None:
            super().check()
            self.kill()

    with pytest.raises(RequestTimeout):
        Late().in_memory(_endless())


def test_a_deadline_that_has_passed_forbids_every_computation() -> None:
    deadline = Deadline(time.monotonic() - 1)

    with pytest.raises(RequestTimeout):
        deadline.check()
    with pytest.raises(RequestTimeout):
        deadline.in_memory(pyvips.Image.black(1, 1))


def test_a_deadline_to_come_lets_pixels_be_computed() -> None:
    deadline = Deadline(time.monotonic() + 60)
    deadline.check()

    assert deadline.in_memory(pyvips.Image.black(3, 2)).width == 3


def test_a_picture_that_cannot_be_computed_is_broken() -> None:
    whole = pyvips.Image.gaussnoise(256, 256).cast("uchar").pngsave_buffer()
    image = pyvips.Image.pngload_buffer(whole[: len(whole) // 2], fail_on="truncated")

    with pytest.raises(BrokenImage) as raised:
        Deadline().in_memory(image)

    assert raised.value.status == 422


def test_a_kill_after_the_last_computation_harms_nothing(capabilities: Capabilities) -> None:
    deadline = Deadline()
    image = deadline.in_memory(pyvips.Image.black(4, 4))
    deadline.kill()

    assert image.avg() == 0
    assert capabilities.savable
