"""Objects as files below one folder. Its methods block.

Every name is opened part by part from the folder's own descriptor with links forbidden, so no name and no link leads
out of it. A file is written beside its place and moved there: it is seen whole or not at all. It is not forced to the
disk, unless it has to be durable: after a loss of power a file may be empty or wrong, which its reader notices, because
it verifies what it reads, and then it is only a miss. Names that begin with a dot are this package's own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

from renderer.storage.ledger import Ledger, disk_bytes
from renderer.storage.object_store import StoreError, StoreFull

TEMPORARY: Final = re.compile(r"\.[0-9a-f]{32}\.tmp")
TOUCH_SECONDS: Final = 3600.0
"""A file that is used gets a new time of change, at most this often."""

_PART: Final = re.compile(r"[!-\-0-~][!-.0-~]*")  # printable ASCII, no slash, no dot at its beginning
_TRIES: Final = 5
_MOST_BYTES: Final = 512 * 1024 * 1024
"""What is larger is none of ours."""

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ABSENT: Final = (errno.ENOENT, errno.ENOTDIR)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class ObjectFolder:
    """The files below `root`.

    Args:
        root: is there; may itself be a link.
        ledger: is told what room files take.
    """

    def __init__(self, root: Path, ledger: Ledger) -> None:
        self.root = root
        self._ledger = ledger

    def read(self, name: str, *, is_use: bool = False) -> bytes | None:
        """The object, None if there is none.

        Args:
            name: of the object.
            is_use: reading makes the object count as young.
        """
        with store_errors("read", name):
            try:
                with self._folder(name) as folder:
                    descriptor = os.open(_leaf(name), _READ, dir_fd=folder)
            except OSError as error:
                if error.errno in _ABSENT:
                    return None
                raise
            with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  a descriptor, not a path
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
                    raise StoreError(f"{name} is no file, or one of more than {_MOST_BYTES} bytes")
                if is_use and time.time() - status.st_mtime > TOUCH_SECONDS:
                    # On a read-only file system nothing is evicted either.
                    with contextlib.suppress(OSError):
                        os.utime(descriptor)
                return file.readall()

    def write(self, name: str, data: bytes, *, is_durable: bool = False) -> None:
        """Writes an object.

        Raises:
            StoreFull: there is no room for it.
            StoreError: it cannot be written.
        """
        cost = disk_bytes(len(data))
        with store_errors("write", name):
            self._ledger.reserve(cost)
            try:
                self._write(name, data, is_durable=is_durable)
            except BaseException:
                self._ledger.release(cost)
                raise

    def delete(self, names: Sequence[str]) -> None:
        """Takes objects away, and folders that are empty then."""
        for name in names:
            with store_errors("delete", name):
                self._delete(name)
        for parent in {name.rpartition("/")[0] for name in names}:
            self._remove_if_empty(parent)

    def names(self, prefix: str) -> Generator[str]:
        """The names that begin with `prefix`, which ends with a slash."""
        with store_errors("list", prefix), self.opened(prefix) as folder:
            if folder is not None:
                yield from _names(folder, prefix)

    def is_there(self, name: str) -> bool:
        """Whether there is an object of this name."""
        with self.opened(name) as folder:
            return folder is not None and size_of(folder, _leaf(name)) is not None

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[int | None]:
        """The descriptor of the folder that a name is in; None if it is not there."""
        try:
            opened = contextlib.ExitStack()
            folder = opened.enter_context(self._folder(name))
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            yield None
            return
        with opened:
            yield folder

    def _write(self, name: str, data: bytes, *, is_durable: bool) -> None:
        for attempt in range(_TRIES):
            try:
                with self._folder(name, is_made=True) as folder:
                    self._place(folder, _leaf(name), data, is_durable=is_durable)
            except FileNotFoundError:
                # Somebody has removed the folder for being empty, at this very moment.
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    def _place(self, folder: int, leaf: str, data: bytes, *, is_durable: bool) -> None:
        temporary = f".{secrets.token_hex(16)}.tmp"
        descriptor = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
        try:
            with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123  a descriptor, not a path
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
                if is_durable:
                    os.fsync(descriptor)
            # The size of what is replaced counts only if nobody else replaces it at the same moment.
            with self._ledger.held():
                replaced = size_of(folder, leaf)
                os.rename(temporary, leaf, src_dir_fd=folder, dst_dir_fd=folder)
                if replaced is not None:
                    self._ledger.release(disk_bytes(replaced))
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise
        if is_durable:
            os.fsync(folder)

    def _delete(self, name: str) -> None:
        try:
            with self._folder(name) as folder, self._ledger.held():
                size = size_of(folder, _leaf(name))
                os.unlink(_leaf(name), dir_fd=folder)
                self._ledger.release(disk_bytes(size or 0))
        except OSError as error:
            if error.errno not in _ABSENT:
                raise

    def _remove_if_empty(self, path: str) -> None:
        if "/" in path:
            # Not empty, or gone, or a writer has just made it anew: all the same.
            with contextlib.suppress(OSError), self._folder(path) as folder:
                os.rmdir(_leaf(path), dir_fd=folder)

    @contextlib.contextmanager
    def _folder(self, name: str, *, is_made: bool = False) -> Iterator[int]:
        """The descriptor of the folder that a name is in, which is made if it is not there."""
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in _parts(name)[:-1]:
                if is_made:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=folder)
                inner = os.open(part, FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


@contextlib.contextmanager
def store_errors(verb: str, name: str) -> Iterator[None]:
    """Around calls of the system."""
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in _FULL else StoreError
        raise kind(f"could not {verb} {name}: {error.strerror or error}") from error


def size_of(folder: int, leaf: str) -> int | None:
    """The size of a file; None if there is none."""
    try:
        return os.stat(leaf, dir_fd=folder, follow_symlinks=False).st_size
    except FileNotFoundError:
        return None


def _names(folder: int, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as found:
        for item in found:
            if item.name.startswith("."):
                continue
            if item.is_dir(follow_symlinks=False):
                inner = os.open(item.name, FOLDER, dir_fd=folder)
                try:
                    yield from _names(inner, f"{prefix}{item.name}/")
                finally:
                    os.close(inner)
            elif item.is_file(follow_symlinks=False):
                yield f"{prefix}{item.name}"


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    # A prefix ends with a slash: its last part is empty.
    if not all(_PART.fullmatch(part) for part in parts[:-1]) or not (parts[-1] == "" or _PART.fullmatch(parts[-1])):
        raise StoreError(f"{name!r} is no name of an object")
    return parts


def _leaf(name: str) -> str:
    return name.rpartition("/")[2]
