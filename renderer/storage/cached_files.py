"""Files below one folder, read on the event loop if that cannot wait: path and bytes are in the kernel's memory.

Whatever stands in the way (a cold path, a cold page, a link with an absolute target, a missing file, a call that the
system refuses) is no answer, and the caller asks `Filesystem` in a thread, which decides what is an error. The rules
are the same as there: nothing outside the root opens. Here the kernel sees to it (RESOLVE_BENEATH).

Looking up a cached path never waits, but opening a file runs code of its file system, and one on the network may ask
its server. So files are opened only on the root's own mount, and only if that is of a kind whose open asks nobody.
Such a mount is got to know in a thread.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType
from typing import Final, Self

from renderer.storage.filesystem import cleaned_key
from renderer.storage.held_file import HeldFile
from renderer.storage.nowait_calls import BENEATH, CACHED, NO_MAGICLINKS, NO_XDEV, Mount, NowaitCalls, OpenHow, Status

_log = logging.getLogger(__name__)

_FOLDER: Final = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_CLOEXEC
_ROOT: Final = OpenHow(_FOLDER, CACHED)
# Without O_NONBLOCK, opening a pipe would wait for somebody to write.
_FILE: Final = OpenHow(os.O_RDONLY | os.O_NONBLOCK, CACHED | BENEATH | NO_XDEV | NO_MAGICLINKS)

_FILE_SYSTEMS: Final = {0xEF53: "ext", 0x58465342: "xfs", 0x9123683E: "btrfs"}
"""Those of linux/magic.h with open on a local disk and RWF_NOWAIT reads; tmpfs, overlay and zfs refuse such reads."""

_REFUSED: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG})
"""A kernel before 5.12 or a filter of system calls: it will not change its mind."""

# Reading marks the file as read, on disk, which can wait. A mount with relatime, as all have by default, does so once a
# day and after a change; a file whose mark is younger than this, but for a minute of doubt, is not marked again.
_MARK_HOLDS_NS: Final = (24 * 3600 - 60) * 1_000_000_000

MAX_CACHED_BYTES: Final = 1024 * 1024
"""A megabyte is read in 40 us; the loop has no time for much more."""

_HEAD_BYTES: Final = 128 * 1024
"""What is read at once of a file that stays open: EXIF with its thumbnail, a profile and the size come before that."""
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD_BYTES: Final = 4096
"""A PNG says its size first of all, and nobody wants more of its head (RFC 2083 section 4.1.1)."""
_LOOKED_AT: Final = 8
"""In how many places such a file is asked whether it is in memory: the kernel drops what is old in long stretches."""


class CachedFile:
    """An open regular file whose path was cached; a context manager. `modified_ns` counts from 1970."""

    __slots__ = ("_descriptor", "_has", "_read", "modified_ns", "size")

    def __init__(
        self,
        descriptor: int,
        status: Status,
        read: Callable[[int, int, int], bytes | None],
        has: Callable[[int, range], bool] | None,
    ) -> None:
        """Takes the descriptor over; `read` and `has` are as those of `NowaitCalls`, without `has` it is never held."""
        self._descriptor = descriptor
        self._read = read
        self._has = has
        self.size = status.size
        self.modified_ns = status.modified_ns

    def read(self) -> bytes | None:
        """All bytes, or None if not all are cached, or if there are fewer than two or more than MAX_CACHED_BYTES."""
        return self._read(self._descriptor, self.size, 0) if 1 < self.size <= MAX_CACHED_BYTES else None

    def held(self) -> HeldFile | None:
        """The file, to be read later and elsewhere: for one of more than MAX_CACHED_BYTES that seems to be in memory.

        It outlives the context.
        """
        if self.size <= MAX_CACHED_BYTES or self._has is None:
            return None
        head = self._read(self._descriptor, _PNG_HEAD_BYTES, 0)
        if head is not None and not head.startswith(_PNG):
            head = self._read(self._descriptor, _HEAD_BYTES, 0)
        if head is None:
            return None
        places = range(self.size - 1, len(head) - 1, -self.size // _LOOKED_AT)
        if not self._has(self._descriptor, places):
            return None
        file = HeldFile(self._descriptor, head, size=self.size, modified_ns=self.modified_ns)
        self._descriptor = -1
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class _Known:
    mount: Mount
    is_fit: bool
    marks_reads: bool
    can_hold: bool


class CachedFiles:
    """The files below `root` as far as they are cached."""

    def __init__(self, root: PurePath, *, find_calls: Callable[[], NowaitCalls] = NowaitCalls) -> None:
        """Reads below `root` with the calls of `find_calls`; without them nothing opens."""
        self._root = os.fsencode(root)
        self._known: _Known | None = None
        self._calls: NowaitCalls | None = None
        self.is_unknown = False
        """Whether `learn` comes before anything opens."""
        try:
            self._calls = find_calls()
            self.is_unknown = True
        except OSError as error:
            self._give_up(error)

    def learn(self) -> None:
        """Gets to know the mount that the root is on. This may wait: call it in a thread."""
        calls = self._calls
        if calls is None:
            return
        try:
            self._known = _known(calls, self._root)
            self.is_unknown = False
        except OSError as error:
            self._fall_back(error)

    def open(self, key: str) -> CachedFile | None:
        """The file that `key` names, or None if it must be asked for in a thread. Never waits."""
        path = cleaned_key(key)
        if self._calls is None or not path or "\0" in path:
            return None
        try:
            return self._opened(self._calls, os.fsencode(path))
        except UnicodeEncodeError:
            return None
        except OSError as error:
            self._fall_back(error)
            return None

    def _opened(self, calls: NowaitCalls, path: bytes) -> CachedFile:
        # Opened each time: a root that is a link may be pointed elsewhere while the server runs.
        root = calls.open(self._root, _ROOT)
        try:
            known = self._fit(calls.mount(root))
            descriptor = calls.open(path, _FILE, folder=root)
        finally:
            os.close(root)
        try:
            status = _readable(known, calls.status(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return CachedFile(descriptor, status, self._read, calls.has if known.can_hold else None)

    def _fit(self, mount: Mount) -> _Known:
        known = self._known
        if known is None or known.mount != mount:
            self.is_unknown = True
            raise _not_now("the root is on a mount that is not known")
        if not known.is_fit:
            raise _not_now("the root is on a mount where opening or reading may wait")
        return known

    def _read(self, descriptor: int, size: int, offset: int) -> bytes | None:
        if self._calls is None:
            return None
        try:
            return self._calls.read(descriptor, size, offset)
        except OSError as error:
            self._fall_back(error)
            return None

    def _fall_back(self, error: OSError) -> None:
        """Leaves this file to the thread, and all others too if the system refuses the calls."""
        if error.errno in _REFUSED:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        _log.debug("local files are read in threads only: %s", error)
        self._calls, self.is_unknown = None, False


def _known(calls: NowaitCalls, root: bytes) -> _Known:
    descriptor = os.open(root, _FOLDER)
    try:
        flags = os.fstatvfs(descriptor).f_flag
        is_local = calls.file_system(descriptor) in _FILE_SYSTEMS
        mount = calls.mount(descriptor)
    finally:
        os.close(descriptor)
    is_silent = bool(flags & (os.ST_NOATIME | os.ST_RDONLY))
    return _Known(mount, is_local and (is_silent or bool(flags & os.ST_RELATIME)), not is_silent, HeldFile.can_be_had())


def _readable(known: _Known, status: Status) -> Status:
    if not stat.S_ISREG(status.mode):
        raise _not_now("no regular file")
    if known.marks_reads and _is_marked_by_reading(status):
        raise _not_now("reading the file writes")
    return status


def _not_now(reason: str) -> OSError:
    return BlockingIOError(errno.EAGAIN, reason)


def _is_marked_by_reading(status: Status) -> bool:
    """Whether the next read of a file writes its time of access, by the rule of relatime."""
    is_older_than_change = status.accessed_ns <= max(status.modified_ns, status.changed_ns)
    return is_older_than_change or time.time_ns() - status.accessed_ns > _MARK_HOLDS_NS
