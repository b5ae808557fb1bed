"""Files below one folder, by key. Nothing outside the folder can be named, by `..` or by a symbolic link.

A key is cleaned by its text first, so `..` stops at the root. Links are then resolved and the result must lie below the
root; a link that stays inside works. Last, the resolved path is opened name by name from the root's own descriptor with
links forbidden, so swapping a folder for a link after the check opens nothing (spec 03 section 4.5).
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
import threading
from pathlib import PurePath
from types import TracebackType
from typing import Final, Self

# O_PATH walks through folders that may be searched but not listed; it is Linux's.
_FOLDER: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
# Without O_NONBLOCK, opening a pipe would wait for somebody to write.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class StoredFile:
    """An open regular file; a context manager. `modified_ns` counts from 1970."""

    __slots__ = ("_descriptor", "_in_use", "modified_ns", "size")

    def __init__(self, descriptor: int, *, size: int, modified_ns: int) -> None:
        self._descriptor = descriptor
        # A read that nobody waits for any more may still run in its thread when the file is closed, and the number of a
        # closed descriptor may belong to another file at once.
        self._in_use = threading.Lock()
        self.size = size
        self.modified_ns = modified_ns

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only where the file ends."""
        with self._in_use:
            return read_at(self._descriptor, offset, length)

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        with self._in_use:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Filesystem:
    """The files below `root`. Its methods block."""

    def __init__(self, root: PurePath) -> None:
        self._root = os.fspath(root)

    def open(self, key: str) -> StoredFile:
        """Opens the regular file that `key` names.

        Raises:
            FileNotFoundError: there is none, or it lies outside the root.
            IsADirectoryError: it is a folder.
            OSError: it cannot be read, or it is a pipe, a device or a socket.
        """
        # Resolved each time: a root that is a link may be pointed elsewhere while the server runs.
        root = os.path.realpath(self._root)
        descriptor = _descend(root, _names_below(root, key))
        try:
            return _regular(descriptor)
        except BaseException:
            os.close(descriptor)
            raise


def read_at(descriptor: int, offset: int, length: int) -> bytes:
    """Up to `length` bytes of a file from `offset`; fewer only where the file ends."""
    pieces = []
    while length > 0 and (piece := os.pread(descriptor, length, offset)):
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return b"".join(pieces)


def cleaned_key(key: str) -> str:
    """The key as a path from the root, by its text alone: `..` stops at the root, which is the empty path."""
    return posixpath.normpath("/" + key.lstrip("/")).lstrip("/")


def _regular(descriptor: int) -> StoredFile:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise PermissionError(errno.EACCES, "not a regular file")
    return StoredFile(descriptor, size=status.st_size, modified_ns=status.st_mtime_ns)


def _names_below(root: str, key: str) -> list[str]:
    """The names from `root` to where the key leads once every link is resolved."""
    prefix = root.rstrip("/") + "/"
    try:
        real = os.path.realpath(prefix + cleaned_key(key))
    except ValueError as error:
        raise FileNotFoundError(errno.ENOENT, "no file has such a name: a NUL or a lone surrogate") from error
    if real == root:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not real.startswith(prefix):
        raise FileNotFoundError(errno.ENOENT, "a link leads out of the root folder")
    return real.removeprefix(prefix).split("/")


def _descend(root: str, names: list[str]) -> int:
    """The descriptor of the last name, opened one folder after the other."""
    folder = os.open(root, _FOLDER)
    try:
        for name in names[:-1]:
            inner = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(names[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)
