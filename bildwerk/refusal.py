"""Why a server refuses a target, and which part of the path is to blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from bildwerk.options import MALFORMED, hint, offending_segment
from renderer.errors import BildwerkError, Forbidden, InvalidURL, MalformedSignature, UnsupportedFormat
from renderer.options.tables import PROCESSING
from renderer.request.parse import Grammar
from renderer.request.path import SplitPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What clients see, what developers see, and where it is.

    `reason` is the developer's text, `hint` the end of that sentence. `start` and `end` are places in the repaired
    path; where they are equal, no part of it is to blame.
    """

    status: int
    public: str
    reason: str
    hint: str = ""
    start: int = 0
    end: int = 0


def refused_by_the_edge(target: str, prefix: str) -> Refusal | None:
    """What is answered before a target is taken for a processing path (spec 03 section 2.1), or None."""
    raw = target.partition("?")[0]
    malformed = MALFORMED.search(raw)
    if malformed:
        reason = f"no URL may hold {malformed[0]!r} as it stands here"
        return Refusal(status=400, public="Bad Request", reason=reason, start=malformed.start(), end=malformed.end())
    if not unquote(raw, errors="surrogateescape").startswith(f"{prefix}/"):
        return Refusal(status=404, public="", reason=f"the path is not below IMGPROXY_PATH_PREFIX, {prefix}")
    return None


def refusal(error: BildwerkError, path: SplitPath | None, grammar: Grammar) -> Refusal:
    """The refusal that an error is; `path` is None when the target could not even be divided."""
    start, end, meant = 0, 0, "; a processing path is /SIGNATURE/OPTIONS/SOURCE"
    if path is not None:
        start, end, meant = _place(error, path, grammar)
    return Refusal(
        status=error.status, public=error.public, reason=str(error) or error.public, hint=meant, start=start, end=end
    )


def _place(error: BildwerkError, path: SplitPath, grammar: Grammar) -> tuple[int, int, str]:
    """Start and end of the part of `/signature/signed` that an error is about, and what may have been meant."""
    first = len(path.signature) + 2
    if isinstance(error, Forbidden):
        return 1, first - 1, "; `bildwerk sign --replace PATH` signs a path anew"
    if isinstance(error, MalformedSignature):
        return 1, first - 1, ""
    segments = path.signed.split("/")
    options = segments[: _option_count(segments, grammar)]
    text = str(error)
    index = offending_segment(options, grammar, text) if isinstance(error, InvalidURL) else None
    if index is not None:
        start = first + _length(options[:index])
        return start, start + len(options[index]), hint(text, options[index], grammar)
    start = first + _length(options)
    end = first + len(path.signed)
    extension = _extension(path.signed[start - first :])
    if isinstance(error, UnsupportedFormat) or text.startswith("Invalid format: "):
        if extension:
            return end - len(extension), end, ""
        return _format_option(options, grammar, first)
    return start, end, ""


def _option_count(segments: Sequence[str], grammar: Grammar) -> int:
    if grammar.is_presets_only:
        return 1
    return next((index for index, text in enumerate(segments) if grammar.separator not in text), len(segments))


def _length(segments: Sequence[str]) -> int:
    """Characters of segments that are each followed by a slash."""
    return sum(len(segment) + 1 for segment in segments)


def _extension(source: str) -> str:
    """What follows the mark before a source's extension; without a mark there is none."""
    mark = "@" if source.startswith("plain/") else "."
    return source.rpartition(mark)[2] if mark in source else ""


def _format_option(options: Sequence[str], grammar: Grammar, first: int) -> tuple[int, int, str]:
    """The place of the last option that names a format; a preset's is nowhere in the path."""
    for index in reversed(range(len(options))):
        row = PROCESSING.by_name.get(options[index].partition(grammar.separator)[0])
        if row is not None and row.name == "format":
            start = first + _length(options[:index])
            return start, start + len(options[index]), ""
    return 0, 0, ""
