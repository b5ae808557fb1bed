"""Objects as files: whole or not there, within their room, and never outside their folder."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from renderer.storage.ledger import Ledger, disk_bytes
from renderer.storage.object_folder import TOUCH_SECONDS, ObjectFolder
from renderer.storage.object_store import StoreError, StoreFull

NAME = "results/ab/o-1/key"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder, and a secret beside it."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def opened(root: Path, max_bytes: int = 1_000_000) -> tuple[ObjectFolder, Ledger]:
    """The folder and what is written down of it."""
    ledger = Ledger(root / ".usage", max_bytes)
    ledger.count(0, 0)
    return ObjectFolder(root, ledger), ledger


def in_folder(folder: Path) -> list[str]:
    """The names of everything in it."""
    return sorted(item.name for item in folder.iterdir())


def used(ledger: Ledger) -> int:
    """Bytes in use."""
    usage = ledger.usage()
    assert usage is not None
    return usage.used


def test_an_object_is_read_as_it_was_written(root: Path) -> None:
    """And in its new form after it was written again."""
    folder, _ = opened(root)
    assert folder.read(NAME) is None
    folder.write(NAME, b"one")
    assert folder.read(NAME) == b"one"
    folder.write(NAME, b"other", is_durable=True)

    assert folder.read(NAME) == b"other"
    assert folder.is_there(NAME)
    assert stat.S_IMODE((root / NAME).stat().st_mode) == 0o600


def test_what_is_deleted_is_gone_with_its_folder(root: Path) -> None:
    """A folder that has something else stays; what is not there counts as deleted."""
    folder, _ = opened(root)
    for name in (NAME, "results/ab/o-2/a", "results/ab/o-2/b"):
        folder.write(name, b"x")
    folder.delete([NAME, "results/ab/o-2/a", "results/no/o-9/c"])

    assert list(folder.names("results/")) == ["results/ab/o-2/b"]
    assert not (root / "results/ab/o-1").exists()


def test_names_are_those_below_a_prefix(root: Path) -> None:
    """Files of this package's own are none."""
    folder, _ = opened(root)
    names = {f"results/{a}/{b}" for a in "abc" for b in ("o-1", "o-2")}
    for name in names:
        folder.write(name, b"")
    (root / "results/a/.0.tmp").write_bytes(b"")

    assert set(folder.names("results/")) == names
    assert set(folder.names("results/a/")) == {"results/a/o-1", "results/a/o-2"}
    assert list(folder.names("nothing/here/")) == []


@pytest.mark.parametrize(
    "name",
    ["../secret", "a/../../secret", "/etc/passwd", "a//b", "./a", ".usage", "a/.tmp", "a\0b", "ä", "a b", "a\nb"],
)
def test_a_name_that_is_none_leads_nowhere(root: Path, name: str) -> None:
    """Not even to an object within the folder."""
    folder, _ = opened(root)
    with pytest.raises(StoreError):
        folder.write(name, b"x")
    with pytest.raises(StoreError):
        folder.delete([name])
    with pytest.raises(StoreError):
        folder.read(name)
    assert in_folder(root) == [".usage"]


def test_links_lead_nowhere(root: Path) -> None:
    """Neither a file nor a folder that is one is followed, when reading, writing, listing and deleting."""
    folder, _ = opened(root)
    (root / "file").symlink_to(root.parent / "secret")
    (root / "folder").symlink_to(root.parent)
    with pytest.raises(StoreError):
        folder.read("file")
    assert folder.read("folder/secret") is None
    with pytest.raises(StoreError):
        folder.write("folder/new", b"x")
    assert list(folder.names("folder/")) == []

    folder.write("file", b"mine")
    folder.delete(["folder/secret"])
    assert (root.parent / "secret").read_bytes() == b"secret"
    assert in_folder(root.parent) == ["root", "secret"]
    assert folder.read("file") == b"mine"


def test_a_pipe_is_no_object(root: Path) -> None:
    """Opening one does not wait for somebody to write."""
    folder, _ = opened(root)
    os.mkfifo(root / "pipe")
    with pytest.raises(StoreError, match="is no file"):
        folder.read("pipe")


def test_room_is_taken_and_given_back(root: Path) -> None:
    """What replaces something counts once, what fails not at all."""
    folder, ledger = opened(root)
    folder.write(NAME, bytes(5000))
    assert used(ledger) == disk_bytes(5000) == 3 * 4096
    folder.write(NAME, bytes(10))
    folder.write(f"{NAME}2", b"")
    assert used(ledger) == disk_bytes(10) + disk_bytes(0)
    (root / "results/ab/o-1/folder").mkdir()
    with pytest.raises(StoreError):
        folder.write("results/ab/o-1/folder", b"x")
    folder.delete([NAME, f"{NAME}2", f"{NAME}3"])

    assert used(ledger) == 0


def test_a_full_folder_takes_nothing_more(root: Path) -> None:
    """Before anything of it is written."""
    folder, _ = opened(root, max_bytes=20_000)
    folder.write(NAME, bytes(8000))
    with pytest.raises(StoreFull, match="12288 of 20000 bytes are in use"):
        folder.write(f"{NAME}2", bytes(8000))

    assert list(folder.names("results/")) == [NAME]


def test_a_ledger_is_kept_by_all_who_have_it_open(root: Path) -> None:
    """It survives them; a damaged one says that it does not know, and nothing is written until it does."""
    folder, one = opened(root)
    folder.write(NAME, b"x")
    assert used(Ledger(root / ".usage", 1_000_000)) == used(one) > 0
    one.close()

    (root / ".usage").write_bytes((root / ".usage").read_bytes()[:-1] + b"?")
    damaged = Ledger(root / ".usage", 1_000_000)
    assert damaged.usage() is None
    with pytest.raises(StoreFull, match="not been counted"):
        damaged.reserve(1)
    damaged.count(7, 0)
    assert used(damaged) == 7


def test_a_count_adds_what_was_reserved_while_it_went_on(root: Path) -> None:
    """It may count something twice, and then it is too high, never too low."""
    _, ledger = opened(root)
    ledger.reserve(100)
    since = ledger.usage()
    assert since is not None
    ledger.reserve(50)
    ledger.release(50)

    assert ledger.count(100, since.reserved).used == 150


def test_reading_makes_an_object_young_again_now_and_then(root: Path) -> None:
    """If it is read to be used."""
    folder, _ = opened(root)
    folder.write(NAME, b"x")
    old = time.time() - 2 * TOUCH_SECONDS
    os.utime(root / NAME, (old, old))

    folder.read(NAME)
    assert (root / NAME).stat().st_mtime == pytest.approx(old)
    folder.read(NAME, is_use=True)
    assert (root / NAME).stat().st_mtime > time.time() - 60


def test_no_limit_is_no_ledger(root: Path) -> None:
    """Nothing is written down, nothing is refused."""
    ledger = Ledger(root / ".usage", 0)
    folder = ObjectFolder(root, ledger)
    folder.write(NAME, bytes(100_000))
    folder.delete([NAME])

    assert ledger.usage() is None
    assert not (root / ".usage").exists()
