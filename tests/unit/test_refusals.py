"""Refusals that come by the hundred cost little."""

from __future__ import annotations

import asyncio
import logging

import pytest

from renderer.web.refusals import FREE_PER_SECOND, Refusals


async def test_a_seconds_share_is_answered_at_once_and_the_rest_waits_a_little(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What was not logged is counted when the second is over."""
    now = 10.0
    refusals = Refusals(lambda: now)
    loop = asyncio.get_running_loop()

    began = loop.time()
    for _ in range(FREE_PER_SECOND):
        assert not refusals.are_many
        await refusals.pause()
    at_once = loop.time() - began
    began = loop.time()
    await asyncio.gather(refusals.pause(), refusals.pause())
    waited = loop.time() - began

    assert refusals.are_many
    assert at_once < waited
    now = 11.0
    assert not refusals.are_many
    with caplog.at_level(logging.WARNING):
        await refusals.pause()
    assert "2 more requests were refused" in caplog.text
