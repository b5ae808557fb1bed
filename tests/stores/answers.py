"""What tests read of sources."""

from __future__ import annotations

from renderer.errors import BildwerkError
from renderer.sources.registry import Sources
from renderer.sources.source import RawRequest, Source

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 2000
"""Half a megabyte."""


async def fetched(sources: Sources, url: str, *, max_bytes: int = 0) -> Source:
    """The whole source."""
    source = await sources.fetch(url, max_bytes=max_bytes)
    assert isinstance(source, Source)
    return source


async def refused(sources: Sources, url: str, *, max_bytes: int = 0) -> tuple[str, int]:
    """The kind and the status that a fetch ends with."""
    try:
        await sources.fetch(url, max_bytes=max_bytes)
    except BildwerkError as error:
        return type(error).__name__, error.status
    raise AssertionError(f"{url} was fetched")


async def raw(sources: Sources, url: str, request: RawRequest | None = None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a raw answer; its length is held against the one announced."""
    async with await sources.stream(url, request or RawRequest()) as answer:
        body = b"".join([chunk async for chunk in answer.chunks])
    assert answer.content_length in (None, len(body))
    return answer.status, dict(answer.headers), body
