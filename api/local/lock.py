"""One process at a time has a file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from renderer.errors import ConfigurationError


def held_alone(path: Path) -> int:
    """A lock that ends with this process, however it ends; in a file of its own: SQLite's locks would not survive it.

    It is given up by closing the descriptor that is answered.
    POSIX gives up all of a process's locks on a file as soon as it closes any descriptor of that file.
    """
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        path.touch(mode=0o600)
    except OSError as error:
        problem = f"BILDWERK_API_STATE: {path} cannot be written ({error.strerror})"
        raise ConfigurationError([problem]) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConfigurationError([f"BILDWERK_API_STATE: another process has {path}"]) from error
    return descriptor
