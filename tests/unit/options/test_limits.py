"""Limits that URLs may set when they are allowed to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.errors import SecurityOptionForbidden
from renderer.options.limits import Limits
from renderer.options.tables import PROCESSING
from renderer.request.parse import Grammar, parse_request
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("msr:16.8", Limits(max_src_resolution=16_800_000)),
        ("msr:0.00001", Limits(max_src_resolution=10)),
        ("msr:0.0000019", Limits(max_src_resolution=1)),
        ("msr:0", Limits(max_src_resolution=0)),
        ("msr:1e308", Limits(max_src_resolution=10**15)),
        ("msfs:1000", Limits(max_src_file_size=1000)),
        ("msfs:0", Limits(max_src_file_size=0)),
        ("msfs:-1", Limits(max_src_file_size=-1)),
        ("maf:3", Limits(max_animation_frames=3)),
        ("mafr:0.5", Limits(max_animation_frame_resolution=500_000)),
        ("mafr:0", Limits(max_animation_frame_resolution=0)),
        ("mrd:100", Limits(max_result_dimension=100)),
        ("mrd:0", Limits(max_result_dimension=0)),
        ("mrd:-1", Limits(max_result_dimension=-1)),
    ],
)
def test_each_limit_sets_its_value(read: Read, options: str, expected: Limits) -> None:
    """Each limit sets its value; megapixels become whole pixels, cut off and not rounded."""
    assert read(options).limits == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("msr:", "Invalid max_src_resolution:  (expected positive number or 0)"),
        ("msr:-1", "Invalid max_src_resolution: -1 (expected positive number or 0)"),
        ("msr:inf", "Invalid max_src_resolution: inf (expected positive number or 0)"),
        ("msr:1:2", "Invalid max_src_resolution arguments: [1 2]"),
        ("msfs:1.5", "Invalid max_src_file_size: 1.5 (expected integer number)"),
        ("maf:0", "Invalid max_animation_frames: 0 (expected positive number)"),
        ("mafr:-0.1", "Invalid max_animation_frame_resolution: -0.1 (expected positive number or 0)"),
        ("mrd:a", "Invalid max_result_dimension: a (expected integer number)"),
    ],
)
def test_a_bad_limit_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad limit is refused."""
    assert refused(options) == text


SECURITY = [name for row in PROCESSING.options if row.is_security for name in (row.name, *row.aliases)]


def test_the_five_limits_are_the_security_options() -> None:
    """The five limits are the security options."""
    assert SECURITY[::2] == [
        "max_src_resolution",
        "max_src_file_size",
        "max_animation_frames",
        "max_animation_frame_resolution",
        "max_result_dimension",
    ]
    assert SECURITY[1::2] == ["msr", "msfs", "maf", "mafr", "mrd"]


@pytest.mark.parametrize("name", SECURITY)
@pytest.mark.parametrize("argument", ["1", "nonsense", ""])
def test_limits_are_forbidden_before_their_arguments_are_looked_at(name: str, argument: str) -> None:
    """Without permission a limit is 403, whatever its arguments are."""
    with pytest.raises(SecurityOptionForbidden) as refused:
        parse_request(f"w:10/{name}:{argument}/plain/local:///a.jpg", Grammar(now=lambda: 0.0))
    assert (refused.value.status, refused.value.public) == (403, "Invalid URL")
    assert str(refused.value) == "Security processing options are not allowed"
