"""Facts of files: an attribute of the file, so that both appear together and go together.

Where the file system has no attributes, or not as long ones, they are JSON below the store's own folder, under the hash
of the key and the hash of the content: written before the file is there, and never taken for another content's.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from typing import Final

from api.stores.facts import Facts, facts_of
from api.stores.folder_files import CREATE, FOLDER, READ, remove, write_whole

_ATTRIBUTE: Final = "user.bildwerk.facts"
HAS_ATTRIBUTES: Final = hasattr(os, "setxattr")
"""Python has the calls on Linux only."""

_FOLDER: Final = b"facts"
_STAGED: Final = b"facts.staged"
_MOST_BYTES: Final = 64 * 1024
_NOT_THERE: Final = (errno.ENODATA, errno.ENOTSUP)
_NO_ROOM_THERE: Final = (errno.ENOTSUP, errno.EPERM, errno.ENOSPC, errno.E2BIG, errno.ERANGE)
"""ext4 keeps attributes in one block of 4 KiB and calls it full; some file systems have none for users."""


class FolderFacts:
    """Facts of the files of one store.

    Args:
        uses_attributes: whether to try the file system's own.
    """

    def __init__(self, *, uses_attributes: bool = HAS_ATTRIBUTES) -> None:
        self._uses_attributes = uses_attributes

    def stage(self, own: int, file: int, facts: Facts) -> None:
        """Writes the facts of a file that is being written.

        Args:
            own: the store's own folder.
            file: open for writing.
            facts: of it.
        """
        remove(own, _STAGED)
        document = json.dumps(facts.metadata()).encode()
        if not self._uses_attributes or not _attached(file, document):
            _stage_beside(own, document)

    def place(self, own: int, key: str, sha256: str) -> None:
        """Makes what was staged beside a file that of a key and a content: just before the file gets to its place."""
        with contextlib.suppress(FileNotFoundError):
            os.stat(_STAGED, dir_fd=own)
            for name in (_FOLDER, _folder(key)):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=own)
            os.rename(_STAGED, _name(key, sha256), src_dir_fd=own, dst_dir_fd=own)

    def discard(self, own: int) -> None:
        """Takes away what was staged."""
        remove(own, _STAGED)

    def read(self, own: int | None, file: int, key: str, sha256: str) -> Facts | None:
        """The facts of a file; None where it has none, or those of content that is not there any more.

        Args:
            own: the store's own folder, None if there is none yet.
            file: open for reading.
            key: of it.
            sha256: of what is in it now: somebody may have changed it in its place.
        """
        document = _attribute(file) if self._uses_attributes else None
        if document is None and own is not None:
            document = _read_beside(own, key, sha256)
        facts = _facts(document) if document is not None else None
        return facts if facts is not None and facts.sha256 == sha256 else None

    def sweep(self, own: int, key: str, *, keep: str | None = None) -> None:
        """Takes away what lies beside for a key, but for the content of sha256 `keep`."""
        try:
            folder = os.open(_folder(key), FOLDER, dir_fd=own)
        except FileNotFoundError:
            return
        try:
            with os.scandir(folder) as found:
                names = [os.fsencode(item.name) for item in found]
            for name in names:
                if name != f"{keep}.json".encode():
                    remove(folder, name)
        finally:
            os.close(folder)
        if keep is None:
            os.rmdir(_folder(key), dir_fd=own)


def _attached(file: int, document: bytes) -> bool:
    try:
        os.setxattr(file, _ATTRIBUTE, document)
    except OSError as error:
        if error.errno not in _NO_ROOM_THERE:
            raise
        return False
    return True


def _attribute(file: int) -> bytes | None:
    try:
        return os.getxattr(file, _ATTRIBUTE)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        return None


def _stage_beside(own: int, document: bytes) -> None:
    descriptor = os.open(_STAGED, CREATE, 0o600, dir_fd=own)
    try:
        write_whole(descriptor, document)
    finally:
        os.close(descriptor)


def _read_beside(own: int, key: str, sha256: str) -> bytes | None:
    try:
        descriptor = os.open(_name(key, sha256), READ, dir_fd=own)
    except FileNotFoundError:
        return None
    try:
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


def _facts(document: bytes) -> Facts | None:
    """What a document says; None where it is none of ours, since anybody may write attributes and files."""
    try:
        metadata = json.loads(document)
    except ValueError:
        return None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        return None
    return facts_of(metadata)


def _folder(key: str) -> bytes:
    return b"%s/%s" % (_FOLDER, hashlib.sha256(key.encode()).hexdigest().encode())


def _name(key: str, sha256: str) -> bytes:
    return b"%s/%s.json" % (_folder(key), sha256.encode())
