"""Which format a result gets from which source."""

from __future__ import annotations

import pytest

from bildwerk.possible_results import possible_results
from renderer.formats import ImageFormat
from renderer.request.client_features import client_features
from renderer.request.parse import Grammar, parse_request
from renderer.settings.load import load_settings
from renderer.vips.runtime import Capabilities

F = ImageFormat
CAPABILITIES = Capabilities(
    loadable=frozenset({F.JPEG, F.PNG, F.WEBP, F.GIF, F.SVG}), savable=frozenset({F.JPEG, F.PNG, F.WEBP, F.GIF})
)
COPIED = "returned as it is, sanitized"


@pytest.mark.parametrize(
    ("path", "settings", "expected"),
    [
        ("plain/x@webp", {}, {"any": "webp"}),
        ("raw:1/plain/x", {}, {"any": "streamed as it is"}),
        ("plain/x@avif", {}, {"any": "refused: 422"}),
        (
            "plain/x",
            {},
            {"jpeg, png, gif": "the same", "webp": "jpeg, png with transparency", "svg": COPIED},
        ),
        ("bg:fff/plain/x", {}, {"jpeg, webp": "jpeg", "png, gif": "the same", "svg": COPIED}),
        ("pd:1/plain/x", {}, {"jpeg, gif": "the same", "png, webp": "png", "svg": COPIED}),
        (
            "plain/x",
            {"IMGPROXY_PREFERRED_FORMATS": "jpeg,gif", "IMGPROXY_MAX_ANIMATION_FRAMES": "10"},
            {
                "jpeg, gif": "the same",
                "png, webp": "jpeg, gif with transparency",
                "svg": COPIED,
            },
        ),
        (
            "plain/x",
            {"IMGPROXY_SANITIZE_SVG": "0", "IMGPROXY_SKIP_PROCESSING_FORMATS": "webp"},
            {"jpeg, png, gif": "the same", "webp, svg": "returned as it is"},
        ),
        (
            "plain/x@svg",
            {},
            {"jpeg, png, webp, gif": "refused: 422", "svg": COPIED},
        ),
        (
            "plain/x",
            {"IMGPROXY_AUTO_WEBP": "1"},
            {"jpeg, png, webp, gif": "webp", "svg": COPIED},
        ),
        ("plain/x@png", {"IMGPROXY_ENFORCE_WEBP": "1"}, {"any": "webp"}),
    ],
)
def test_every_source_has_its_result(path: str, settings: dict[str, str], expected: dict[str, str]) -> None:
    """Asked for by a client that accepts WebP, under settings, of a build that reads five formats and writes four."""
    loaded = load_settings(settings)
    request = parse_request(path, Grammar(now=lambda: 0.0), client_features("image/webp", loaded.formats))

    assert possible_results(request, loaded, CAPABILITIES) == expected


def test_sources_with_the_same_result_share_a_line() -> None:
    """In the order of the formats."""
    request = parse_request("plain/x", Grammar(now=lambda: 0.0))

    results = possible_results(request, load_settings({}), CAPABILITIES)

    assert list(results) == ["jpeg, png, gif", "webp", "svg"]


def test_animations_have_a_result_of_their_own_where_they_are_rendered() -> None:
    """A still picture becomes JPEG, PNG with transparency, and what moves WebP."""
    settings = load_settings({"IMGPROXY_PREFERRED_FORMATS": "jpeg,png,webp", "IMGPROXY_MAX_ANIMATION_FRAMES": "10"})
    request = parse_request("plain/x", Grammar(now=lambda: 0.0))

    assert possible_results(request, settings, CAPABILITIES)["gif"] == ("jpeg, png with transparency, webp if animated")
