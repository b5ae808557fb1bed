"""The option table: every name is known, every value can be written and read again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from renderer.formats import ImageFormat
from renderer.options.arguments import Gravity, GravityType, single, uint
from renderer.options.canvas import Extend, Padding
from renderer.options.crop import Crop, Trim
from renderer.options.declare import MetaOption, Option, Stage, option, table
from renderer.options.resize import ResizingType
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING, REQUEST_FAMILIES
from renderer.options.watermark import WatermarkPlacement
from renderer.request.values import RenderRequest

SOUTH = Gravity(type=GravityType.SOUTH, x=1, y=2)
JPEG = ImageFormat.JPEG

EXAMPLES: dict[str, tuple[str, str, object]] = {
    "resizing_type": ("rt", "fill", ResizingType.FILL),
    "width": ("w", "10", 10),
    "height": ("h", "10", 10),
    "min-width": ("mw", "10", 10),
    "min-height": ("mh", "10", 10),
    "zoom": ("z", "2:3", (2.0, 3.0)),
    "dpr": ("", "2", 2.0),
    "enlarge": ("el", "1", True),
    "trim": ("t", "10:ff0000:1:1", Trim(threshold=10, color=(255, 0, 0), equal_hor=True, equal_ver=True)),
    "crop": ("c", "10:0.5:so:1:2", Crop(width=10, height=0.5, gravity=SOUTH)),
    "gravity": ("g", "so:1:2", SOUTH),
    "auto_rotate": ("ar", "1", True),
    "rotate": ("rot", "90", 90),
    "flip": ("fl", "1:1", (True, True)),
    "extend": ("ex", "1:so:1:2", Extend(is_enabled=True, gravity=SOUTH)),
    "extend_aspect_ratio": ("extend_ar exar", "1:so:1:2", Extend(is_enabled=True, gravity=SOUTH)),
    "padding": ("pd", "1:2:3:4", Padding(top=1, right=2, bottom=3, left=4)),
    "background": ("bg", "ff0000", (255, 0, 0)),
    "blur": ("bl", "1.5", 1.5),
    "sharpen": ("sh", "1.5", 1.5),
    "pixelate": ("pix", "8", 8),
    "watermark": ("wm", "0.5:so:1:2:0.3", WatermarkPlacement(opacity=0.5, position=SOUTH.type, x=1, y=2, scale=0.3)),
    "format": ("f ext", "jpeg", JPEG),
    "quality": ("q", "50", 50),
    "format_quality": ("fq", "jpeg:50", ((JPEG, 50),)),
    "max_bytes": ("mb", "1000", 1000),
    "strip_metadata": ("sm", "1", True),
    "keep_copyright": ("kcr", "1", True),
    "strip_color_profile": ("scp", "1", True),
    "preserve_hdr": ("ph", "1", True),
    "enforce_thumbnail": ("eth", "1", True),
    "skip_processing": ("skp sp", "jpeg", frozenset({JPEG})),
    "raw": ("", "1", True),
    "cachebuster": ("cb", "abc", "abc"),
    "expires": ("exp", "4102444800", 4_102_444_800),
    "filename": ("fn", "Y2F0:1", "cat"),
    "return_attachment": ("att", "1", True),
    "max_src_resolution": ("msr", "0.0000105", 10),
    "max_src_file_size": ("msfs", "1000", 1000),
    "max_animation_frames": ("maf", "3", 3),
    "max_animation_frame_resolution": ("mafr", "0.0000105", 10),
    "max_result_dimension": ("mrd", "100", 100),
}
"""Every option: its aliases, arguments, and the value that they give."""

NAMES = [(row, name) for row in PROCESSING.options for name in (row.name, *row.aliases)]


def value(request: RenderRequest, row: Option) -> Any:
    """The value of an option in a request."""
    owner = request.pipelines[0] if row.family in PIPELINE_FAMILIES else request
    return getattr(getattr(owner, row.family), row.attribute)


def test_the_table_has_these_options_under_these_names() -> None:
    """The table has these options under these names, in this order, and no others."""
    assert {row.name: " ".join(row.aliases) for row in PROCESSING.options} == {
        name: aliases for name, (aliases, _, _) in EXAMPLES.items()
    }
    assert [row.name for row in PROCESSING.options] == list(EXAMPLES)
    assert [(row.name, *row.aliases) for row in PROCESSING.metas] == [("resize", "rs"), ("size", "s"), ("preset", "pr")]


@pytest.mark.parametrize(("row", "name"), NAMES, ids=[name for _, name in NAMES])
def test_an_option_reads_the_same_under_each_of_its_names(
    read: Callable[[str], RenderRequest], row: Option, name: str
) -> None:
    """An option reads the same under each of its names, and sets nothing else."""
    _, arguments, expected = EXAMPLES[row.name]
    request = read(f"{name}:{arguments}")

    assert value(request, row) == expected
    assert {other.name for other in PROCESSING.options if value(request, other) != other.default} == {row.name}


@pytest.mark.parametrize("row", PROCESSING.options, ids=lambda row: row.name)
def test_a_value_is_written_as_the_arguments_that_give_it(row: Option) -> None:
    """A value is written as the arguments that give it; the example is already in that form."""
    _, arguments, expected = EXAMPLES[row.name]

    assert [":".join(texts) for texts in row.kind.write(expected)] == [arguments]


def test_pipeline_and_request_share_the_families() -> None:
    """Pipeline options and request options are disjoint families and make up the table."""
    assert list(PROCESSING.families) == [*PIPELINE_FAMILIES, *REQUEST_FAMILIES]
    assert {row.name for row in PROCESSING.options if row.family in REQUEST_FAMILIES} == {
        *("format", "quality", "format_quality", "max_bytes", "skip_processing"),
        *("strip_metadata", "keep_copyright", "strip_color_profile", "preserve_hdr", "enforce_thumbnail"),
        *("raw", "cachebuster", "expires", "filename", "return_attachment"),
        *("max_src_resolution", "max_src_file_size", "max_animation_frames"),
        *("max_animation_frame_resolution", "max_result_dimension"),
    }


def test_only_delivery_leaves_the_bytes_alone() -> None:
    """Only the expiry, the file name and the disposition leave the result's bytes alone."""
    assert [row.name for row in PROCESSING.options if not row.changes_bytes] == [
        "expires",
        "filename",
        "return_attachment",
    ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Toy:
    """A family of one option."""

    size: int = option(
        "size", "s", usage="%size", kind=single(uint), default=0, stage=Stage.PLANNING, doc="A size for the test."
    )


def meta(name: str, *aliases: str) -> MetaOption:
    """A meta-option that stands for nothing."""
    return MetaOption(name=name, aliases=aliases, usage="", doc="", expand=lambda _arguments, _key: ())


def test_a_row_knows_its_family_and_its_attribute() -> None:
    """A row knows its family and its attribute, and is found under each name."""
    toys = table({"toy": Toy}, (meta("play"),))
    (row,) = toys.options

    assert (row.family, row.attribute, row.default) == ("toy", "size", 0)
    assert toys.by_name["size"] is toys.by_name["s"] is row
    assert toys.by_name["play"] is toys.metas[0]


@pytest.mark.parametrize(
    ("families", "metas", "name"),
    [
        ({"toy": Toy, "other": Toy}, (), "size"),
        ({"toy": Toy}, (meta("sum", "s"),), "s"),
        ({}, (meta("a"), meta("b", "a")), "a"),
    ],
    ids=["two options", "an option and a meta-option", "two meta-options"],
)
def test_a_name_that_two_rows_claim_is_refused(
    families: dict[str, type[Any]], metas: tuple[MetaOption, ...], name: str
) -> None:
    """A name that two rows claim is refused."""
    with pytest.raises(ValueError, match=f"two options are called '{name}'"):
        table(families, metas)
