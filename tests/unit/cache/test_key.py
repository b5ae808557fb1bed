"""What identifies a result: equal keys only for equal bytes."""

from __future__ import annotations

import re

import pytest

from renderer.cache.key import cache_key
from renderer.options.tables import PROCESSING
from renderer.request.parse import Grammar, parse_request
from renderer.request.presets import parse_presets
from renderer.request.values import NO_FEATURES, ClientFeatures

SOURCE = "plain/local:///a.jpg"

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "resizing_type": ("fill", "fill-down", "force", "auto"),
    "width": ("10", "11"),
    "height": ("10", "11"),
    "min-width": ("10", "11"),
    "min-height": ("10", "11"),
    "zoom": ("2", "3", "2:3", "3:2"),
    "dpr": ("2", "0.5"),
    "enlarge": ("1",),
    "trim": ("0", "10", "10:fff", "10::1", "10:::1", "10::1:1"),
    "crop": ("10:20", "20:10", "0.1:20", "10:20:no", "10:20:ce", "10:20:no:1", "10:20:no::1", "10:20:sm"),
    "gravity": ("no", "so", "no:1", "no::1", "sm", "fp:0:0", "fp:1:0"),
    "auto_rotate": ("0", "1"),
    "rotate": ("90", "180", "270"),
    "flip": ("1", "0:1", "1:1"),
    "extend": ("1", "1:no", "1:no:1", "1:fp:0:1"),
    "extend_aspect_ratio": ("1", "1:no", "1:no:1", "1:fp:0:1"),
    "padding": ("1", "2", "1:2", "1:2:3", "1:2:3:4"),
    "background": ("fff", "000", "fffffe"),
    "blur": ("1", "1.5"),
    "sharpen": ("1", "1.5"),
    "pixelate": ("2", "3"),
    "watermark": ("1", "0.5", "1:re", "1:no", "1:no:1", "1:no::1", "1:no:::0.5"),
    "format": ("png", "jpg", "webp"),
    "quality": ("1", "2"),
    "format_quality": ("jpg:1", "jpg:2", "png:1", "jpg:1:png:1"),
    "max_bytes": ("1", "2"),
    "strip_metadata": ("0", "1"),
    "keep_copyright": ("0", "1"),
    "strip_color_profile": ("0", "1"),
    "preserve_hdr": ("0", "1"),
    "enforce_thumbnail": ("0", "1"),
    "skip_processing": ("jpg", "png", "jpg:png"),
    "raw": ("1",),
    "cachebuster": ("a", "b"),
    "max_src_resolution": ("1", "2"),
    "max_src_file_size": ("1", "0"),
    "max_animation_frames": ("1", "2"),
    "max_animation_frame_resolution": ("1", "0"),
    "max_result_dimension": ("1", "0"),
}
"""For each option that changes bytes, arguments that differ in what they mean."""


def key(path: str, features: ClientFeatures = NO_FEATURES) -> str:
    """The key of a path; a path without a source gets the usual one."""
    grammar = Grammar(now=lambda: 0.0, allows_security_options=True, presets=parse_presets(["thumb=w:10/h:20"], ":"))
    path = path if "plain/" in path or path.startswith("bG9j") else f"{path}/{SOURCE}"
    return cache_key(parse_request(path, grammar, features))


def test_a_key_is_a_text_of_64_hexadecimal_digits() -> None:
    """A key is a text of 64 hexadecimal digits, the same in every process."""
    assert re.fullmatch("[0-9a-f]{64}", key("w:10"))
    assert key("w:10") == key("w:10")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("w:10/h:20", "h:20/w:10"),
        ("w:10/h:20", "rs::10:20"),
        ("w:10/h:20", "size:10:20"),
        ("w:10/h:20", "pr:thumb"),
        ("w:5/w:10", "width:10"),
        ("w:0/el:0/dpr:1/g:ce:0:0", SOURCE),
        ("pd:5", "pd:5:5:5:5"),
        ("z:2", "z:2:2.0"),
        ("bg:fff", "bg:255:255:255"),
        ("g:no:-0:0", "g:no"),
        ("bl:-0", SOURCE),
        ("rot:450", "rot:-270"),
        ("fq:jpg:5:png:6", "fq:png:6/fq:jpeg:5"),
        ("skp:jpg:png", "skp:png/skp:jpeg"),
        ("f:png", f"{SOURCE}@png"),
        ("f:jpg", f"f:png/{SOURCE}@jpeg"),
        (SOURCE, "bG9jYWw6Ly8vYS5qcGc"),
        (SOURCE, "plain/local:///%61.jpg"),
        ("exp:4102444800", SOURCE),
        ("exp:4102444800", "exp:4102444801"),
        ("fn:cat", SOURCE),
        ("fn:cat", "fn:dog"),
        ("att:1", "att:0"),
        ("att:1", SOURCE),
    ],
)
def test_paths_that_mean_the_same_picture_share_a_key(one: str, other: str) -> None:
    """Paths that mean the same picture share a key, whatever way they put it and however it is delivered."""
    assert key(one) == key(other)


def test_every_option_that_changes_bytes_is_in_the_table_of_this_test() -> None:
    """Every option that changes bytes has arguments to compare."""
    assert list(ARGUMENTS) == [row.name for row in PROCESSING.options if row.changes_bytes]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_option_that_changes_bytes_changes_the_key(name: str) -> None:
    """Each value of an option that changes bytes has a key of its own."""
    keys = [key(SOURCE), *(key(f"{name}:{arguments}") for arguments in ARGUMENTS[name])]

    assert len(set(keys)) == len(keys)


def test_no_two_options_share_a_key() -> None:
    """No two options share a key, not even with the same arguments."""
    paths = [f"{name}:{arguments}" for name, texts in ARGUMENTS.items() for arguments in texts]

    assert len({key(path) for path in paths}) == len(paths)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("plain/local:///a.jpg", "plain/local:///b.jpg"),
        ("plain/local:///a.jpg", "plain/local:///A.jpg"),
        ("plain/http://h/a?v=1", "plain/http://h/a%3Fv=2"),
        ("plain/%E4", "plain/%C3%A4"),
        ("cb:a/plain/b", "cb:ab/plain/"),
        ("cb:quality1/plain/a", "cb:quality/q:1/plain/a"),
    ],
)
def test_another_source_is_another_key(one: str, other: str) -> None:
    """Another source is another key, and parts do not run together."""
    if other.endswith("plain/"):
        other = f"{other}b"
    assert key(one) != key(other)


PREFERS = [ClientFeatures(**{f"prefers_{name}": True}) for name in ("webp", "avif", "jxl")]
ENFORCES = [ClientFeatures(**{f"prefers_{name}": True, f"enforces_{name}": True}) for name in ("webp", "avif", "jxl")]


def test_what_the_client_accepts_counts_where_it_may_choose_the_format() -> None:
    """Without a format, what the client prefers counts; with one, only what is enforced does."""
    open_keys = [key("w:10", features) for features in (NO_FEATURES, *PREFERS)]
    assert len(set(open_keys)) == 4
    assert [key("w:10", features) for features in ENFORCES] == open_keys[1:]

    named_keys = [key("f:png", features) for features in (NO_FEATURES, *ENFORCES)]
    assert len(set(named_keys)) == 4
    assert {key("f:png", features) for features in PREFERS} == {named_keys[0]}
