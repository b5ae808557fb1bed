"""A raw answer that has no object behind it: a status and a short text, or nothing but a status."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from renderer.sources.source import RawSource, SourceHeaders


def text_answer(status: int, text: str = "", headers: Mapping[str, str] | None = None) -> RawSource:
    """The answer; without a text it has no body."""
    body = text.encode("utf-8", "replace")

    async def chunks() -> AsyncIterator[bytes]:
        if body:
            yield body

    async def release() -> None:
        """Nothing is held."""

    return RawSource(
        status=status,
        headers={"Content-Type": "text/plain", **(headers or {})} if body else dict(headers or {}),
        content_length=None if status == 304 else len(body),
        caching=SourceHeaders(),
        chunks=chunks(),
        release=release,
    )
