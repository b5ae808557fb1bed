"""Raw request target -> signature and signed path, repaired exactly as imgproxy repairs it (spec 01 section 1.3).

Proxies percent-encode colons and collapse double slashes. The repair runs before the signature is checked, so a URL
signed in its canonical form still verifies; it also changes a few innocent URLs, and that is part of the contract.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from renderer.errors import InvalidURL

# Greedy: the last `:/x` is repaired, which is what signatures in the wild were computed with (gotcha 8). Go's spaces
# are ASCII's; a no-break space in a raw URL is none.
_COLLAPSED_SCHEME = re.compile(r"(\S+):/([^/])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPath:
    """The two parts of a processing target: `signed` is what follows the signature, without leading slash."""

    signature: str
    signed: str


def split_path(target: str, prefix: str = "") -> SplitPath:
    """Takes a raw request target apart.

    Args:
        target: the undecoded target, for instance `/SIG/rs:fit:300:300/plain/local:///a.jpg?x`.
        prefix: `IMGPROXY_PATH_PREFIX`, removed only if it stands there literally.

    Raises:
        InvalidURL: when either part is missing.
    """
    path = target.partition("?")[0]
    path = path.removeprefix(f"{prefix}/").removeprefix("/")
    signature, _, rest = path.partition("/")
    if not signature or not rest:
        raise InvalidURL(f"Invalid path: {rest}")
    signed = _repaired(rest)
    if not signed:
        raise InvalidURL("invalid path: ")
    return SplitPath(signature=signature, signed=signed)


def _repaired(path: str) -> str:
    if path.startswith("plain/"):
        options, plain = "", path.removeprefix("plain/")
    else:
        options, slash_plain, plain = path.partition("/plain/")
        if not slash_plain:
            return path.replace("%3A", ":").removeprefix("/")
    collapsed = _COLLAPSED_SCHEME.match(plain)
    if collapsed:
        scheme = collapsed[1]
        slashes = "///" if scheme == "local" else "//"
        plain = f"{scheme}:{slashes}{plain[collapsed.start(2) :]}"
    return f"{options.replace('%3A', ':')}/plain/{plain}".removeprefix("/")
