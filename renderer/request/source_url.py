"""The last part of a processing path -> source URL and extension (spec 01 sections 1.5 to 1.8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from renderer.errors import InvalidURL
from renderer.scalars import decode_base64url
from renderer.security.allowed_sources import preprocess
from renderer.security.encryption import decrypt_source_url


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGrammar:
    """What the settings say about source URLs."""

    replacements: tuple[tuple[re.Pattern[str], str], ...] = ()
    base_url: str = ""
    includes_filename: bool = False
    encryption_key: bytes = b""


def decode_source(segments: Sequence[str], grammar: SourceGrammar) -> tuple[str, str]:
    """The source URL, after replacements and base URL, and the extension ("" without one).

    Raises:
        InvalidURL: the source is empty, is not decodable, or names several extensions.
    """
    if not segments:
        raise InvalidURL("Image URL is empty")
    if segments[0] == "plain" and len(segments) > 1:
        url, extension = _plain("/".join(segments[1:]))
    elif segments[0] == "enc" and len(segments) > 1 and grammar.encryption_key:
        decrypt: Callable[[bytes], str] = lambda data: decrypt_source_url(data, grammar.encryption_key)  # noqa: E731
        url, extension = _encoded(segments[1:], grammar, decrypt)
    else:
        url, extension = _encoded(segments, grammar, lambda data: data.decode("utf-8", "surrogateescape"))
    return preprocess(url, grammar.replacements, grammar.base_url), extension


def _plain(text: str) -> tuple[str, str]:
    url, *extensions = text.split("@")
    if len(extensions) > 1:
        raise InvalidURL(f"Multiple formats are specified: {text}")
    if not url:
        raise InvalidURL("Image URL is empty")
    return unquote(url, errors="surrogateescape"), extensions[0] if extensions else ""


def _encoded(segments: Sequence[str], grammar: SourceGrammar, decode: Callable[[bytes], str]) -> tuple[str, str]:
    if grammar.includes_filename and len(segments) > 1:
        segments = segments[:-1]
    text, *extensions = "".join(segments).split(".")
    if len(extensions) > 1:
        raise InvalidURL(f"Multiple formats are specified: {'.'.join([text, *extensions])}")
    if not text:
        raise InvalidURL("Image URL is empty")
    try:
        data = decode_base64url(text.rstrip("="))
    except ValueError as error:
        raise InvalidURL(f"Invalid url encoding: {text}") from error
    return decode(data), extensions[0] if extensions else ""
