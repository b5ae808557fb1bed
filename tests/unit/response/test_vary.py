"""Caches tell apart what the settings make the answer depend on."""

from __future__ import annotations

import pytest

from renderer.response.vary import vary
from renderer.settings.processing import FormatSettings

HINTS = "Sec-Ch-Dpr, Dpr, Sec-Ch-Width, Width"


@pytest.mark.parametrize(
    ("formats", "client_hints", "expected"),
    [
        (FormatSettings(), False, None),
        (FormatSettings(auto_webp=True), False, "Accept"),
        (FormatSettings(auto_avif=True), False, "Accept"),
        (FormatSettings(auto_jxl=True), False, "Accept"),
        (FormatSettings(enforce_webp=True), False, "Accept"),
        (FormatSettings(enforce_avif=True), False, "Accept"),
        (FormatSettings(enforce_jxl=True), False, "Accept"),
        (FormatSettings(), True, HINTS),
        (FormatSettings(auto_webp=True, enforce_avif=True), True, f"Accept, {HINTS}"),
    ],
)
def test_vary_names_the_headers_that_may_change_an_answer(
    formats: FormatSettings, client_hints: bool, expected: str | None
) -> None:
    """`Accept` with any format switch, the hints with theirs, nothing with neither."""
    assert vary(formats, client_hints=client_hints) == expected
