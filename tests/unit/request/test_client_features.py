"""What the client accepts, as far as the settings let it matter."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from renderer.request.client_features import client_features
from renderer.request.values import NO_FEATURES, ClientFeatures
from renderer.settings.processing import FormatSettings


def having(name: str) -> FormatSettings:
    """Settings of which one is on."""
    changes: dict[str, Any] = {name: True}
    return dataclasses.replace(FormatSettings(), **changes)


EVERYTHING = FormatSettings(
    auto_webp=True, auto_avif=True, auto_jxl=True, enforce_webp=True, enforce_avif=True, enforce_jxl=True
)


@pytest.mark.parametrize("name", ["webp", "avif", "jxl"])
def test_a_format_is_preferred_if_the_client_accepts_it_and_a_setting_wants_it(name: str) -> None:
    """A format is preferred if the client accepts it and a setting wants it; only `enforce` enforces it."""
    accept = f"image/{name}"

    assert client_features(accept, FormatSettings()) == NO_FEATURES
    assert client_features(accept, having(f"auto_{name}")) == ClientFeatures(**{f"prefers_{name}": True})
    assert client_features(accept, having(f"enforce_{name}")) == ClientFeatures(
        **{f"prefers_{name}": True, f"enforces_{name}": True}
    )
    assert client_features("image/png", having(f"enforce_{name}")) == NO_FEATURES


@pytest.mark.parametrize(
    ("accept", "names"),
    [
        ("", []),
        ("*/*", []),
        ("image/*", []),
        ("IMAGE/WEBP", []),
        ("image/web", []),
        ("image/webp", ["webp"]),
        ("image/webp;q=0", ["webp"]),
        ("text/html,image/webpx", ["webp"]),
        ("ximage/webp", ["webp"]),
        ("image/avif,image/webp,*/*;q=0.8", ["webp", "avif"]),
        ("image/jxl,image/avif", ["avif", "jxl"]),
    ],
)
def test_accept_is_searched_for_words_and_not_understood(accept: str, names: list[str]) -> None:
    """`Accept` is searched for words: case counts, quality values and wildcards do not."""
    expected = {f"{what}_{name}": True for name in names for what in ("prefers", "enforces")}

    assert client_features(accept, EVERYTHING) == ClientFeatures(**expected)
