"""Which pixels a filled target keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., Any]


@pytest.mark.parametrize(
    ("target", "gravity", "place"),
    [
        ("100:100", "ce", (50, 0)),
        ("100:100", "we", (0, 0)),
        ("100:100", "ea", (100, 0)),
        ("100:100", "nowe", (0, 0)),
        ("100:100", "soea", (100, 0)),
        ("100:100", "no:7:0", (57, 0)),
        ("100:100", "ea:7:0", (93, 0)),
        ("100:100", "fp:0.3:0.5", (10, 0)),
        ("200:26", "ce", (0, 38)),
        ("200:26", "no", (0, 0)),
        ("200:26", "so", (0, 74)),
        ("200:26", "noea", (0, 0)),
        ("200:26", "sowe", (0, 74)),
        ("200:26", "no:0:5", (0, 5)),
        ("200:26", "no:0:0.1", (0, 10)),
        ("200:26", "so:0:5", (0, 69)),
    ],
)
def test_fill_keeps_the_part_at_its_gravity(
    target: str, gravity: str, place: tuple[int, int], rendered: Render, geometry: bytes
) -> None:
    picture = rendered(f"rs:fill:{target}/g:{gravity}", geometry)

    assert picture.size == tuple(int(side) for side in target.split(":"))
    assert picture.pixel(0, 0)[:2] == place


@pytest.mark.parametrize("gravity", ["ce", "no", "so", "ea", "we", "noea", "soea", "sowe", "nowe", "sm", "fp:0.1:0.9"])
@pytest.mark.parametrize("target", ["100:26", "26:100"])
def test_every_gravity_gives_exactly_the_target(target: str, gravity: str, rendered: Render, geometry: bytes) -> None:
    picture = rendered(f"rs:fill:{target}/g:{gravity}", geometry)

    assert picture.size == tuple(int(side) for side in target.split(":"))


@pytest.mark.parametrize(
    ("target", "gravity", "dpr", "size"),
    [
        ("100:26", "ce", 2, (200, 52)),
        ("100:26", "no:0:5", 0.5, (50, 13)),
        ("100:26", "no:0:5", 2, (200, 52)),
        ("100:26", "no:0:0.1", 0.5, (50, 13)),
        ("100:26", "no:0:0.1", 2, (200, 52)),
        ("26:100", "no:5:0", 0.5, (13, 50)),
        ("26:100", "no:5:0", 2, (26, 100)),
    ],
)
def test_dpr_multiplies_the_target_as_far_as_there_are_pixels(
    target: str, gravity: str, dpr: float, size: tuple[int, int], rendered: Render, geometry: bytes
) -> None:
    assert rendered(f"rs:fill:{target}/g:{gravity}/dpr:{dpr}", geometry).size == size


def test_absolute_offsets_are_multiplied_by_dpr_and_relative_ones_are_not(rendered: Render, geometry: bytes) -> None:
    def top(options: str) -> int:
        return int(rendered(f"rs:fill:100:26/dpr:2/{options}", geometry).pixel(0, 0)[1])

    assert top("g:no:0:5") == 10
    assert top("g:no:0:0.1") == 10
    assert top("g:no") == 0


def test_a_minimum_that_enlarges_is_cut_back_to_the_target(rendered: Render, geometry: bytes) -> None:
    """`fit` is cropped too when a minimum makes the picture larger than its box."""
    assert rendered("rs:fit:60:60/mh:60", geometry).size == (60, 60)
