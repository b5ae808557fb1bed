"""What is said about a local file that cannot be had: its key, and nothing else of this machine.

Raw answers show the text to clients: it must not tell where the root is or why a link is refused.
"""

from __future__ import annotations

from renderer.errors import SourceStatus


def missing(key: str, error: OSError) -> SourceStatus:
    """The error of a source that cannot be opened or read."""
    return SourceStatus(f"Can't download source image: status: 404; {reason(key, error)}", source_status=404)


def reason(key: str, error: OSError) -> str:
    """Why there is no such file, for the client."""
    if isinstance(error, FileNotFoundError):
        return f"/{key} doesn't exist"
    if isinstance(error, IsADirectoryError):
        return f"/{key} is directory"
    return f"/{key} can't be read"
