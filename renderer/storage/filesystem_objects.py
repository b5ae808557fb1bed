"""Objects in a folder that several processes share, within a limit of room that they keep together.

Reading has threads of its own, so that writes that hang hold up no lookup. Housekeeping has one more.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from renderer.errors import ConfigurationError
from renderer.storage.housekeeping import SWEEP, Housekeeping, HouseRules
from renderer.storage.ledger import Ledger
from renderer.storage.object_folder import ObjectFolder
from renderer.storage.object_store import PAGE, StoreFull
from renderer.storage.threads import BoundedThreads

_log = logging.getLogger(__name__)

_READERS: Final = 4
_MOST_READS: Final = 128
_WRITERS: Final = 2
_MOST_WRITES: Final = 64
_REST_SECONDS: Final = 60.0
"""Until the next try after a sweep that failed: each leaves a line in the log."""
_LOOK_SECONDS: Final = 1.0
"""How often a process that writes looks whether a sweep is due; at once if the folder was full."""


class FilesystemObjects:
    """The objects below `root`, which is made if it is not there.

    Args:
        root: absolute.
        rules: what is removed, and when.

    Raises:
        ConfigurationError: the folder cannot be used.
    """

    def __init__(self, root: Path, rules: HouseRules) -> None:
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_new = not (root / ".usage").exists() and not (root / rules.evicted).exists()
            self._ledger = Ledger(root / ".usage", rules.max_bytes)
            if is_new:
                # Nothing lies in it: a sweep beside the first write would find nothing, and might miss that write.
                self._ledger.count(0, 0)
                (root / SWEEP).touch(mode=0o600)
        except OSError as error:
            raise ConfigurationError(
                [f"{root}: expected a folder for results that can be written ({error})"]
            ) from error
        self._evicted = rules.evicted
        self._folder = ObjectFolder(root, self._ledger)
        self._housekeeping = Housekeeping(self._folder, self._ledger, rules)
        self._readers = BoundedThreads(_READERS, _MOST_READS, "read results")
        self._writers = BoundedThreads(_WRITERS, _MOST_WRITES, "write results")
        self._sweeper = BoundedThreads(1, 2, "keep results in order")
        self._next_look = self._rests_until = 0.0
        self._looking: Future[object] | None = None

    async def get(self, name: str) -> bytes | None:
        """The object, None if there is none."""
        is_use = name.startswith(self._evicted)
        return await self._readers.run(functools.partial(self._folder.read, name, is_use=is_use))

    async def put(self, name: str, data: bytes, *, is_durable: bool = False) -> None:
        """Writes an object."""
        self._look_after()
        try:
            await self._writers.run(functools.partial(self._folder.write, name, data, is_durable=is_durable))
        except StoreFull:
            self._next_look = 0.0
            raise

    async def delete(self, names: Sequence[str]) -> None:
        """Takes objects away."""
        await self._writers.run(functools.partial(self._folder.delete, names))

    async def pages(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        """The names that begin with `prefix`, some at a time."""
        names = self._folder.names(prefix)
        try:
            while page := await self._readers.run(lambda: list(itertools.islice(names, PAGE))):
                yield page
        finally:
            # Whoever was cancelled may have left it at work in its thread; then it ends with its last reference.
            with contextlib.suppress(ValueError):
                await self._readers.run(names.close)

    async def close(self) -> None:
        """Ends threads and sweeps."""
        self._housekeeping.stop()
        for threads in (self._readers, self._writers, self._sweeper):
            threads.close()

    def _look_after(self) -> None:
        now = time.monotonic()
        if now >= max(self._next_look, self._rests_until) and (self._looking is None or self._looking.done()):
            self._next_look = now + _LOOK_SECONDS
            self._looking = self._sweeper.start(self._keep_house)

    def _keep_house(self) -> None:
        try:
            if self._housekeeping.is_due():
                self._housekeeping.sweep()
        except Exception:  # noqa: BLE001  the thread's border: nobody else would tell of it
            _log.exception("Keeping results in order failed")
            self._rests_until = time.monotonic() + _REST_SECONDS
