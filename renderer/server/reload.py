"""Reading the settings anew in a process of their own: it may wait for AWS, and what it imports ends with it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

from renderer.server.child import UNUSABLE, Child, fork_child


@dataclass(slots=True, kw_only=True)
class Reload:
    """A reading that has begun; `is_stale` says that it was asked for again meanwhile."""

    child: Child
    result: IO[str]
    is_stale: bool = False

    def environment(self, status: int) -> dict[str, str] | None:
        """What the child has read, once it has ended with a status; None if that says that it has failed."""
        with self.result:
            if status:
                return None
            self.result.seek(0)
            environment: dict[str, str] = json.load(self.result)
        return environment


def begin_reload(read: Callable[[], Mapping[str, str] | None]) -> Reload:
    """Forks a process that reads; it ends with status 0 or `UNUSABLE`.

    Raises:
        OSError: there is no room for a process or its result.
    """
    # A file and not a pipe: it has no size that a large environment could exceed, and nobody waits for it.
    result = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115  closed once read

    def main(_tell: object) -> int:
        environment = read()
        if environment is None:
            return UNUSABLE
        json.dump(dict(environment), result)
        result.flush()
        return 0

    try:
        return Reload(child=fork_child(main), result=result)
    except BaseException:
        result.close()
        raise
