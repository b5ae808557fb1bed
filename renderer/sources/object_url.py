"""The text of a source URL that is not http(s) -> container, key and query.

Such URLs are opaque: `%`, `?` and `#` are characters of the key, so `%20` names a file with a percent sign in its name
(spec 03 section 4.1).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_MOST_KNOWN: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAddress:
    """One object: `container` is the bucket, `key` has no leading slashes, `query` is a version or the like."""

    container: str
    key: str
    query: str


# Several parts of a request ask for the same.
@functools.lru_cache(maxsize=_MOST_KNOWN)
def scheme_of(url: str) -> str:
    """The URL's scheme in lower case; empty if it has none."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else ""


@functools.lru_cache(maxsize=_MOST_KNOWN)
def object_address(url: str, *, query_separator: str) -> ObjectAddress:
    """What the URL names. The separator's first place in the key begins the query; an empty one divides nothing."""
    match = _SCHEME.match(url)
    rest = match[2] if match else ""
    container = ""
    if rest.startswith("//"):
        container, slash, path = rest[2:].partition("/")
        rest = slash + path
    key = rest.lstrip("/") if rest.startswith("/") else ""
    query = ""
    if query_separator:
        key, _, query = key.partition(query_separator)
    return ObjectAddress(container=container, key=key, query=query)


def address_problem(address: ObjectAddress) -> str:
    """Why there is no such object, for clients to read; empty if there may be one."""
    if not address.container.strip(".") or not address.key:
        return f"/{address.key} doesn't exist"
    # Proxies and stores that resolve dot segments would read another bucket, past the lists of buckets.
    depth = 0
    for segment in address.key.split("/"):
        depth += -1 if segment == ".." else segment not in ("", ".")
        if depth < 0:
            return f"/{address.key} leaves its bucket"
    return ""
