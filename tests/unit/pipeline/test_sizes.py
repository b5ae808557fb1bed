"""Result sizes that plans alone decide, as recorded from the reference."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.pipeline.header import Raster

ResultSize = Callable[..., tuple[int, int]]

PORTRAIT = Raster(600, 800)
SMALL = Raster(120, 80)
GEOMETRY = Raster(200, 100)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("", (600, 800)),
        ("w:10", (10, 13)),
        ("w:1", (1, 1)),
        ("rs:fit:100:50", (38, 50)),
        ("rs:fit:100:50/rot:90", (67, 50)),
        ("rs:fill:100:50", (100, 50)),
        ("rs:fill:100:50/rs:fit", (38, 50)),
        ("rs:auto:100:50", (38, 50)),
        ("rs:auto:50:100", (50, 100)),
        ("rs:force:100:50", (100, 50)),
        ("rs:force:100:0", (100, 800)),
        ("rs:fill-down:1000:500", (600, 300)),
        ("rs:fill:1000:500", (600, 500)),
        ("rs:fit:1000:500:1", (375, 500)),
        ("s:100:100::1", (100, 100)),
        ("rs::40:30", (23, 30)),
        ("w:100/h:0", (100, 133)),
        ("z:0.5:0.25", (300, 200)),
        ("z:2", (600, 800)),
        ("z:2/el:1", (1200, 1600)),
        ("dpr:2/w:100", (200, 267)),
        ("dpr:2/w:500", (600, 800)),
        ("dpr:.5/w:10", (5, 7)),
        ("mw:1000", (1000, 1333)),
        ("mh:1000", (750, 1000)),
        ("c:0.25:100", (150, 100)),
        ("c:100:0:nowe", (100, 800)),
        ("c:0.5:0.5", (300, 400)),
        ("exar:1/rs:fit:100:50", (100, 50)),
        ("pd:1:2/w:10", (14, 15)),
        ("pd:5/pd::7/w:10", (24, 23)),
        ("pd::10/w:100", (120, 133)),
        ("pd:10::20/w:100", (120, 163)),
        ("pd:1:2:3:4/w:100", (106, 137)),
        ("rot:450/w:10", (10, 8)),
        ("rot:-90/w:10", (10, 8)),
        ("el:TRUE/w:700", (700, 933)),
        ("el:tRUE/w:700", (600, 800)),
    ],
)
def test_sizes_of_a_portrait(result_size: ResultSize, options: str, size: tuple[int, int]) -> None:
    """Sizes that the reference made of a picture of 600 x 800."""
    assert result_size(options, PORTRAIT) == size


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("w:240/dpr:0.5", (120, 80)),
        ("w:240/h:240/dpr:0.5/ex:1", (120, 120)),
        ("w:240/dpr:2/pd:10", (140, 100)),
        ("w:100/dpr:2/pd:10", (144, 104)),
        ("z:2", (120, 80)),
        ("z:2/el:1", (240, 160)),
        ("mw:200", (200, 133)),
        ("w:100/mw:200", (100, 133)),
        ("w:60/mw:90", (60, 60)),
        ("ex:1/w:200", (200, 80)),
        ("c:0.005:0", (1, 80)),
        ("c:10.9:0", (10, 80)),
        ("c:1:1", (1, 1)),
        ("c:1000:1000", (120, 80)),
        ("dpr:0.5/w:60/pd:3", (34, 24)),
        ("dpr:0.5/w:60/pd:5", (34, 24)),
    ],
)
def test_sizes_of_a_small_picture(result_size: ResultSize, options: str, size: tuple[int, int]) -> None:
    """Sizes that the reference made of a picture of 120 x 80: minimums enlarge, dpr does not."""
    assert result_size(options, SMALL) == size


@pytest.mark.parametrize(
    ("orientation", "auto_rotate", "options", "size"),
    [
        (6, True, "w:60", (60, 90)),
        (6, False, "w:60", (60, 40)),
        (6, True, "w:60/rot:90", (60, 40)),
        (6, True, "w:60/ar:0", (60, 40)),
        (6, False, "w:60/ar:1", (60, 90)),
        (5, True, "c:10:20", (10, 20)),
        (3, True, "c:10:20", (10, 20)),
        (8, True, "c:10:20/rot:90", (10, 20)),
    ],
)
def test_sizes_are_those_of_the_upright_picture(
    result_size: ResultSize, orientation: int, auto_rotate: bool, options: str, size: tuple[int, int]
) -> None:
    """Sizes are those of the upright picture; the option wins over the setting."""
    assert result_size(options, Raster(120, 80, orientation), auto_rotate=auto_rotate) == size


COLUMNS = "50x50 50x20 20x50 300x300 300x125 250x300 300x50 100x300 0x50 50x0 0x200 300x0".split()
ROWS = {
    "fit": "50x25 40x20 20x10 200x100 - - 100x50 100x50 100x50 50x25 200x100 200x100",
    "fit el:1": "50x25 40x20 20x10 300x150 250x125 250x125 - - 100x50 50x25 400x200 300x150",
    "fit ex:1": "50x50 50x20 20x50 300x300 300x125 250x300 - - 100x50 50x25 200x200 300x100",
    "fit exar:1": "50x50 50x20 20x50 200x200 240x100 - - - 100x50 50x25 200x100 200x100",
    "fill": "50x50 50x20 20x50 200x100 - - 200x50 100x100 100x50 50x25 200x100 200x100",
    "fill el:1": "50x50 50x20 20x50 300x300 300x125 250x300 - - 100x50 50x25 400x200 300x150",
    "fill ex:1": "50x50 50x20 20x50 300x300 300x125 250x300 300x50 100x300 100x50 50x25 200x200 300x100",
    "fill exar:1": "50x50 50x20 20x50 200x200 240x100 - 300x50 100x300 100x50 50x25 200x100 200x100",
    "fill-down": "50x50 50x20 20x50 100x100 200x83 83x100 - - 100x50 50x25 200x100 200x100",
    "fill-down el:1": "50x50 50x20 20x50 300x300 300x125 250x300 - - 100x50 50x25 400x200 300x150",
    "fill-down ex:1": "50x50 50x20 20x50 300x300 300x125 250x300 300x50 100x300 100x50 50x25 200x200 300x100",
    "fill-down exar:1": "50x50 50x20 20x50 100x100 200x83 83x100 - - 100x50 50x25 200x100 200x100",
}
"""For each resizing type and further option, the result of each column's target, `-` where none is recorded."""

CELLS = [
    (row, column, size)
    for row, sizes in ROWS.items()
    for column, size in zip(COLUMNS, sizes.split(), strict=True)
    if size != "-"
]


@pytest.mark.parametrize(("row", "target", "size"), CELLS)
def test_sizes_of_every_resizing_type(result_size: ResultSize, row: str, target: str, size: str) -> None:
    """Sizes of every resizing type, with enlarging and both extensions, of a picture of 200 x 100."""
    type, _, further = row.partition(" ")
    options = f"rs:{type}:{target.replace('x', ':')}/{further}".removesuffix("/")

    assert "{}x{}".format(*result_size(options, GEOMETRY)) == size


@pytest.mark.parametrize("type", ["fit", "fill"])
def test_a_tall_target_extends_the_aspect_ratio(result_size: ResultSize, type: str) -> None:
    """A tall target extends the aspect ratio as far as the picture is wide."""
    assert result_size(f"rs:{type}:250:500/exar:1", GEOMETRY) == (200, 400)


PADDING = "pd:100:200:300:400"


@pytest.mark.parametrize(
    ("limit", "target", "further", "fit", "fill", "fill_down"),
    [
        (1000, "100:100", "", (100, 50), (100, 100), (100, 100)),
        (50, "100:100", "", (50, 25), (50, 50), (50, 50)),
        (50, "1000:50", "", None, (50, 13), (50, 3)),
        (50, "100:1000", "", None, (50, 50), (5, 50)),
        (50, "0:0", "", (50, 25), (50, 25), (50, 25)),
        (100, "0:100", "", (100, 50), (100, 50), (100, 50)),
        (50, "150:0", "", (50, 25), (50, 25), (50, 25)),
        (100, "1000:1000", "", (100, 50), (100, 50), (100, 100)),
        (100, "1000:1000", "el:1", (100, 50), (100, 100), (100, 100)),
        (100, "1000:2000", "ex:1", (50, 100), (50, 100), (50, 100)),
        (100, "1000:2000", "exar:1", (50, 100), (50, 100), (50, 100)),
        (100, "100:150", "rot:90", (50, 100), (67, 100), None),
        (100, "1000:1500", "rot:90", None, None, (67, 100)),
        (100, "0:0", "rot:90", (50, 100), (50, 100), (50, 100)),
        (200, "100:100", PADDING, (200, 129), (200, 144), (200, 144)),
        (200, "1000:1000", PADDING, None, None, (200, 144)),
        (0, "300:300", "el:1", (300, 150), (300, 300), (300, 300)),
        (-1, "300:300", "el:1", (300, 150), (300, 300), (300, 300)),
    ],
)
def test_the_longest_side_of_a_result_is_limited(
    result_size: ResultSize,
    limit: int,
    target: str,
    further: str,
    fit: tuple[int, int] | None,
    fill: tuple[int, int] | None,
    fill_down: tuple[int, int] | None,
) -> None:
    """The longest side of a result, padding and extension included, is limited; what is not recorded is None."""
    for type, size in (("fit", fit), ("fill", fill), ("fill-down", fill_down)):
        if size is not None:
            options = f"rs:{type}:{target}/{further}".removesuffix("/")
            assert result_size(options, GEOMETRY, limit=limit) == size, type


@pytest.mark.parametrize(
    ("options", "size"),
    [
        *((f"rs:fill:100:26/g:{type}", (100, 26)) for type in "ce no so noea soea sowe nowe".split()),
        *((f"rs:fill:26:100/g:{type}", (26, 100)) for type in "ce ea we noea soea sowe nowe".split()),
        ("rs:fill:100:26/dpr:2", (200, 52)),
        ("rs:fill:100:26/g:no:0:5/dpr:0.5", (50, 13)),
        ("rs:fill:100:26/g:no:0:5/dpr:2", (200, 52)),
        ("rs:fill:26:100/g:no:5/dpr:0.5", (13, 50)),
        ("rs:fill:26:100/g:no:5/dpr:2", (26, 100)),
        ("c:50:50:ce:10:10", (50, 50)),
        ("c:50:50:ce:10:10/dpr:0.5", (25, 25)),
        ("w:500/h:500/ex:1", (500, 500)),
        ("w:500/h:500/ex:1:no:0:5/dpr:0.5", (250, 250)),
        ("w:500/h:500/ex:1:no:0:5/dpr:2", (500, 500)),
        ("w:300/h:600/exar:1", (200, 400)),
        ("w:300/h:600/exar:1/dpr:0.5", (150, 300)),
        ("w:300/h:600/exar:1/dpr:2", (200, 400)),
        ("pd:20:30:40:10/el:1", (240, 160)),
        ("pd:20:30:40:10/el:1/dpr:0.5", (120, 80)),
        ("pd:20:30:40:10/el:1/dpr:2", (480, 320)),
    ],
)
def test_sizes_of_crops_extensions_and_paddings_under_dpr(
    result_size: ResultSize, options: str, size: tuple[int, int]
) -> None:
    """Sizes of crops, extensions and paddings under dpr, of a picture of 200 x 100."""
    assert result_size(options, GEOMETRY) == size


@pytest.mark.parametrize(
    ("options", "size"),
    [("w:1000", (1000, 500)), ("rs:fill:300:300", (300, 300)), ("dpr:2", (400, 200)), ("z:2", (400, 200))],
)
def test_drawings_are_enlarged_without_being_asked(
    result_size: ResultSize, options: str, size: tuple[int, int]
) -> None:
    """Drawings are enlarged without being asked."""
    assert result_size(options, Raster(200, 100, is_vector=True)) == size
