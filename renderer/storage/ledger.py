"""How much room the files of a folder take, kept by all processes together in a file that survives them.

Room is reserved before it is used and given back after, each under a lock, so what is used is never more than what is
written here. A process that is killed between the two leaves too much written, never too little; counting all files
anew (`renderer.storage.housekeeping`) puts that right. Such a count may miss what is being written while it begins:
two results a process, that is the slack of the limit. A ledger that is missing or damaged admits nothing until then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renderer.storage.object_store import StoreFull

_FORM: Final = struct.Struct("<4sQQ")
_CHECKED: Final = struct.Struct("<4sQQI")
_MAGIC: Final = b"BWL1"
_BLOCK: Final = 4096


def disk_bytes(size: int) -> int:
    """What a file of a size takes: whole blocks, and one for its name and its folder."""
    return -(-size // _BLOCK) * _BLOCK + _BLOCK


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes in use, and bytes that were ever reserved."""

    used: int
    reserved: int


class Ledger:
    """The ledger of one folder, as one process has it open.

    Args:
        file: of the ledger, made if it is not there.
        max_bytes: what may be used; 0 is no limit, and then nothing is written down.
    """

    def __init__(self, file: Path, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._descriptor = (
            os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600) if max_bytes else -1
        )
        # A lock of the system belongs to the descriptor: threads of one process need one of their own, which they may
        # take again while they hold it.
        self._lock = threading.RLock()
        self._depth = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes and threads from the ledger; may be nested."""
        if not self.max_bytes:
            yield
            return
        with self._lock:
            if not self._depth:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def usage(self) -> Usage | None:
        """What is written; None if that is not known."""
        with self.held():
            return self._read()

    def reserve(self, size: int) -> None:
        """Takes room.

        Raises:
            StoreFull: there is not so much left, or nobody knows.
        """
        if not self.max_bytes:
            return
        with self.held():
            usage = self._read()
            if usage is None:
                raise StoreFull("the files in the store have not been counted yet")
            if usage.used + size > self.max_bytes:
                raise StoreFull(f"{usage.used} of {self.max_bytes} bytes are in use")
            self._write(Usage(usage.used + size, usage.reserved + size))

    def release(self, size: int) -> None:
        """Gives room back."""
        if not self.max_bytes:
            return
        with self.held():
            usage = self._read()
            if usage is not None:
                self._write(Usage(max(0, usage.used - size), usage.reserved))

    def count(self, used: int, since: int) -> Usage:
        """Writes down what a count has found, and what was reserved while it went on.

        Args:
            used: bytes that were found.
            since: what was reserved when the count began.
        """
        if not self.max_bytes:
            return Usage(used, since)
        with self.held():
            usage = self._read()
            reserved = usage.reserved if usage else since
            counted = Usage(used + max(0, reserved - since), reserved)
            self._write(counted)
            return counted

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)

    def _read(self) -> Usage | None:
        if self._descriptor < 0:
            return None
        data = os.pread(self._descriptor, _CHECKED.size + 1, 0)
        if len(data) != _CHECKED.size:
            return None
        magic, used, reserved, check = _CHECKED.unpack(data)
        if magic != _MAGIC or check != zlib.crc32(data[: _FORM.size]):
            return None
        return Usage(used, reserved)

    def _write(self, usage: Usage) -> None:
        data = _FORM.pack(_MAGIC, usage.used, usage.reserved)
        os.pwrite(self._descriptor, data + struct.pack("<I", zlib.crc32(data)), 0)
