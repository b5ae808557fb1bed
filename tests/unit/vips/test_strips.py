"""Strips: how often a saver's thread waits for the next rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pyvips

from renderer.vips import strips
from renderer.vips.runtime import Capabilities

HEIGHT = 1280
TRIES = 40
"""libvips tells of a strip when nothing else is to be told: seldom of fewer than there are, never of more."""


@pytest.fixture(autouse=True)
def libvips(capabilities: Capabilities) -> Iterator[Capabilities]:
    """The server's own set-up, before and after."""
    yield capabilities
    strips.set_rows(strips.OURS)


def count() -> int:
    """How many strips a saver asks for."""
    told: list[int] = []
    for _ in range(TRIES):
        image = pyvips.Image.black(200, HEIGHT).invert()
        image.set_progress(True)
        steps: list[None] = []
        image.signal_connect("eval", lambda *_, steps=steps: steps.append(None))
        image.jpegsave_buffer()
        told.append(len(steps))
    return max(told)


def test_the_server_has_libvips_compute_32_rows_at_a_time() -> None:
    assert count() == HEIGHT // 32


@pytest.mark.parametrize("rows", [16, 64, 128])
def test_the_height_can_be_set_at_any_time(rows: int) -> None:
    strips.set_rows(rows)

    assert count() == HEIGHT // rows
