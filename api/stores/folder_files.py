"""The files of a folder that is a store of originals, opened part by part so that no link leads out of it.

What the store keeps for itself is below `.bildwerk`: the lock that writers of all processes wait for, the file that is
being written, and facts where the file system has no attributes. No key begins with that name. Other names that begin
with a dot are keys like any other, because the server shows such files too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from api.keys import checked_key
from api.problems import InvalidKey, StoreUnavailable

_log = logging.getLogger(__name__)

OWN: Final = b".bildwerk"
STAGED: Final = b"staged"
"""There is one writer at a time, so one name does: what a killed writer left, the next one takes away."""

_LOCK: Final = b"lock"
_LOCK_SECONDS: Final = 10.0
_LOCK_POLL_SECONDS: Final = 0.01
_PART_BYTES: Final = 255
"""NAME_MAX of Linux."""

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for somebody to write.
READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def parts_of(key: str) -> list[bytes]:
    """The names of the folders that a key leads through, and of its file.

    Raises:
        InvalidKey: there can be no such file.
    """
    parts = [part.encode() for part in checked_key(key).split("/")]
    if any(len(part) > _PART_BYTES for part in parts):
        raise InvalidKey(f"A part of a key has at most {_PART_BYTES} bytes where the store is a folder.")
    # Some file systems do not tell upper case from lower case.
    if parts[0].lower() == OWN:
        raise InvalidKey(f"Keys under {OWN.decode()}/ are the store's own.")
    return parts


@contextlib.contextmanager
def opened(root: Path, parts: Sequence[bytes], *, is_made: bool = False) -> Iterator[int]:
    """The descriptor of the folder with these parts.

    Raises:
        InvalidKey: a part is a link.
        FileNotFoundError: a part is not there, and not to be made.
        NotADirectoryError: a part is a file.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if is_made:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
            kind(folder, part)
            inner = os.open(part, FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def kind(folder: int, name: bytes) -> int:
    """What is there, as `stat.S_IFMT` tells it; 0 is nothing.

    Raises:
        InvalidKey: it is a link.
    """
    try:
        found = stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return 0
    if found == stat.S_IFLNK:
        raise InvalidKey("A part of the key is a link in the folder; links are not followed.")
    return found


@contextlib.contextmanager
def locked(root: Path) -> Iterator[int]:
    """The descriptor of the store's own folder, while nobody else writes, in this process or another.

    Raises:
        StoreUnavailable: others have been writing for ten seconds.
    """
    with contextlib.suppress(FileExistsError):
        (root / os.fsdecode(OWN)).mkdir(mode=0o700)
    with opened(root, [OWN]) as own:
        lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=own)
        try:
            _wait_for(lock)
            yield own
        finally:
            os.close(lock)


def _wait_for(lock: int) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise StoreUnavailable("Others are writing to the store of originals all the time.") from error
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def remove(folder: int, name: bytes) -> bool:
    """Takes a file away; whether there was one."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def write_whole(descriptor: int, data: bytes) -> None:
    """Writes all bytes, down to the disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def remove_empty(root: Path, parts: Sequence[bytes]) -> None:
    """Takes away the folder with these parts, and those above it, as far as they are empty."""
    for length in range(len(parts), 0, -1):
        try:
            with opened(root, parts[: length - 1]) as above:
                os.rmdir(parts[length - 1], dir_fd=above)
        except FileNotFoundError:
            continue
        except (OSError, InvalidKey):
            # Not empty, or none that is ours to take away.
            return


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Around calls of the system: what they throw becomes StoreUnavailable, with a line in the log."""
    try:
        yield
    except OSError as error:
        _log.warning("The folder of originals cannot be used: %s", error.strerror or type(error).__name__)
        if error.errno in _FULL:
            raise StoreUnavailable("There is no room in the store of originals.") from error
        raise StoreUnavailable("The store of originals failed.") from error
