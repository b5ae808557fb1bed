"""What a plan says of its steps, and which plans there cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.errors import ResultImpossible
from renderer.options.arguments import Gravity, GravityType
from renderer.options.canvas import Canvas, Padding
from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster
from renderer.pipeline.plan import MAX_SIDE, FramePlan, PlanDefaults, crop_box, padding_sides, plan_frame
from renderer.request.values import Pipeline, RenderRequest

Planned = Callable[..., FramePlan]
Read = Callable[[str], RenderRequest]

SMALL = Raster(120, 80)
GEOMETRY = Raster(200, 100)


def gravity(type: str, x: float = 0, y: float = 0) -> Gravity:
    """A gravity by the word that URLs have for it."""
    return Gravity(type=GravityType(type), x=x, y=y)


def test_a_plan_without_options_leaves_everything_alone(planned: Planned) -> None:
    """A plan without options leaves everything alone."""
    assert planned("", SMALL) == FramePlan(
        angle=0,
        is_mirrored=False,
        rotate=0,
        flip=(False, False),
        crop=Size(0, 0),
        crop_gravity=gravity("ce"),
        gravity=gravity("ce"),
        scale_x=1,
        scale_y=1,
        dpr=1,
        target=Size(0, 0),
        result=Size(0, 0),
        extended=Size(0, 0),
        whole=Size(120, 80),
    )


def test_a_plan_says_what_every_step_needs(planned: Planned) -> None:
    """A plan says what every step needs."""
    options = "rs:fill:50:50/g:no:0:5/c:100:0.5:so/dpr:1.5/rot:90/fl:1:0/exar:1"

    assert planned(options, Raster(400, 300, 2)) == FramePlan(
        angle=0,
        is_mirrored=True,
        rotate=90,
        flip=(True, False),
        crop=Size(100, 200),
        crop_gravity=gravity("so"),
        gravity=gravity("no", 0, 5),
        scale_x=0.75,
        scale_y=0.75,
        dpr=1.5,
        target=Size(75, 75),
        result=Size(75, 75),
        extended=Size(0, 0),
        whole=Size(75, 75),
    )


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("w:60", Size(60, 40)),
        ("w:60/rot:90", Size(60, 90)),
        ("w:60/h:60/ex:1", Size(60, 60)),
        ("w:60/h:60/exar:1", Size(60, 60)),
        ("w:60/pd:1:2:3:4", Size(66, 44)),
        ("c:50:20", Size(50, 20)),
    ],
)
def test_a_plan_says_how_large_the_result_is(planned: Planned, options: str, size: Size) -> None:
    """With what is cut off, and with canvas and padding."""
    assert planned(options, SMALL).whole == size


@pytest.mark.parametrize(
    ("options", "dpr"),
    [
        ("", 1),
        ("dpr:2", 1),
        ("dpr:2/el:1", 2),
        ("dpr:0.5", 0.5),
        ("w:240/dpr:0.5", 1),
        ("w:240/h:240/dpr:0.5/ex:1", 0.5),
        ("w:240/dpr:2", 1),
        ("w:100/dpr:2", 1.2),
        ("w:60/dpr:2", 2),
        ("w:60/dpr:3", 2),
        ("z:2/dpr:2/el:1", 2),
        ("z:2", 1),
    ],
)
def test_the_effective_dpr_is_as_much_as_the_picture_has(planned: Planned, options: str, dpr: float) -> None:
    """The effective dpr is as much as the picture has pixels for, unless enlarging is asked for."""
    assert planned(options, SMALL).dpr == pytest.approx(dpr)


def test_a_dpr_below_one_is_compensated_where_nothing_is_enlarged(planned: Planned) -> None:
    """A dpr below one is compensated where the target is not reached anyway, as recorded."""
    assert planned("w:300/h:600/exar:1/dpr:0.5", GEOMETRY).dpr == pytest.approx(0.75)


def test_a_limit_shrinks_dpr_and_with_it_paddings_and_targets(planned: Planned) -> None:
    """A limit on the result shrinks the effective dpr, and with it paddings, targets and offsets."""
    plan = planned("rs:fill:100:100/pd:100:200:300:400", GEOMETRY, limit=200)

    assert plan.dpr == pytest.approx(200 / 700)
    assert plan.target == plan.result == Size(29, 29)
    assert plan.scale_y == pytest.approx(200 / 700)


def test_a_limit_leaves_at_least_a_pixel(planned: Planned) -> None:
    """A limit leaves at least a pixel of the picture, whatever surrounds it."""
    plan = planned("w:10/pd:10000", Raster(1000, 1), limit=10)

    assert plan.scale_x >= 1 / 1000
    assert plan.scale_y == 1


@pytest.mark.parametrize(
    ("padding", "dpr", "sides"),
    [
        ("", 1, (0, 0, 0, 0)),
        ("pd:1:2:3:4", 1, (1, 2, 3, 4)),
        ("pd:3:5:7:0", 0.5, (2, 2, 4, 0)),
        ("pd::10", 2, (0, 20, 0, 20)),
    ],
)
def test_paddings_scale_with_the_effective_dpr(
    read: Read, padding: str, dpr: float, sides: tuple[int, int, int, int]
) -> None:
    """Paddings scale with the effective dpr, halves to the even number."""
    assert padding_sides(read(padding).pipelines[0], dpr) == sides


@pytest.mark.parametrize(
    ("options", "orientation", "size", "at"),
    [
        ("c:10:20", 1, Size(10, 20), gravity("ce")),
        ("c:10:20/g:no:1:2", 1, Size(10, 20), gravity("no", 1, 2)),
        ("c:10:20:so/g:no:1:2", 1, Size(10, 20), gravity("so")),
        ("c:10:20:no", 6, Size(20, 10), gravity("we")),
        ("c:10:20:no", 3, Size(10, 20), gravity("so")),
        ("c:10:20:ea:5", 2, Size(10, 20), gravity("we", 5)),
        ("c:10:20:no/ar:0", 6, Size(10, 20), gravity("no")),
        ("c:10:20:no/rot:90", 1, Size(20, 10), gravity("we")),
        ("c:10:20:no/rot:90", 6, Size(10, 20), gravity("so")),
        ("c:10:20:nowe/rot:90/fl:1", 1, Size(20, 10), gravity("nowe")),
        ("c:10:20:nowe/fl:1:1", 1, Size(10, 20), gravity("soea")),
    ],
)
def test_the_first_crop_is_told_in_the_raster_as_it_is_stored(
    planned: Planned, options: str, orientation: int, size: Size, at: Gravity
) -> None:
    """The first crop is told in the raster as it is stored: first flips and turns are undone, then EXIF's."""
    assert crop_box(planned(options, Raster(400, 400, orientation))) == (size, at)


@pytest.mark.parametrize(
    ("options", "is_sideways"),
    [("", False), ("rot:90", True), ("rot:180", False), ("rot:270", True)],
)
def test_a_picture_is_sideways_after_an_odd_number_of_quarter_turns(
    *, planned: Planned, options: str, is_sideways: bool
) -> None:
    """A picture is sideways after an odd number of quarter turns, EXIF's included."""
    assert planned(options, SMALL).is_sideways is is_sideways
    assert planned(options, Raster(120, 80, 8)).is_sideways is not is_sideways


@pytest.mark.parametrize(
    "options",
    [
        "w:9223372036854775807/el:1",
        "w:10000001/el:1",
        "rs:force:1:10000001:1",
        "mw:9223372036854775807",
        "dpr:1e308/el:1",
        "dpr:100000/el:1",
        "z:1e308/el:1",
        "z:1e-320/mw:10",
        "dpr:1e308/pd:10/el:1",
        "pd:9223372036854775807",
        "pd:5000000",
        "pd:0:0:0:9999999",
        "pd:4:0:0:0/dpr:4000000/el:1",
        "w:20000000/ex:1",
        "w:20000000/h:10/rt:force/ex:1",
        "rs:fill:1:9999999/exar:1/el:1",
        "w:20000000/h:10/exar:1",
    ],
)
def test_a_result_beyond_any_size_is_impossible(planned: Planned, options: str) -> None:
    """A result beyond any size, its extension and padding included, is impossible: 404, not our fault."""
    with pytest.raises(ResultImpossible) as refused:
        planned(options, SMALL)
    assert (refused.value.status, refused.value.public) == (404, "Invalid URL")


@pytest.mark.parametrize(
    "options",
    [
        "w:9223372036854775807",
        f"w:{MAX_SIDE}/h:1/rt:force/el:1",
        "z:1e-320",
        "dpr:1e-308",
        "c:1e308:1e308",
        "c:1e-308:1e-308",
        "g:no:1e308:1e308/rs:fill:10:10/dpr:2",
        f"pd:0:0:0:{MAX_SIDE - 120}",
    ],
)
def test_large_numbers_alone_make_no_result_impossible(planned: Planned, options: str) -> None:
    """Large and tiny numbers alone make no result impossible, as long as its size is within bounds."""
    plan = planned(options, SMALL)

    assert 0 < plan.scale_x * 120 <= MAX_SIDE
    assert 0 < plan.scale_y * 80 <= MAX_SIDE


def test_a_limit_makes_a_large_result_possible(planned: Planned) -> None:
    """A limit on the result makes a large one possible."""
    assert planned("rs:force:5000000000:5:1", SMALL, limit=5).result == Size(5, 0)


def test_a_padding_that_cuts_everything_away_is_impossible() -> None:
    """A negative padding, as tiles of a watermark have it, cuts; if nothing is left the result is impossible."""
    cut = Pipeline(canvas=Canvas(padding=Padding(top=0, right=-60, bottom=0, left=-59)))
    gone = Pipeline(canvas=Canvas(padding=Padding(top=0, right=-60, bottom=0, left=-60)))

    assert plan_frame(cut, SMALL, PlanDefaults()).scale_x == 1
    with pytest.raises(ResultImpossible):
        plan_frame(gone, SMALL, PlanDefaults())
