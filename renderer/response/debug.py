"""Headers that tell people what was done: the canonical source, sizes, timings (spec 03 section 2.11)."""

from __future__ import annotations


def canonical_link(source_url: str) -> str | None:
    """The value of `Link` for an http(s) source, else None."""
    if not source_url.startswith(("http://", "https://")):
        return None
    return f'<{source_url}>; rel="canonical"'


def debug_headers(*, origin: tuple[int, int], result: tuple[int, int], source_bytes: int) -> dict[str, str]:
    """Width and height in pixels, upright and of one frame, and the bytes of the source that were read."""
    return {
        "X-Origin-Content-Length": str(source_bytes),
        "X-Origin-Width": str(origin[0]),
        "X-Origin-Height": str(origin[1]),
        "X-Result-Width": str(result[0]),
        "X-Result-Height": str(result[1]),
    }
