"""What a download brings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A file that was fetched.

    Attributes:
        data: the file, decoded.
        content_type: the media type that the source declares, in lower case and without parameters; None if it
            declares none.
        file_name: what the source or the URL calls it; empty if neither does.
    """

    data: bytes = field(repr=False)
    content_type: str | None
    file_name: str
