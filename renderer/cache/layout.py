"""The names of what is in the store: laid out so that an original's results are found without an index.

    results/<ab>/<tag>/<key>          a result under the tag of the picture that it was made from
    results/<ab>/<tag>/<key>.<first>  empty: this original is in the result <key>, which lies under <first>
    purged/<tag>                      when the original's results were purged last, in Unix time

`<ab>` is the tag's first two hexadecimal digits, so that no folder has millions of others in it. A purge lists one
folder; what it deletes is said by the names alone.
"""

from __future__ import annotations

import math
import re
from typing import Final

RESULTS: Final = "results/"
MARKERS: Final = "purged/"

_TAG: Final = re.compile(r"o-[0-9a-f]{32}")
_POINTER: Final = re.compile(r"(?P<key>[0-9a-f]{64})\.(?P<first>o-[0-9a-f]{32})")


def is_tag(text: str) -> bool:
    """Whether this is the tag of an original."""
    return _TAG.fullmatch(text) is not None


def folder_name(tag: str) -> str:
    """Where everything of an original lies; raises ValueError for what is no tag."""
    if not is_tag(tag):
        raise ValueError(f"{tag!r} is no tag of an original")
    return f"{RESULTS}{tag[2:4]}/{tag}/"


def result_name(tag: str, key: str) -> str:
    """The result of a key; `tag` is that of the picture."""
    return f"{folder_name(tag)}{key}"


def pointer_name(tag: str, key: str, first: str) -> str:
    """What says that the result lies under the tag `first` and has the original of `tag` in it."""
    return f"{folder_name(tag)}{key}.{first}"


def pointed_name(name: str) -> str | None:
    """The result that a pointer leads to; None if the name is not a pointer's."""
    match = _POINTER.fullmatch(name.rpartition("/")[2])
    return result_name(match["first"], match["key"]) if match else None


def marker_name(tag: str) -> str:
    """The marker of an original; raises ValueError for what is no tag."""
    if not is_tag(tag):
        raise ValueError(f"{tag!r} is no tag of an original")
    return f"{MARKERS}{tag}"


def marker_text(at: float) -> bytes:
    """A marker's content."""
    return f"{at:.3f}".encode("ascii")


def marked_time(text: bytes) -> float:
    """The time in a marker; what cannot be read says that everything is outdated."""
    try:
        at = float(text)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(at) else at
