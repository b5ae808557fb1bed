"""RenderRequest -> signed path: the inverse of the parser, for clients, the command line and tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import quote

from renderer.options.declare import Option
from renderer.options.tables import PIPELINE_FAMILIES, PROCESSING
from renderer.request.values import RenderRequest
from renderer.scalars import encode_base64url
from renderer.security.encryption import encrypt_source_url

Encoding = Literal["plain", "base64", "encrypted"]

# What a plain source must escape: the path ends at `?` and, for clients, at `#`; `@` begins the extension, `%` an
# escape. The rest of what RFC 3986 lets stand in a path is written as it is.
_PLAIN_SAFE = "/:!$&'()*+,;=~-._"
_LOOKS_COLLAPSED = re.compile(r":/(?!/)")
# An argument is never unescaped, so it cannot hold what ends it, what a request line may not have, and `%3A`, which the
# repair of paths would make a colon of.
_UNWRITABLE = re.compile(r"[\x00-\x20\x7f/?#]|%3A|%(?![0-9A-Fa-f]{2})")


def build_path(
    request: RenderRequest, *, encoding: Encoding = "plain", separator: str = ":", encryption_key: bytes = b""
) -> str:
    """The signed path, without leading slash, that reads as this request.

    Args:
        request: its source URL is written as it is; replacements and a base URL are not undone.
        encoding: how the source URL is written.
        separator: `IMGPROXY_ARGUMENTS_SEPARATOR`.
        encryption_key: for `encrypted`: 16, 24 or 32 bytes.

    Raises:
        ValueError: no path reads as this request, because of the separator or of what an argument contains.
    """
    segments = [_segment(row, arguments, separator) for row, arguments in _written_options(request)]
    source = _source(request, encoding, encryption_key)
    if separator in source.partition("/")[0]:
        raise ValueError(f"with the separator {separator!r} this source would read as an option")
    return "/".join([*segments, source])


def _segment(row: Option, arguments: Iterable[str], separator: str) -> str:
    texts = [row.aliases[0] if row.aliases else row.name, *arguments]
    for text in texts:
        if separator in text or _UNWRITABLE.search(text):
            raise ValueError(f"{row.name} cannot be written with the argument {text[:100]!r}")
    return separator.join(texts)


def _source(request: RenderRequest, encoding: Encoding, encryption_key: bytes) -> str:
    url = request.source_url
    if encoding == "plain":
        # `:/x` would be taken for a scheme that a proxy collapsed, wherever it stands.
        source = "plain/" + _LOOKS_COLLAPSED.sub("%3A/", quote(url, safe=_PLAIN_SAFE, errors="surrogateescape"))
        extension = "@{}"
    else:
        data = url.encode("utf-8", "surrogateescape")
        if encoding == "encrypted":
            data = encrypt_source_url(url, encryption_key)
        source = f"{'enc/' if encoding == 'encrypted' else ''}{encode_base64url(data)}"
        extension = ".{}"
    if request.output.format and not request.delivery.raw:
        source += extension.format(request.output.format.value)
    return source


def _written_options(request: RenderRequest) -> Iterator[tuple[Option, list[str]]]:
    for row in PROCESSING.options:
        owner = request.pipelines[0] if row.family in PIPELINE_FAMILIES else request
        value = getattr(getattr(owner, row.family), row.attribute)
        if value == row.default or (row.name == "format" and not request.delivery.raw):
            continue
        for arguments in row.kind.write(value):
            yield row, list(arguments)
