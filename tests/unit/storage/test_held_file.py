"""Files that stay open: read in pieces by several readers, and never mistaken for what they have become."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.errors import SourceIncomplete
from renderer.storage.held_file import HeldFile, check_unchanged, head_of, whole_of

DATA = bytes(range(256)) * 1000
HEAD = DATA[:1000]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file."""
    path = tmp_path / "picture"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def file(path: Path) -> Iterator[HeldFile]:
    """The same, held."""
    descriptor = os.open(path, os.O_RDONLY)
    status = os.fstat(descriptor)
    file = HeldFile(descriptor, HEAD, size=status.st_size, modified_ns=status.st_mtime_ns)
    yield file
    file.close()


def test_it_is_read_whole_or_from_its_head(file: HeldFile) -> None:
    assert (len(file), file.head, file.read()) == (len(DATA), HEAD, DATA)
    assert (head_of(file), whole_of(file)) == (HEAD, DATA)
    assert (head_of(DATA), whole_of(DATA)) == (DATA, DATA)


def test_readers_do_not_move_each_other(file: HeldFile) -> None:
    with os.fdopen(file.reopened(), "rb", buffering=0) as one, os.fdopen(file.reopened(), "rb", buffering=0) as other:
        assert (one.read(100), other.read(50), one.read(100)) == (DATA[:100], DATA[:50], DATA[100:200])


def test_readers_go_on_when_it_is_closed(file: HeldFile) -> None:
    with os.fdopen(file.reopened(), "rb") as reader:
        file.close()
        assert reader.read() == DATA


def test_it_is_the_same_file_when_another_one_takes_its_name(file: HeldFile, path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"other")
    other.replace(path)

    with os.fdopen(file.reopened(), "rb") as reader:
        assert reader.read() == DATA
    check_unchanged(file)


def test_nothing_is_read_once_it_is_closed(file: HeldFile, path: Path) -> None:
    file.close()
    # The descriptor's number belongs to somebody else now.
    with path.with_name("secret").open("wb"):
        with pytest.raises(SourceIncomplete):
            file.reopened()
        with pytest.raises(SourceIncomplete):
            file.read()
        file.close()
        file.check_unchanged()


@pytest.mark.parametrize("written", [DATA[:100], DATA + b"more", bytes(len(DATA))], ids=["shorter", "longer", "other"])
def test_what_is_written_meanwhile_is_noticed(file: HeldFile, path: Path, written: bytes) -> None:
    check_unchanged(file)

    path.write_bytes(written)
    os.utime(path, ns=(0, 1_750_000_000_000_000_000))

    with pytest.raises(SourceIncomplete, match="changed"):
        check_unchanged(file)
    if len(written) < len(DATA):
        with pytest.raises(SourceIncomplete, match="shrank"):
            file.read()
