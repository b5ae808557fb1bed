"""Files below a root: what opens, and that nothing outside does."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from renderer.storage.filesystem import Filesystem, _descend


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file, a folder with a file, and a secret beside it."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "a.jpg").write_bytes(b"0123456789")
    (root / "folder" / "b c%20.jpg").write_bytes(b"inner")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside" / "secret").write_bytes(b"secret")
    return root


def content(root: Path, key: str) -> bytes:
    """The whole file that a key names."""
    with Filesystem(root).open(key) as file:
        return file.read_at(0, file.size)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.jpg", b"0123456789"),
        ("/a.jpg", b"0123456789"),
        ("folder/b c%20.jpg", b"inner"),
        ("folder/../a.jpg", b"0123456789"),
        ("nowhere/../a.jpg", b"0123456789"),
        ("../../../a.jpg", b"0123456789"),
        ("./folder//b c%20.jpg", b"inner"),
    ],
)
def test_a_key_names_the_file_that_its_cleaned_text_leads_to(root: Path, key: str, expected: bytes) -> None:
    assert content(root, key) == expected


def test_size_and_time_are_those_of_the_file(root: Path) -> None:
    os.utime(root / "a.jpg", ns=(1, 1_750_000_000_123_456_789))

    with Filesystem(root).open("a.jpg") as file:
        assert (file.size, file.modified_ns) == (10, 1_750_000_000_123_456_789)


@pytest.mark.parametrize(
    ("offset", "length", "expected"), [(0, 3, b"012"), (8, 5, b"89"), (10, 5, b""), (50, 1, b""), (3, 0, b"")]
)
def test_reading_stops_where_the_file_ends(root: Path, offset: int, length: int, expected: bytes) -> None:
    with Filesystem(root).open("a.jpg") as file:
        assert file.read_at(offset, length) == expected


def test_a_file_closes_once_and_then_reads_no_more(root: Path) -> None:
    file = Filesystem(root).open("a.jpg")
    file.close()
    file.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        file.read_at(0, 1)


@pytest.mark.parametrize(
    "key",
    [
        "missing.jpg",
        "../secret",
        "../root-beside/secret",
        "a\0.jpg",
        "\ud800.jpg",
        "x" * 300,
        "x/" * 3000 + "x",
        "%61.jpg",
    ],
)
def test_a_name_without_a_file_below_the_root_is_refused(root: Path, key: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which one differs, that it is one is the promise
        Filesystem(root).open(key)


@pytest.mark.parametrize("key", ["", "/", "folder", "folder/", "..", "folder/.."])
def test_a_folder_is_named_as_such(root: Path, key: str) -> None:
    with pytest.raises(IsADirectoryError):
        Filesystem(root).open(key)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("inside.jpg", "a.jpg"),
        ("inside.jpg", "folder/../a.jpg"),
        ("deep/inside.jpg", "../a.jpg"),
        ("up.jpg", "alias.jpg"),
    ],
)
def test_a_link_that_stays_inside_works(root: Path, link: str, target: str) -> None:
    (root / "deep").mkdir()
    (root / "alias.jpg").symlink_to(root / "a.jpg")
    (root / link).symlink_to(target)

    assert content(root, link) == b"0123456789"


@pytest.mark.parametrize(
    ("link", "target", "key"),
    [
        ("out.jpg", "../secret", "out.jpg"),
        ("out", "..", "out/secret"),
        ("out", "../root-beside", "out/secret"),
        ("loop.jpg", "loop.jpg", "loop.jpg"),
        ("dangling.jpg", "nothing", "dangling.jpg"),
    ],
)
def test_a_link_that_leads_outside_or_nowhere_is_refused(root: Path, link: str, target: str, key: str) -> None:
    (root / link).symlink_to(target)

    with pytest.raises(OSError, match=r"link|symbolic|No such file"):
        Filesystem(root).open(key)


def test_an_absolute_link_to_the_outside_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "out.jpg").symlink_to(tmp_path / "secret")

    with pytest.raises(FileNotFoundError):
        Filesystem(root).open("out.jpg")


@pytest.mark.parametrize("names", [["swapped", "secret"], ["swapped.jpg"]])
def test_a_name_that_becomes_a_link_after_the_check_opens_nothing(root: Path, names: list[str]) -> None:
    """The last step gets names that were resolved; between the two somebody may put a link in their place."""
    (root / "swapped").symlink_to("../root-beside")
    (root / "swapped.jpg").symlink_to("../secret")

    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        _descend(str(root), names)


def test_a_root_that_is_a_link_may_change_its_target(root: Path, tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.symlink_to(root)
    files = Filesystem(current)
    with files.open("a.jpg") as file:
        before = file.read_at(0, 100)
    current.unlink()
    current.symlink_to(tmp_path / "root-beside")

    with files.open("secret") as file:
        assert (before, file.read_at(0, 100)) == (b"0123456789", b"secret")


@pytest.mark.timeout(5)
def test_a_pipe_is_refused_without_waiting_for_a_writer(root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")

    with pytest.raises(PermissionError, match="not a regular file"):
        Filesystem(root).open("pipe.jpg")


def test_a_socket_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The path of a socket is limited to about a hundred bytes, so it is bound by a relative one.
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")

        with pytest.raises(OSError, match="No such device"):
            Filesystem(root).open("socket.jpg")


def open_descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_refused_file_leaves_no_descriptor_open(root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")
    files = Filesystem(root)
    before = open_descriptors()

    for key in ("pipe.jpg", "folder", "missing", "folder/missing") * 5:
        with pytest.raises(OSError):  # noqa: PT011 - of any kind
            files.open(key)

    assert open_descriptors() == before
