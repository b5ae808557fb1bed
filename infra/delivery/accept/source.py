"""Decides which formats the Accept function keeps: those that the server has switched on.

A format that is off must not divide the cache: Safari and Firefox name JPEG XL, Chrome does not, and with JPEG XL off
all of them get the same AVIF.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

NEGOTIABLE: Final = ("webp", "avif", "jxl")
"""The formats that the server answers by `Accept`, in the order in which clients learned them."""

_FILE: Final = Path(__file__).with_name("function.js")
_DEFAULT: Final = "const FORMATS = ['webp', 'avif', 'jxl'];"


def function_source(formats: Collection[str]) -> str:
    """The JavaScript for servers that have these formats on, by `IMGPROXY_AUTO_*` or `IMGPROXY_ENFORCE_*`.

    CloudFront takes 10 KB of it (Amazon CloudFront Developer Guide, Quotas on CloudFront Functions).

    Args:
        formats: any of `NEGOTIABLE`, in any order; none makes every client equal.

    Raises:
        ValueError: another format; the text says which there are.
    """
    unknown = sorted(set(formats).difference(NEGOTIABLE))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: clients choose among {', '.join(NEGOTIABLE)} only")
    kept = ", ".join(f"'{format}'" for format in NEGOTIABLE if format in formats)
    return _FILE.read_text("utf-8").replace(_DEFAULT, f"const FORMATS = [{kept}];")
