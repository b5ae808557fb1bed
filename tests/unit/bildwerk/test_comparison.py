"""What counts as a difference between two answers."""

from __future__ import annotations

from functools import cache

import pytest
import pyvips

from bildwerk.comparison import Answer, Difference, Tolerances, differences

pytestmark = pytest.mark.usefixtures("capabilities")


@cache
def picture(suffix: str, *, level: int = 0, width: int = 64) -> bytes:
    """A small gradient, `level` brighter."""
    places = pyvips.Image.xyz(width, 48)
    image = (places[0] * 3 + level).bandjoin([places[1] * 3, 128]).cast("uchar").copy(interpretation="srgb")
    data: bytes = image.write_to_buffer(suffix)
    return data


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    """An answer; underscores in the names of headers are hyphens."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=lines, body=body, length=len(body))


def found(own: Answer, other: Answer, tolerances: Tolerances | None = None) -> list[str]:
    """The names of what differs."""
    return [difference.what for difference in differences(own, other, tolerances or Tolerances())[0]]


@pytest.mark.parametrize(
    ("name", "own", "other", "is_alike"),
    [
        ("content_type", "image/png", "image/png", True),
        ("content_type", "image/png", "image/jpeg", False),
        ("content_type", "image/png", "", False),
        ("cache_control", "max-age=10, public", "public,max-age=10", True),
        ("cache_control", "max-age=10, public", "max-age=12, public", True),
        ("cache_control", "max-age=10, public", "max-age=13, public", False),
        ("cache_control", "max-age=10, public", "max-age=10", False),
        ("cache_control", "max-age=10, s-maxage=10", "max-age=11, s-maxage=20", False),
        ("cache_control", "max-age=10", "s-maxage=10", False),
        ("cache_control", "no-cache", "max-age=0", False),
        ("vary", "Accept, Width", "width,accept", True),
        ("vary", "Accept", "Accept, Width", False),
        ("content_disposition", 'inline; filename="a.jpg"', 'attachment; filename="a.jpg"', False),
        ("etag", '"a"', '"b"', False),
        ("last_modified", "", "Sun, 01 Nov 2026 00:00:00 GMT", False),
        ("link", '<http://a/>; rel="canonical"', '<http://b/>; rel="canonical"', False),
        ("location", "http://a/", "http://b/", False),
        ("server", "a", "b", True),
        ("x_request_id", "a", "b", True),
    ],
)
def test_headers_that_caches_and_browsers_act_upon_count(name: str, own: str, other: str, *, is_alike: bool) -> None:
    """By what they mean, not by how they are written."""
    names = found(answer(**{name: own} if own else {}), answer(**{name: other} if other else {}))

    assert [name.lower() for name in names] == ([] if is_alike else [name.replace("_", "-")])


@pytest.mark.parametrize(
    ("own", "other", "names"),
    [
        (picture(".png"), picture(".png"), []),
        (picture(".png"), picture(".png[compression=9]"), []),
        (picture(".png[compression=0]"), picture(".png"), ["size"]),
        (picture(".png"), picture(".png", level=6), ["pixels"]),
        (picture(".png"), picture(".png", width=65), ["dimensions"]),
        (picture(".png[compression=0]"), picture(".jpg[Q=95]"), ["size"]),
        (picture(".png"), picture(".png")[:20], ["size", "pixels"]),
        (picture(".png"), b"<html>", ["size", "pixels"]),
        (b"Invalid URL", b"Not Found", ["body"]),
        (b"", b"", []),
    ],
)
def test_bodies_are_compared_by_what_they_show(own: bytes, other: bytes, names: list[str]) -> None:
    """Other bytes for the same pixels are no difference but in weight."""
    assert found(answer(own), answer(other)) == names


@pytest.mark.parametrize(
    ("tolerances", "names"),
    [
        (Tolerances(mean=1.9), ["pixels"]),
        (Tolerances(mean=24, worst_block=0.1), ["pixels"]),
        (Tolerances(mean=2.1, worst_block=3), []),
        (Tolerances(mean=2.1, worst_block=3, size_percent=0), ["size"]),
    ],
)
def test_what_is_alike_is_a_choice(tolerances: Tolerances, names: list[str]) -> None:
    """Of mean, worst square and weight."""
    own, other = answer(picture(".png")), answer(picture(".png", level=6))
    assert own.length < other.length < 1.05 * own.length

    assert found(own, other, tolerances) == names


def test_another_status_is_the_only_thing_that_is_told() -> None:
    """The rest follows from it."""
    own = answer(picture(".png"), content_type="image/png")
    other = answer(b"Not Found", 404, content_type="text/plain")

    assert differences(own, other, Tolerances()) == ([Difference(what="status", own="200", other="404")], None)


def test_what_is_no_picture_is_told_as_text() -> None:
    """As far as a line shows it."""
    names, _ = differences(answer(b"Invalid URL", 404), answer(b"\xff" + b"a" * 1000, 404), Tolerances())

    assert names == [Difference(what="body", own="Invalid URL", other=f"\ufffd{'a' * 79}... (1,001 bytes)")]


def test_no_answer_is_told_with_its_reason() -> None:
    """Beside what the other server said."""
    names, _ = differences(answer(), Answer(problem="no answer in time"), Tolerances())

    assert names == [Difference(what="answer", own="200", other="no answer in time")]


def test_pixels_are_told_as_numbers_also_when_they_are_alike() -> None:
    """For `--json`."""
    _, pixels = differences(answer(picture(".png")), answer(picture(".png", level=1)), Tolerances())

    assert pixels is not None
    assert pixels.mean == pytest.approx(1 / 3, abs=0.05)
