"""A file that stays open for as long as it is needed, and is read by its decoder a few kilobytes at a time.

Copied whole, a picture of 5 MB costs 2 ms: its pages are fresh ones, which the kernel clears first, and by the time the
decoder comes to them they have left the processor's caches. Pieces that go through one small buffer cost a tenth.
"""

from __future__ import annotations

import os
from typing import Final

from renderer.errors import SourceIncomplete
from renderer.storage.filesystem import StoredFile, read_at

_OWN: Final = "/proc/self/fd"


class HeldFile(StoredFile):
    """An open regular file of which the first bytes are known. Threads may use it while another one closes it.

    Attributes:
        head: its first bytes.
    """

    __slots__ = ("head",)

    def __init__(self, descriptor: int, head: bytes, *, size: int, modified_ns: int) -> None:
        """Takes the descriptor over, of a file that had this size and this time of modification."""
        super().__init__(descriptor, size=size, modified_ns=modified_ns)
        self.head = head

    def __len__(self) -> int:
        """Its size in bytes when it was opened."""
        return self.size

    @staticmethod
    def can_be_had() -> bool:
        """Whether this system lets an open file be opened again. It may wait."""
        return os.path.isdir(_OWN)  # noqa: PTH112  a text that is joined for each picture

    def reopened(self) -> int:
        """A descriptor of the same file with a position of its own, for the caller to close.

        Raises:
            SourceIncomplete: the file cannot be opened again, or has been closed.
        """
        with self._in_use:
            try:
                return os.open(f"{_OWN}/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise _unreadable(error) from error

    def read(self) -> bytes:
        """All of it.

        Raises:
            SourceIncomplete: it does not read, has become shorter, or has been closed.
        """
        # By a descriptor of its own: whoever closes the file does not wait for the disk.
        descriptor = self.reopened()
        try:
            data = read_at(descriptor, 0, self.size)
        except OSError as error:
            raise _unreadable(error) from error
        finally:
            os.close(descriptor)
        if len(data) < self.size:
            raise SourceIncomplete("the file shrank while it was read")
        return data

    def check_unchanged(self) -> None:
        """Looks whether it is the file that was opened.

        Raises:
            SourceIncomplete: somebody has written to it. Of a file that has been closed nobody wants to know.
        """
        with self._in_use:
            if self._descriptor < 0:
                return
            status = os.fstat(self._descriptor)
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified_ns):
            raise SourceIncomplete("the file changed while it was read")


def _unreadable(error: OSError) -> SourceIncomplete:
    return SourceIncomplete(f"the file cannot be read any more: {error.strerror}")


Encoded = bytes | HeldFile
"""A picture as it is stored: its bytes, or the file that has them."""


def head_of(encoded: Encoded) -> bytes:
    """The first bytes, or all of them."""
    return encoded if isinstance(encoded, bytes) else encoded.head


def check_unchanged(encoded: Encoded) -> None:
    """Looks whether a file is still what it was; raises SourceIncomplete as `HeldFile.check_unchanged` does."""
    if not isinstance(encoded, bytes):
        encoded.check_unchanged()


def whole_of(encoded: Encoded) -> bytes:
    """All bytes; raises SourceIncomplete as `HeldFile.read` does."""
    return encoded if isinstance(encoded, bytes) else encoded.read()
