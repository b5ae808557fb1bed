"""The health check of libvips: one question at a time, however many ask."""

from __future__ import annotations

import asyncio
import threading

import pytest

from renderer.vips.health import HealthCheck
from renderer.vips.runtime import Capabilities


def health_threads() -> int:
    return sum(thread.name.startswith("health") for thread in threading.enumerate())


async def test_libvips_is_well_for_all_who_ask(capabilities: Capabilities) -> None:
    """They share a thread of its own, which ends with the check."""
    assert capabilities.loadable
    before = health_threads()
    health = HealthCheck()
    await asyncio.gather(*(health.check() for _ in range(50)))
    await health.check()

    assert health_threads() == before + 1
    health.close()
    async with asyncio.timeout(5):
        while health_threads() > before:  # noqa: ASYNC110  a thread's end tells nobody
            await asyncio.sleep(0.01)


async def test_one_who_leaves_does_not_take_the_answer_along(capabilities: Capabilities) -> None:
    assert capabilities.loadable
    health = HealthCheck()
    leaving, staying = asyncio.create_task(health.check()), asyncio.create_task(health.check())
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving
    health.close()
