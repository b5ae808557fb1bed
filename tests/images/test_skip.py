"""Sources that are returned as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import BrokenImage, SourceResolutionTooLarge

Render = Callable[..., Any]


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "gif", "bmp", "ico", "tiff", "avif"])
@pytest.mark.parametrize("name", ["skip_processing", "skp", "sp"])
def test_a_source_of_a_skipped_format_comes_back_byte_for_byte(
    name: str, source: str, rendered: Render, every_format: dict[str, bytes]
) -> None:
    picture = rendered(f"w:10/rot:90/{name}:{source}", every_format[source])

    assert picture.data == every_format[source]
    assert picture.format.value == source
    assert picture.origin == picture.result == (48, 32)


def test_formats_of_options_and_settings_add_up(rendered: Render, every_format: dict[str, bytes]) -> None:
    settings = {"IMGPROXY_SKIP_PROCESSING_FORMATS": "gif,png"}
    for source in ("gif", "png", "jpeg", "bmp"):
        assert rendered("w:10/skp:jpg/skp:bmp", every_format[source], **settings).data == every_format[source]
    assert rendered("w:10/skp:jpg", every_format["webp"], **settings).data != every_format["webp"]


def test_asking_for_the_same_format_skips_and_for_another_one_renders(
    rendered: Render, every_format: dict[str, bytes]
) -> None:
    assert rendered("w:10/skp:png/f:png", every_format["png"]).data == every_format["png"]
    assert rendered("w:10/skp:png/f:webp", every_format["png"]).size == (10, 7)


def test_the_clients_wish_does_not_matter(rendered: Render, every_format: dict[str, bytes]) -> None:
    picture = rendered("skp:png", every_format["png"], accept="image/webp", IMGPROXY_ENFORCE_WEBP="1")

    assert picture.data == every_format["png"]


def test_a_skipped_source_is_still_opened_and_measured(rendered: Render, every_format: dict[str, bytes]) -> None:
    with pytest.raises(BrokenImage):
        rendered("skp:png", every_format["png"][:20])
    with pytest.raises(SourceResolutionTooLarge):
        rendered("skp:png/msr:0.001", every_format["png"])
