"""Decides which request headers caches must tell apart (spec 03 section 3.3).

It follows from the settings alone, not from the request: an explicit format in a URL does not take `Accept` out, so
that one URL has one `Vary`. It goes on rendered pictures and on 304, not on errors or raw answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from renderer.settings.processing import FormatSettings


def vary(formats: FormatSettings, *, client_hints: bool = False) -> str | None:
    """The value of `Vary`, or None when no request header matters.

    Args:
        formats: the settings after formats that cannot be saved were dropped from them.
        client_hints: sizes from client hints are used.
    """
    names: list[str] = []
    if any(
        (
            formats.auto_webp,
            formats.auto_avif,
            formats.auto_jxl,
            formats.enforce_webp,
            formats.enforce_avif,
            formats.enforce_jxl,
        )
    ):
        names.append("Accept")
    if client_hints:
        names.extend(("Sec-Ch-Dpr", "Dpr", "Sec-Ch-Width", "Width"))
    return ", ".join(names) or None
