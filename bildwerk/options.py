"""Options as people type them: read by the server's own grammar, and mistakes told with the place and the nearest name.

A mistake is looked for by reading ever longer beginnings of the list: the parser itself only has to be right, not to
know where it is.
"""

from __future__ import annotations

import difflib
import logging
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bildwerk.terminal import pointed
from renderer.errors import BildwerkError, InvalidURL
from renderer.options.declare import Option
from renderer.options.tables import PRESET, PROCESSING
from renderer.request.parse import Grammar, Observer, parse_request
from renderer.request.values import RenderRequest

if TYPE_CHECKING:
    from renderer.settings.load import Settings

MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[\x00-\x20\x7f]")
"""What no request target may hold: the server answers 400 before it looks at the path."""

_SOME_SOURCE: Final = ("plain", "x")


def server_grammar(settings: Settings) -> Grammar:
    """The grammar of a server under these settings.

    Raises:
        ConfigurationError: naming every preset that does not read.
    """
    from renderer.app import make_grammar
    from renderer.request.parse import check_presets

    grammar = make_grammar(settings)
    check_presets(grammar)
    return grammar


def read_options(text: str, grammar: Grammar, *, extension: str = "", observe: Observer | None = None) -> RenderRequest:
    """The request that options mean, with a source that stands for any.

    Args:
        text: `name:argument/name:argument/...` as in a URL, or preset names where only those are allowed.
        grammar: the server's.
        extension: the format that a URL would end with; it wins over `format`.
        observe: told of each option.

    Raises:
        InvalidURL: with the parser's text, the place in the list and the nearest name that would do.
    """
    segments = option_segments(text, grammar)
    source = "/".join(_SOME_SOURCE) + (f"@{extension}" if extension else "")
    try:
        return parse_request("/".join([*segments, source]), grammar, observe=observe)
    except InvalidURL as error:
        place = offending_segment(segments, grammar, str(error))
        if place is None:
            raise
        start = sum(len(segment) + 1 for segment in segments[:place])
        excerpt = pointed("/".join(segments), start, start + len(segments[place]))
        raise InvalidURL(f"{error}{hint(str(error), segments[place], grammar)}\n{excerpt}") from error


def option_segments(text: str, grammar: Grammar) -> list[str]:
    """The parts of an option list.

    Raises:
        InvalidURL: one of them is no option, so that the server would take it for the source.
    """
    text = text.strip("/")
    if grammar.is_presets_only:
        if not text or "/" in text:
            raise InvalidURL(
                f"IMGPROXY_ONLY_PRESETS is on: the options are preset names between {grammar.separator!r}, got {text!r}"
            )
        return [text]
    segments = text.split("/") if text else []
    for segment in segments:
        if grammar.separator not in segment:
            raise InvalidURL(
                f"{segment!r} is no option: write name{grammar.separator}argument, with a slash between options"
            )
    return segments


def offending_segment(segments: Sequence[str], grammar: Grammar, text: str) -> int | None:
    """Which segment of an option list the parser refuses with this text; None if it is none of them."""

    def problem(count: int) -> str | None:
        try:
            parse_request("/".join([*segments[:count], *_SOME_SOURCE]), grammar)
        except BildwerkError as error:
            return str(error)
        return None

    with collected_warnings():
        if grammar.is_presets_only:
            return 0 if problem(1) == text else None
        # Once a beginning is refused, every longer one is refused for the same segment.
        count = bisect_left(range(len(segments)), 1, key=lambda count: problem(count) is not None)
        return count - 1 if count and problem(count) == text else None


def hint(text: str, segment: str, grammar: Grammar) -> str:
    """What may have been meant by a segment that the parser refuses with `text`, as the end of that sentence."""
    name, *arguments = segment.split(grammar.separator)
    if grammar.is_presets_only:
        return _nearest_preset([name, *arguments], grammar)
    row = PROCESSING.by_name.get(name)
    if row is None:
        return _meant(difflib.get_close_matches(name, grammar.allowed_options or PROCESSING.by_name, 1))
    if grammar.allowed_options and name not in grammar.allowed_options:
        return _meant([other for other in (row.name, *row.aliases) if other in grammar.allowed_options])
    if row is PRESET:
        return _nearest_preset(arguments, grammar)
    if isinstance(row, Option) and row.is_security and not grammar.allows_security_options:
        return "; IMGPROXY_ALLOW_SECURITY_OPTIONS is off"
    if "arguments: " in text:
        usage = row.usage.replace("%", "").replace(":", grammar.separator)
        return f"; usage: {name}{grammar.separator}{usage}"
    return ""


def _nearest_preset(names: Iterable[str], grammar: Grammar) -> str:
    if not grammar.presets:
        return "; IMGPROXY_PRESETS defines none"
    unknown = next((name for name in names if name not in grammar.presets), None)
    return "" if unknown is None else _meant(difflib.get_close_matches(unknown, grammar.presets, 1))


def _meant(names: Sequence[str]) -> str:
    return f"; is `{names[0]}` meant?" if names else ""


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Keeps the renderer's warnings from the log and gives them as a list."""
    texts: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    logger = logging.getLogger("renderer")
    handler, propagate = Collector(logging.WARNING), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield texts
    finally:
        logger.propagate = propagate
        logger.removeHandler(handler)
