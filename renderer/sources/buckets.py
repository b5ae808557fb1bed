"""Which buckets may be read: exact names, and a denied one stays denied when it is allowed too (spec 03 §4.7)."""

from __future__ import annotations

from collections.abc import Sequence

from renderer.errors import SourceError


def check_bucket(name: str, allowed: Sequence[str], denied: Sequence[str]) -> None:
    """Lets a bucket or container pass that `denied` does not name and `allowed` does, or that nothing restricts.

    Raises:
        SourceError: it may not be read.
    """
    if name in denied:
        raise SourceError(f"Can't download source image: bucket {name[:300]!r} is denied")
    if allowed and name not in allowed:
        raise SourceError(f"Can't download source image: bucket {name[:300]!r} is not allowed")
