"""The store of originals in a folder, for a developer's machine: `bildwerk serve` reads it as `local:///key`.

A file is written aside, with its facts, and moved to its place: it is seen whole or not at all. Writers of all
processes wait for one another, so that a condition holds at the moment of the move. An entity tag is the sha256 of the
content, which is read for it each time, because the folder is anybody's to change.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.problems import InvalidKey, PreconditionFailed, StoreUnavailable
from api.stores import folder_files as files
from api.stores.facts import Facts
from api.stores.folder_facts import HAS_ATTRIBUTES, FolderFacts
from api.stores.originals import ANY, Condition, Original
from renderer.errors import ConfigurationError
from renderer.formats import NAMES, SNIFF_BYTES, detect

_READ_SECONDS: Final = 15.0
_CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    sha256: str
    head: bytes


class FolderOriginals:
    """The files below `root`, which is made if it is not there.

    Args:
        root: of the store; may itself be a link.
        uses_attributes: whether facts go into attributes of files where the file system has them.

    Raises:
        ConfigurationError: the folder cannot be used.
    """

    def __init__(self, root: Path, *, uses_attributes: bool = HAS_ATTRIBUTES) -> None:
        self._root = root
        self._facts = FolderFacts(uses_attributes=uses_attributes)
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError([f"{root}: expected a folder for originals ({error.strerror})"]) from error

    def source_url(self, key: str) -> str:
        """How processing URLs name an original."""
        return f"local:///{key}"

    def head(self, key: str) -> Original | None:
        """What is known of a file, None if there is none.

        Raises:
            InvalidKey: there can be none, or a link leads there.
            StoreUnavailable: it cannot be read.
        """
        *above, leaf = files.parts_of(key)
        with files.disk_errors(), ExitStack() as opened:
            try:
                folder = opened.enter_context(files.opened(self._root, above))
                if files.kind(folder, leaf) != stat.S_IFREG:
                    return None
                file = os.open(leaf, files.READ, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError):
                return None
            opened.callback(os.close, file)
            return self._described(key, file)

    def put(self, key: str, data: bytes, facts: Facts, condition: Condition = ANY) -> Original:
        """Writes a file with its facts, at once or not at all.

        Raises:
            PreconditionFailed: the condition does not hold.
            InvalidKey: there can be no such file, or its name or a part of it is taken by what is none.
            StoreUnavailable: there is no room, or another reason why it is not written.
        """
        above = files.parts_of(key)[:-1]
        with files.disk_errors(), files.locked(self._root) as own:
            self._check(key, condition)
            try:
                modified_at = self._placed(own, key, data, facts)
            except BaseException:
                files.remove(own, files.STAGED)
                self._facts.discard(own)
                files.remove_empty(self._root, above)
                raise
            self._facts.sweep(own, key, keep=facts.sha256)
        return Original(
            key=key,
            size=len(data),
            content_type=NAMES[facts.format].mime,
            etag=_etag(facts.sha256),
            modified_at=modified_at,
            facts=facts,
        )

    def delete(self, key: str, *, all_versions: bool = False) -> bool:  # noqa: ARG002  a folder has no others
        """Takes a file away, and folders that are empty then; whether there was one.

        Raises:
            InvalidKey: there can be none, or a link leads there.
            StoreUnavailable: it cannot be taken away.
        """
        *above, leaf = files.parts_of(key)
        with files.disk_errors(), files.locked(self._root) as own:
            try:
                with files.opened(self._root, above) as folder:
                    was_there = files.kind(folder, leaf) == stat.S_IFREG and files.remove(folder, leaf)
            except (FileNotFoundError, NotADirectoryError):
                return False
            if was_there:
                self._facts.sweep(own, key)
                files.remove_empty(self._root, above)
        return was_there

    def _placed(self, own: int, key: str, data: bytes, facts: Facts) -> float:
        """Writes a file and moves it to its place; its time of change."""
        *above, leaf = files.parts_of(key)
        files.remove(own, files.STAGED)
        file = os.open(files.STAGED, files.CREATE, 0o666, dir_fd=own)
        try:
            self._facts.stage(own, file, facts)
            files.write_whole(file, data)
            with files.opened(self._root, above, is_made=True) as folder:
                if files.kind(folder, leaf) == stat.S_IFDIR:
                    raise InvalidKey("There are pictures below this key, so that it cannot be one itself.")
                self._facts.place(own, key, facts.sha256)
                os.rename(files.STAGED, leaf, src_dir_fd=own, dst_dir_fd=folder)
                os.fsync(folder)
            return os.fstat(file).st_mtime
        except NotADirectoryError as error:
            raise InvalidKey("A part of the key is the name of a file, and cannot be a folder as well.") from error
        finally:
            os.close(file)

    def _check(self, key: str, condition: Condition) -> None:
        """Raises PreconditionFailed if a condition does not hold."""
        if not condition.is_absent and condition.etag is None:
            return
        there = self.head(key)
        if condition.is_absent:
            if there is not None:
                raise PreconditionFailed("There is a picture under this key.")
        elif there is None:
            raise PreconditionFailed("There is no picture under this key.")
        elif condition.etag not in ("*", there.etag):
            raise PreconditionFailed("The picture under this key has another entity tag.")

    def _described(self, key: str, file: int) -> Original:
        status = os.fstat(file)
        content = _read(file)
        with ExitStack() as opened:
            try:
                own = opened.enter_context(files.opened(self._root, [files.OWN]))
            except FileNotFoundError:
                own = None
            facts = self._facts.read(own, file, key, content.sha256)
        format = NAMES.get(facts.format) if facts else detect(content.head, extension=key.rpartition(".")[2])
        return Original(
            key=key,
            size=status.st_size,
            content_type=format.mime if format else "application/octet-stream",
            etag=_etag(content.sha256),
            modified_at=status.st_mtime,
            facts=facts,
        )


def _read(file: int) -> _Content:
    """The hash of a file, and its beginning."""
    deadline = time.monotonic() + _READ_SECONDS
    digest, head = hashlib.sha256(), b""
    while chunk := os.read(file, _CHUNK_BYTES):
        head = head or chunk[:SNIFF_BYTES]
        digest.update(chunk)
        if time.monotonic() > deadline:
            raise StoreUnavailable("The file is too large to be looked at.")
    return _Content(sha256=digest.hexdigest(), head=head)


def _etag(sha256: str) -> str:
    return f'"{sha256}"'
