"""Keeps a folder of objects in order: counts its files, makes room, removes what is past its time or left over.

One process at a time does it, whoever takes the lock, and only when it is needed: room is short, nobody knows how much
is used, or the last time is a day ago. The files are walked twice with a fixed amount of memory: once to see how much
was used last at which age, once to remove what is older than the age that the room is needed for. So a sweep costs two
calls of the system a file, for a tenth of the room: about twenty for each file that is written.

A file's age is that of its last use (`TOUCH_SECONDS`), in steps of a tenth. A link (`HouseRules.target_of`) is removed
only after what it leads to. What is being written has a name of its own and is left alone for an hour.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from renderer.storage.ledger import Ledger, disk_bytes
from renderer.storage.object_folder import FOLDER, TEMPORARY, ObjectFolder

_log = logging.getLogger(__name__)

START_SHARE: Final = 0.95
"""Above this share of the room a sweep begins."""
END_SHARE: Final = 0.85
"""It ends at this share."""
HURRY_SHARE: Final = 0.98
"""Above this one it does not pause: soon nothing more could be written."""
INTERVAL_SECONDS: Final = 86_400.0
SWEEP: Final = ".sweep"
"""The file that is locked by whoever sweeps; its time of change is that of the last sweep."""
LEFT_OVER_SECONDS: Final = 3600.0
"""Writing takes seconds; a file that is being written for longer was left by a process that ended."""
_STEPS: Final = 8
"""Of age in each doubling: one step is nine percent."""
_MOST_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """What may be removed from a folder.

    Attributes:
        max_bytes: the room; 0 is no limit.
        evicted: prefix of what is removed when room is short, ends with a slash.
        expired: prefix of what is removed after `expire_seconds`.
        expire_seconds: since it was written.
        target_of: the name that a name is only a link to; None if it is none.
    """

    max_bytes: int
    evicted: str
    expired: str
    expire_seconds: float
    target_of: Callable[[str], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int
    changed_at: float


class Housekeeping:
    """The housekeeping of one folder, as one process takes part in it. Its methods block.

    Args:
        folder: is kept in order.
        ledger: of the folder.
        rules: what may go.
    """

    def __init__(self, folder: ObjectFolder, ledger: Ledger, rules: HouseRules) -> None:
        self._folder = folder
        self._ledger = ledger
        self._rules = rules
        self._hurries = False
        self._ending = threading.Event()
        self._lock = folder.root / SWEEP

    def is_due(self) -> bool:
        """Whether somebody should sweep now."""
        if self._rules.max_bytes:
            usage = self._ledger.usage()
            if usage is None or usage.used > START_SHARE * self._rules.max_bytes:
                return True
        try:
            return time.time() - self._lock.stat().st_mtime > INTERVAL_SECONDS
        except FileNotFoundError:
            return True

    def sweep(self) -> bool:
        """Does what is to be done; False if another process is doing it."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._sweep()
            os.utime(descriptor)
            return True
        finally:
            os.close(descriptor)

    def stop(self) -> None:
        """Ends a sweep soon, wherever it is."""
        self._ending.set()

    def _sweep(self) -> None:
        self._expire()
        usage = self._ledger.usage() if self._rules.max_bytes else None
        since = usage.reserved if usage else 0
        self._hurries = usage is not None and usage.used > HURRY_SHARE * self._rules.max_bytes
        by_step: Counter[int] = Counter()
        fixed = 0
        for file in self._walk(self._rules.evicted):
            if self._is_link(file):
                fixed += 0 if self._removed_link(file) else disk_bytes(file.size)
            else:
                by_step[_step(file)] += disk_bytes(file.size)
        if self._ending.is_set() or not self._rules.max_bytes:
            return
        used = self._ledger.count(by_step.total() + fixed, since).used
        surplus = used - END_SHARE * self._rules.max_bytes
        if used > START_SHARE * self._rules.max_bytes:
            count = self._evict(_oldest(by_step, surplus), surplus)
            _log.info("Results that were used longest ago make room: %d of them, %d bytes", count, int(surplus))

    def _expire(self) -> None:
        oldest = time.time() - self._rules.expire_seconds
        for file in self._walk(self._rules.expired):
            if file.changed_at < oldest:
                self._folder.delete([file.name])

    def _evict(self, step: int, surplus: float) -> int:
        """Removes what is at least so many steps old, until the surplus is gone; how many files."""
        count = 0
        for file in self._walk(self._rules.evicted):
            if surplus <= 0:
                break
            # Younger now than a moment ago: it was used or written again.
            if not self._is_link(file) and _step(file) >= step:
                self._folder.delete([file.name])
                surplus -= disk_bytes(file.size)
                count += 1
        return count

    def _is_link(self, file: _File) -> bool:
        return self._rules.target_of(file.name) is not None

    def _removed_link(self, file: _File) -> bool:
        """Removes a link that leads nowhere any more; a young one may be there before what it leads to."""
        target = self._rules.target_of(file.name)
        if target is None or time.time() - file.changed_at < LEFT_OVER_SECONDS or self._folder.is_there(target):
            return False
        self._folder.delete([file.name])
        return True

    def _walk(self, prefix: str) -> Iterator[_File]:
        """Every file below a prefix; leftovers and empty folders go on the way."""
        with self._folder.opened(prefix) as folder:
            if folder is not None:
                yield from self._walked(folder, prefix)

    def _walked(self, folder: int, prefix: str) -> Iterator[_File]:
        began = time.thread_time()
        with os.scandir(folder) as found:
            for item in found:
                if self._ending.is_set():
                    return
                with contextlib.suppress(FileNotFoundError):
                    if item.is_dir(follow_symlinks=False):
                        yield from self._inside(folder, item.name, prefix)
                    elif item.is_file(follow_symlinks=False):
                        status = item.stat(follow_symlinks=False)
                        file = _File(f"{prefix}{item.name}", status.st_size, status.st_mtime)
                        if not item.name.startswith("."):
                            yield file
                        elif _is_left_over(item.name, file):
                            os.unlink(item.name, dir_fd=folder)
        if not self._hurries:
            # As long as it was busy, so that requests have half of the processor at the least.
            self._ending.wait(min(time.thread_time() - began, _MOST_PAUSE_SECONDS))

    def _inside(self, folder: int, name: str, prefix: str) -> Iterator[_File]:
        inner = os.open(name, FOLDER, dir_fd=folder)
        is_empty = True
        try:
            for file in self._walked(inner, f"{prefix}{name}/"):
                is_empty = False
                yield file
        finally:
            os.close(inner)
        if is_empty and not self._ending.is_set():
            # Not empty after all, if somebody writes into it.
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=folder)


def _step(file: _File) -> int:
    return int(math.log2(max(1.0, time.time() - file.changed_at)) * _STEPS)


def _oldest(by_step: Counter[int], surplus: float) -> int:
    """The age in steps from which on there are as many bytes as are too many."""
    for step in sorted(by_step, reverse=True):
        surplus -= by_step[step]
        if surplus <= 0:
            return step
    return 0


def _is_left_over(name: str, file: _File) -> bool:
    return TEMPORARY.fullmatch(name) is not None and time.time() - file.changed_at > LEFT_OVER_SECONDS
