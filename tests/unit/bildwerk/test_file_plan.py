"""Which file becomes which."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bildwerk.file_plan import format_of_name, names_folder, plan
from renderer.formats import ImageFormat

WEBP, JPEG, PNG, TIFF = ImageFormat.WEBP, ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.TIFF


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with three inputs, one existing result and an existing folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.png", "a.png", "old.webp"):
        Path(name).write_bytes(b"x")
    Path("folder").mkdir()


def results(inputs: list[str], output: str, format: ImageFormat | None = None) -> list[tuple[str, ImageFormat]]:
    """Names and formats of what would be made."""
    return [(str(job.result), job.format) for job in plan(inputs, output, format, overwrites=False)]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.jpg", JPEG),
        ("a.JPEG", JPEG),
        ("a.jfif", JPEG),
        ("a.tif", TIFF),
        ("a.heif", ImageFormat.HEIC),
        ("a.b.webp", WEBP),
        ("a", None),
        (".jpg", None),
        ("a.nef", None),
        ("a.", None),
    ],
)
def test_a_name_promises_a_format(name: str, format: ImageFormat | None) -> None:
    """By its ending, in any case."""
    assert format_of_name(Path(name)) is format


@pytest.mark.parametrize(
    ("output", "inputs", "is_folder"),
    [
        ("out.jpg", ["a.jpg"], False),
        ("out/", ["a.jpg"], True),
        ("folder", ["a.jpg"], True),
        ("new", ["a.jpg"], False),
        ("new", ["a.jpg", "b.png"], True),
    ],
)
def test_the_last_argument_is_a_folder_or_a_file(output: str, inputs: list[str], *, is_folder: bool) -> None:
    """A folder for several inputs, where there is one, and where a slash says so."""
    assert names_folder(output, inputs) is is_folder


@pytest.mark.parametrize(
    ("inputs", "output", "format", "expected"),
    [
        (["a.jpg"], "out.webp", None, [("out.webp", WEBP)]),
        (["a.jpg"], "out.webp", PNG, [("out.webp", PNG)]),
        (["a.jpg"], "out", PNG, [("out", PNG)]),
        (["a.jpg"], "folder", None, [("folder/a.jpg", JPEG)]),
        (["a.jpg", "b.png"], "new", None, [("new/a.jpg", JPEG), ("new/b.png", PNG)]),
        (["a.jpg", "b.png"], "new", WEBP, [("new/a.webp", WEBP), ("new/b.webp", WEBP)]),
        (["x/a.JPEG", "b.png"], "new", JPEG, [("new/a.JPEG", JPEG), ("new/b.jpg", JPEG)]),
        (["scan.2024", "b.png"], "new", WEBP, [("new/scan.2024.webp", WEBP), ("new/b.webp", WEBP)]),
        (["a.jpg", "a.png"], "new", None, [("new/a.jpg", JPEG), ("new/a.png", PNG)]),
    ],
)
def test_results_are_named_after_their_inputs(
    inputs: list[str], output: str, format: ImageFormat | None, expected: list[tuple[str, ImageFormat]]
) -> None:
    """With the ending of their format; inputs need not be there yet."""
    assert results(inputs, output, format) == expected


@pytest.mark.parametrize(
    ("inputs", "output", "format", "problem"),
    [
        (["a.jpg"], "out", None, "out: its name ends with no known format: name one with --format"),
        (["a.jpg"], "out.foo", None, "out.foo: its name ends with no known format: name one with --format"),
        (["a", "b.png"], "new", None, "new/a: its name ends with no known format: name one with --format"),
        (["a.jpg", "a.png"], "new", WEBP, "new/a.webp: a.jpg and a.png would both be written there"),
        (["a.jpg", "x/a.jpg"], "new", None, "new/a.jpg: a.jpg and x/a.jpg would both be written there"),
        (["a.jpg"], "old.webp", None, "old.webp: exists already (--force overwrites it)"),
        (["a.jpg"], "a.jpg", None, "a.jpg: is an input, and inputs are never overwritten"),
        (["a.jpg"], "./folder/../a.jpg", None, "folder/../a.jpg: is an input, and inputs are never overwritten"),
        (["a.jpg", "b.png"], ".", None, "a.jpg: is an input, and inputs are never overwritten"),
        (["a.jpg"], "new/out.jpg", None, "new/out.jpg: there is no folder new"),
        (["a.jpg", "b.png"], "old.webp", None, "old.webp is a file; several inputs need a folder to go to"),
    ],
)
def test_what_would_lose_something_stops_everything(
    inputs: list[str], output: str, format: ImageFormat | None, problem: str
) -> None:
    """Before any file is read."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        results(inputs, output, format)


def test_force_overwrites_results_and_no_inputs() -> None:
    """Not even one that is reached through a link."""
    Path("link.jpg").symlink_to("a.jpg")
    os.link("a.jpg", "hard.jpg")

    assert plan(["a.jpg"], "old.webp", None, overwrites=True)[0].result == Path("old.webp")
    for name in ("a.jpg", "link.jpg", "hard.jpg"):
        with pytest.raises(ValueError, match="is an input"):
            plan(["b.png", "a.jpg"][1:], name, None, overwrites=True)


def test_a_dangling_link_is_an_existing_result() -> None:
    """Replacing it loses it."""
    Path("link.webp").symlink_to("nowhere")

    with pytest.raises(ValueError, match="exists already"):
        plan(["a.jpg"], "link.webp", None, overwrites=False)


def test_a_folder_of_a_results_name_is_in_the_way() -> None:
    """`--force` does not remove it."""
    Path("folder/a.jpg").mkdir()

    with pytest.raises(ValueError, match="folder/a.jpg: is a folder"):
        plan(["a.jpg"], "folder", None, overwrites=True)


def test_many_problems_are_not_all_listed() -> None:
    """The rest is counted."""
    with pytest.raises(ValueError, match="and 80 more$"):
        plan([f"{number}" for number in range(100)], "new", None, overwrites=False)
