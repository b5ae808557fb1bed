"""A folder of objects stays in order: its limit is kept, and nothing that is needed goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from renderer.cache.layout import MARKERS, RESULTS, pointed_name, pointer_name, result_name
from renderer.storage.housekeeping import END_SHARE, INTERVAL_SECONDS, LEFT_OVER_SECONDS, Housekeeping, HouseRules
from renderer.storage.ledger import Ledger, disk_bytes
from renderer.storage.object_folder import ObjectFolder

LIMIT = 100 * disk_bytes(1000)
DAY = 86_400.0


class House:
    """A folder and its housekeeping."""

    def __init__(self, root: Path, max_bytes: int = LIMIT) -> None:
        self.root = root
        self.ledger = Ledger(root / ".usage", max_bytes)
        if max_bytes:
            self.ledger.count(0, 0)
        self.folder = ObjectFolder(root, self.ledger)
        rules = HouseRules(
            max_bytes=max_bytes, evicted=RESULTS, expired=MARKERS, expire_seconds=DAY, target_of=pointed_name
        )
        self.keeper = Housekeeping(self.folder, self.ledger, rules)

    def put(self, name: str, size: int = 1000, *, age: float = 0) -> str:
        """Writes an object that was used last so many seconds ago."""
        self.folder.write(name, bytes(size))
        then = time.time() - age
        os.utime(self.root / name, (then, then))
        return name

    def names(self) -> set[str]:
        """Everything that is there."""
        return {*self.folder.names(RESULTS), *self.folder.names(MARKERS)}

    def used(self) -> int:
        """What the ledger says."""
        usage = self.ledger.usage()
        assert usage is not None
        return usage.used


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An empty one."""
    return House(tmp_path)


def name(number: int) -> str:
    """A result's name."""
    return result_name(f"o-{number:032x}", f"{number:064x}")


def test_what_was_used_longest_ago_goes(house: House) -> None:
    """Down to the lower mark, and the youngest stay."""
    for number in range(97):
        house.put(name(number), age=number * 1000)
    assert house.keeper.is_due()
    assert house.keeper.sweep()

    left = house.names()
    assert house.used() == len(left) * disk_bytes(1000) <= END_SHARE * LIMIT
    assert len(left) >= 84
    assert {name(number) for number in range(75)} <= left
    assert not house.keeper.is_due()


def test_room_that_is_not_short_is_left_alone(house: House) -> None:
    """However old its results are."""
    for number in range(90):
        house.put(name(number), age=90 * DAY)
    house.keeper.sweep()

    assert len(house.names()) == 90


def test_a_sweep_counts_anew(house: House) -> None:
    """What the ledger does not know, because it was lost or a process was killed."""
    for number in range(3):
        house.put(name(number))
    house.ledger.reserve(50_000)
    (house.root / ".usage").write_bytes(b"damaged")
    assert house.keeper.is_due()
    house.keeper.sweep()

    assert house.used() == 3 * disk_bytes(1000)


def test_leftovers_of_killed_writers_go_and_what_is_being_written_stays(house: House) -> None:
    """It is known by its name and by its age."""
    house.put(name(1))
    parent = (house.root / name(1)).parent
    old, young = parent / f".{'a' * 32}.tmp", parent / f".{'b' * 32}.tmp"
    for file, age in ((old, LEFT_OVER_SECONDS + 1), (young, 60)):
        file.write_bytes(b"x")
        os.utime(file, (time.time() - age, time.time() - age))
    house.keeper.sweep()

    assert [old.exists(), young.exists()] == [False, True]


def test_markers_go_after_their_time_and_no_sooner(house: House) -> None:
    """Room has nothing to do with it."""
    for tag, age in (("o-1", DAY + 1), ("o-2", DAY - 60)):
        house.put(f"{MARKERS}{tag}", 10, age=age)
    house.keeper.sweep()

    assert house.names() == {f"{MARKERS}o-2"}


def test_a_pointer_goes_after_its_result_and_never_before(house: House) -> None:
    """Else a purge of the watermark would not find the result. A young one may be there before its result is."""
    first, mark = f"o-{1:032x}", f"o-{2:032x}"
    keys = [f"{number:064x}" for number in range(97)]
    for number, key in enumerate(keys):
        house.put(pointer_name(mark, key, first), 0, age=200 * DAY)
        if number < 47:
            house.put(result_name(first, key), age=number)
    young = house.put(pointer_name(mark, "f" * 64, first), 0)
    house.keeper.sweep()

    left = house.names()
    assert {result_name(first, key) for key in keys[:47]} <= left
    assert {pointer_name(mark, key, first) for key in keys[:47]} <= left
    assert not any(pointer_name(mark, key, first) in left for key in keys[47:])
    assert young in left


def test_empty_folders_go(house: House) -> None:
    """Purges and evictions leave them."""
    house.put(name(1))
    (house.root / "results/cd/o-empty").mkdir(parents=True)
    house.keeper.sweep()

    assert [item.name for item in (house.root / "results").iterdir()] == ["00"]


def test_one_sweeps_at_a_time(house: House) -> None:
    """The lock is the file's: another process that holds it counts as sweeping."""
    import fcntl

    with (house.root / ".sweep").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not house.keeper.sweep()
    assert house.keeper.sweep()


def test_a_sweep_is_due_once_a_day(house: House) -> None:
    """For markers and leftovers; the last time is known to every process and to later ones."""
    assert house.keeper.is_due()
    house.keeper.sweep()
    assert not house.keeper.is_due()
    then = time.time() - INTERVAL_SECONDS - 1
    os.utime(house.root / ".sweep", (then, then))

    assert house.keeper.is_due()


def test_a_folder_without_a_limit_is_cleaned_but_not_emptied(tmp_path: Path) -> None:
    """Zero is no limit."""
    house = House(tmp_path, max_bytes=0)
    house.put(name(1), 100_000, age=90 * DAY)
    house.put(f"{MARKERS}o-1", 10, age=2 * DAY)
    house.keeper.sweep()

    assert house.names() == {name(1)}


def test_a_sweep_ends_when_it_is_told_to(house: House) -> None:
    """It may be at any place; what it has not finished is not written down."""
    for number in range(97):
        house.put(name(number))
    house.keeper.stop()
    house.keeper.sweep()

    assert len(house.names()) == 97


def test_links_are_neither_followed_nor_counted(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What lies outside is nobody's room, and stays."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "file").write_bytes(bytes(100_000))
    house.put(name(1))
    (house.root / "results/link").symlink_to(outside)
    house.keeper.sweep()

    assert house.used() == disk_bytes(1000)
    assert (outside / "file").exists()


def test_the_limit_holds_however_much_comes(house: House) -> None:
    """At every moment, what lies on the disk is within it."""
    for number in range(400):
        house.put(name(number))
        if house.keeper.is_due():
            house.keeper.sweep()

    lying = sum(disk_bytes((house.root / item).stat().st_size) for item in house.names())
    assert lying == house.used() <= LIMIT
    assert name(399) in house.names()
