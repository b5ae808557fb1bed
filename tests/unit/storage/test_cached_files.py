"""Files that open and are read without waiting, and what is left to a thread."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from renderer.storage.cached_files import MAX_CACHED_BYTES, CachedFiles
from renderer.storage.filesystem import Filesystem
from renderer.storage.held_file import HeldFile
from renderer.storage.nowait_calls import NowaitCalls, OpenHow

DATA = bytes(range(256)) * 300


def warm(path: Path, data: bytes = DATA) -> None:
    """A file that was read a moment ago."""
    path.write_bytes(data)
    now = time.time_ns()
    os.utime(path, ns=(now + 1_000_000_000, now - 1_000_000_000))
    path.read_bytes()


def link(path: Path, target: str) -> None:
    """A link that was followed a moment ago. Without `..`: it makes the kernel say EAGAIN while anybody renames."""
    path.symlink_to(target)
    now = time.time_ns()
    os.utime(path, ns=(now + 1_000_000_000, now - 1_000_000_000), follow_symlinks=False)


def learned(root: Path) -> CachedFiles:
    """The files below a root whose mount is known."""
    files = CachedFiles(root)
    files.learn()
    return files


def content(files: CachedFiles, key: str) -> bytes | None:
    """The whole file, or None where a thread is needed."""
    file = files.open(key)
    if file is None:
        return None
    with file:
        return file.read()


def kept(files: CachedFiles, key: str) -> bytes | None:
    """The whole file that is in memory.

    The kernel may say at any time that it would have to wait; in so many tries it does not each time.
    """
    return next((data for _ in range(50) if (data := content(files, key)) is not None), None)


def open_descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with files that were just read, and a secret beside it."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    warm(root / "a.jpg")
    warm(root / "folder" / "b c%20.jpg", b"inner")
    warm(tmp_path / "secret", b"secret")
    return root


@pytest.fixture
def files(root: Path) -> CachedFiles:
    """The files, where this system can read them without a thread."""
    files = learned(root)
    if kept(files, "a.jpg") is None:
        pytest.skip(
            "local files are read in threads only: by this system, or on the file system of its temporary files"
        )
    return files


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.jpg", DATA),
        ("/a.jpg", DATA),
        ("nowhere/../a.jpg", DATA),
        ("../../../a.jpg", DATA),
        ("./folder//b c%20.jpg", b"inner"),
    ],
)
def test_a_cached_file_opens_by_the_same_keys(files: CachedFiles, root: Path, key: str, expected: bytes) -> None:
    assert kept(files, key) == expected
    with Filesystem(root).open(key) as file:
        assert file.read_at(0, file.size) == expected


def test_size_and_time_are_those_of_the_file(files: CachedFiles, root: Path) -> None:
    os.utime(root / "a.jpg", ns=(time.time_ns() + 1_000_000_000, 1_750_000_000_123_456_789))

    file = next(file for _ in range(50) if (file := files.open("a.jpg")) is not None)
    with file:
        assert (file.size, file.modified_ns) == (len(DATA), 1_750_000_000_123_456_789)


def test_links_that_stay_below_the_root_are_followed(files: CachedFiles, root: Path) -> None:
    link(root / "link.jpg", "a.jpg")
    link(root / "link", "folder")

    assert (kept(files, "link.jpg"), kept(files, "link/b c%20.jpg")) == (DATA, b"inner")


@pytest.mark.parametrize(
    "key", ["out.jpg", "way/secret", "absolute.jpg", "../secret", "proc.jpg", "missing.jpg", "a.jpg/inner", "x" * 300]
)
def test_what_does_not_open_below_the_root_is_left_to_a_thread(files: CachedFiles, root: Path, key: str) -> None:
    (root / "out.jpg").symlink_to("../secret")
    (root / "way").symlink_to("..")
    (root / "absolute.jpg").symlink_to(root / "a.jpg")
    (root / "proc.jpg").symlink_to("/proc/self/exe")

    assert files.open(key) is None
    assert kept(files, "a.jpg") == DATA


@pytest.mark.timeout(5)
def test_what_is_no_file_is_left_to_a_thread(files: CachedFiles, root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")
    before = open_descriptors()

    for key in ("pipe.jpg", "folder", "", "/", "..", "a\0.jpg", "\ud800.jpg"):
        assert files.open(key) is None

    assert open_descriptors() == before


def test_pages_that_are_not_in_memory_are_not_waited_for(files: CachedFiles, root: Path) -> None:
    with (root / "a.jpg").open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    assert content(files, "a.jpg") is None
    (root / "a.jpg").read_bytes()
    assert kept(files, "a.jpg") == DATA


@pytest.mark.parametrize("size", [0, 1, MAX_CACHED_BYTES + 1])
def test_tiny_and_large_files_are_left_to_a_thread(files: CachedFiles, root: Path, size: int) -> None:
    warm(root / "b.jpg", b"x" * size)

    assert content(files, "b.jpg") is None


def held(files: CachedFiles, key: str) -> HeldFile | None:
    """The file, held; see `kept` for the tries."""
    for _ in range(50):
        file = files.open(key)
        if file is not None:
            with file:
                found = file.held()
            if found is not None:
                return found
    return None


def test_a_large_file_is_held_and_outlives_its_context(files: CachedFiles, root: Path) -> None:
    data = DATA * 20
    warm(root / "large.png", data)
    before = open_descriptors()

    file = held(files, "large.png")

    assert file is not None
    assert open_descriptors() == before + 1
    assert (len(file), file.read()) == (len(data), data)
    assert 32_768 <= len(file.head) < len(data)
    assert data.startswith(file.head)
    file.close()
    assert open_descriptors() == before


def test_of_a_large_png_only_the_first_page_is_read(files: CachedFiles, root: Path) -> None:
    warm(root / "large.png", b"\x89PNG\r\n\x1a\n" + DATA * 20)

    file = held(files, "large.png")

    assert file is not None
    assert file.head == file.read()[:4096]
    file.close()


def test_small_files_are_not_held(files: CachedFiles) -> None:
    assert held(files, "a.jpg") is None


@pytest.mark.parametrize(
    "read",
    [
        [],
        [slice(0, 300)],
        [slice(100, 448)],
        [slice(0, 128), slice(320, 448)],
        [slice(0, 32), slice(88, 448)],
        [slice(0, 300), slice(356, 448)],
        [slice(0, 447)],
    ],
    ids=[
        "nothing",
        "all but the end",
        "all but the head",
        "all but the middle",
        "all but an eighth after the head",
        "all but an eighth",
        "all but the last page",
    ],
)
@pytest.mark.parametrize("start", [b"", b"\x89PNG\r\n\x1a\n"], ids=["any", "png"])
def test_a_large_file_is_not_held_where_the_disk_would_be_waited_for(
    files: CachedFiles, root: Path, start: bytes, read: list[slice]
) -> None:
    page = 4096
    warm(root / "large.png", start.ljust(448 * page, b"\0"))
    file = held(files, "large.png")
    assert file is not None
    file.close()
    with (root / "large.png").open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        # Or the kernel would read on behind what it is asked for.
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for pages in read:
            os.pread(opened.fileno(), (pages.stop - pages.start) * page, pages.start * page)

    # Asked once: the kernel begins to read what it was asked for.
    found = files.open("large.png")
    if found is not None:
        with found:
            assert found.held() is None


def test_a_file_that_shrank_is_left_to_a_thread(files: CachedFiles, root: Path) -> None:
    file = files.open("a.jpg")
    os.truncate(root / "a.jpg", 10)

    assert file is not None
    with file:
        assert file.read() is None


def test_bytes_belong_to_one_reader(files: CachedFiles, root: Path) -> None:
    first = kept(files, "a.jpg")
    warm(root / "a.jpg", DATA[::-1])

    assert (first, kept(files, "a.jpg")) == (DATA, DATA[::-1])


@pytest.mark.parametrize("days_ago", [1, 30])
def test_a_read_that_would_be_noted_on_disk_is_left_to_a_thread(files: CachedFiles, root: Path, days_ago: int) -> None:
    now, day = time.time_ns(), 24 * 3600 * 1_000_000_000
    os.utime(root / "a.jpg", ns=(now - days_ago * day, now - 60 * day))
    is_noted = not os.statvfs(root).f_flag & (os.ST_NOATIME | os.ST_RDONLY)

    assert (files.open("a.jpg") is None) == is_noted


def test_a_root_that_is_a_link_may_change_its_target(files: CachedFiles, root: Path, tmp_path: Path) -> None:
    assert kept(files, "a.jpg") == DATA
    current = tmp_path / "current"
    current.symlink_to(root)
    through_link = learned(current)
    before = kept(through_link, "a.jpg")
    current.unlink()
    current.symlink_to(root / "folder")

    assert (before, content(through_link, "a.jpg")) == (DATA, None)
    assert kept(through_link, "b c%20.jpg") == b"inner"


def test_nothing_opens_before_the_mount_is_known(files: CachedFiles, root: Path) -> None:
    fresh = CachedFiles(root)

    assert (content(fresh, "a.jpg"), fresh.is_unknown) == (None, True)
    fresh.learn()
    assert (content(fresh, "a.jpg"), fresh.is_unknown) == (content(files, "a.jpg"), False)


def test_another_mount_is_learned_anew(files: CachedFiles, root: Path, tmp_path: Path) -> None:
    """The folders of /proc are on a mount of their own, which is not one for files."""
    assert kept(files, "a.jpg") == DATA
    current = tmp_path / "current"
    current.symlink_to(root)
    through_link = learned(current)
    current.unlink()
    current.symlink_to("/proc/self")

    assert (through_link.open("status"), through_link.is_unknown) == (None, True)
    through_link.learn()
    assert (through_link.open("status"), through_link.is_unknown) == (None, False)


def test_a_missing_root_is_asked_for_again(root: Path, files: CachedFiles, tmp_path: Path) -> None:
    later = learned(tmp_path / "later")
    assert (later.open("a.jpg"), later.is_unknown) == (None, True)
    root.rename(tmp_path / "later")

    later.learn()

    assert kept(later, "a.jpg") == DATA
    assert files.open("a.jpg") is None


class Refused(NowaitCalls):
    """The calls of a system that refuses one."""

    def __init__(self, number: int, call: str) -> None:
        super().__init__()
        self._number = number
        self._call = call
        self.asked = 0

    def _refuse(self, call: str) -> None:
        if call == self._call:
            self.asked += 1
            raise OSError(self._number, os.strerror(self._number))

    def open(self, path: bytes, how: OpenHow, *, folder: int = -100) -> int:
        """Refuses, or opens."""
        self._refuse("open")
        return super().open(path, how, folder=folder)

    def read(self, descriptor: int, size: int, offset: int = 0) -> bytes | None:
        """Refuses, or reads."""
        self._refuse("read")
        return super().read(descriptor, size, offset)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("call", ["open", "read"])
@pytest.mark.parametrize(
    ("number", "asked"),
    [(errno.ENOSYS, 1), (errno.EPERM, 1), (errno.EINVAL, 1), (errno.EAGAIN, 3), (errno.EACCES, 3), (errno.EIO, 3)],
)
def test_a_system_that_refuses_the_calls_is_asked_once(root: Path, number: int, asked: int, call: str) -> None:
    calls = Refused(number, call)
    files = CachedFiles(root, find_calls=lambda: calls)
    files.learn()

    assert [content(files, "a.jpg") for _ in range(3)] == [None] * 3
    assert calls.asked == asked


def test_without_the_calls_all_is_left_to_a_thread(root: Path) -> None:
    def missing() -> NowaitCalls:
        raise OSError("no such calls")

    files = CachedFiles(root, find_calls=missing)
    files.learn()

    assert (files.open("a.jpg"), files.is_unknown) == (None, False)
