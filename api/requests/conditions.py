"""`If-Match` and `If-None-Match` of a write (RFC 9110 section 13.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api.problems import InvalidRequest

_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_TAGS: Final = re.compile(rf"[ \t,]*(?:{_TAG.pattern})(?:[ \t]*,[ \t]*(?:{_TAG.pattern}|))*")
_MOST: Final = 16
_ANY: Final = "*"
_KEPT: Final = ("if-match", "if-none-match")
_NEVER_KEPT: Final = ("if-unmodified-since",)
"""Times are too coarse to tell two writes of one second apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the client wants to be true of what is there.

    Attributes:
        is_absent: there is nothing.
        is_present: there is something, whatever it is.
        etags: there is one of these; empty is no such condition.
    """

    is_absent: bool = False
    is_present: bool = False
    etags: Sequence[str] = ()


def wanted(headers: Mapping[str, str]) -> Wanted:
    """The conditions of a request.

    Raises:
        InvalidRequest: they are malformed, or of a kind that a write does not have.
    """
    _refuse(headers, _NEVER_KEPT)
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None and none_match is not None:
        raise InvalidRequest("If-Match and If-None-Match exclude each other.")
    if none_match is not None:
        if none_match.strip() != _ANY:
            raise InvalidRequest("A write knows `If-None-Match: *` only.")
        return Wanted(is_absent=True)
    if match is None:
        return Wanted()
    if match.strip() == _ANY:
        return Wanted(is_present=True)
    etags = _TAG.findall(match)
    if not _TAGS.fullmatch(match.strip()) or len(etags) > _MOST:
        raise InvalidRequest("If-Match holds `*`, or up to 16 entity tags in double quotes.")
    return Wanted(etags=tuple(etags))


def refuse_conditions(headers: Mapping[str, str]) -> None:
    """Returns if a request that keeps no conditions has none: ignored, one would lose what its sender wants to keep.

    Raises:
        InvalidRequest: it has one.
    """
    _refuse(headers, (*_KEPT, *_NEVER_KEPT))


def _refuse(headers: Mapping[str, str], names: Sequence[str]) -> None:
    if found := next((name for name in names if name in headers), None):
        raise InvalidRequest(f"This request knows no condition {found}; PUT knows if-match and if-none-match.")
