"""The tags by which a CDN and the result store find every rendition of one original (DESIGN section 5)."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from renderer.version import VERSION

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def cache_tags(source_urls: Iterable[str], query_separator: str = "?", *, release: str = VERSION) -> str:
    """The header's value: one tag for each original, in that order and each once, then `v-` and the release.

    By the last one a single invalidation drops what an old release has rendered.
    """
    return ",".join((*original_tags(source_urls, query_separator), f"v-{release}"))


def original_tags(source_urls: Iterable[str], query_separator: str = "?") -> tuple[str, ...]:
    """One tag for each original, in that order and each once."""
    return tuple(dict.fromkeys(original_tag(url, query_separator) for url in source_urls))


def original_tag(source_url: str, query_separator: str = "?") -> str:
    """`o-` and 32 hexadecimal digits of sha256(bucket, NUL, key) of a source URL.

    For `local://` the bucket is empty; for http(s) it is the lower-case host with a port that is not the default. The
    key has no leading slash and no version or query of an object store; an http(s) query belongs to the key. However
    the path of a local file is written, its tag is one.
    """
    bucket, key = _bucket_and_key(source_url, query_separator)
    text = bucket.encode("utf-8", "surrogateescape") + b"\0" + key.encode("utf-8", "surrogateescape")
    return f"o-{hashlib.sha256(text).hexdigest()[:32]}"


def _bucket_and_key(source_url: str, query_separator: str) -> tuple[str, str]:
    scheme, colon, rest = source_url.partition(":")
    scheme = scheme.lower()
    if scheme in _DEFAULT_PORTS:
        return _host_and_path(source_url, _DEFAULT_PORTS[scheme])
    bucket, key = "", rest if colon else source_url
    # `local:/a.jpg` and `local:///a.jpg` name the same file.
    if key.startswith("//"):
        bucket, _, key = key[2:].partition("/")
    key = key.lstrip("/")
    if query_separator:
        key = key.partition(query_separator)[0]
    if scheme == "local":
        return "", posixpath.normpath(f"/{key}").lstrip("/")
    return bucket, key


def _host_and_path(source_url: str, default_port: int) -> tuple[str, str]:
    try:
        parts = urlsplit(source_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "", source_url  # no address to fetch from; the tag only has to be stable
    if port is not None and port != default_port:
        host = f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return host, f"{parts.path.lstrip('/')}{query}"
