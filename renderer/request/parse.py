"""The grammar of processing paths: signed path -> RenderRequest (spec 01 sections 1.4, 4 and 6).

Options are read left to right into a draft; the first segment without a separator begins the source. Every option is
read, and may fail, before the source is decoded; the extension comes last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from renderer.errors import BildwerkError, ConfigurationError, InvalidURL, SecurityOptionForbidden
from renderer.formats import NAMES
from renderer.options.declare import MetaOption, Option
from renderer.options.resize import RESIZING_TYPES
from renderer.options.tables import PIPELINE_FAMILIES, PRESET, PROCESSING, REQUEST_FAMILIES
from renderer.request.presets import VARIABLES, Segment, split_segment
from renderer.request.source_url import SourceGrammar, decode_source
from renderer.request.values import NO_FEATURES, NO_HINTS, ClientFeatures, ClientHints, Pipeline, RenderRequest

_log = logging.getLogger(__name__)

_DEFAULTS = {family: kind() for family, kind in (PIPELINE_FAMILIES | REQUEST_FAMILIES).items()}

_FORMAT = next(row for row in PROCESSING.options if row.name == "format")

DEFAULT_PRESET = "default"

Observer = Callable[[Option, Any, tuple[str, ...]], None]
"""Told of each option that is read: its row, its value so far, and the presets it stands in, outermost first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What the settings say about processing paths.

    `now` gives the Unix time that `expires` is compared with.
    """

    now: Callable[[], float]
    separator: str = ":"
    allowed_options: frozenset[str] = frozenset()
    presets: Mapping[str, tuple[Segment, ...]] = field(default_factory=dict)
    is_presets_only: bool = False
    allows_security_options: bool = False
    sources: SourceGrammar = field(default_factory=SourceGrammar)


class _Draft:
    """The options read so far: values by family and attribute, only those that were given."""

    __slots__ = ("_grammar", "_observe", "_running", "_values")

    def __init__(self, grammar: Grammar, observe: Observer | None = None) -> None:
        self._grammar = grammar
        self._observe = observe
        self._values: dict[str, dict[str, Any]] = {}
        self._running: list[str] = []

    def hint(self, hints: ClientHints) -> None:
        """Sets what client hints say, under whatever presets and the URL say (spec 03 section 3.2)."""
        if hints is not NO_HINTS:
            self._values["resize"] = {"width": hints.width, "dpr": hints.dpr}

    def read(self, name: str, arguments: Sequence[str], *, is_from_preset: bool) -> None:
        """One option as it stands in a URL or a preset."""
        allowed = self._grammar.allowed_options
        if allowed and not is_from_preset and name not in allowed:
            raise InvalidURL(f"Forbidden processing option {name}")
        row = PROCESSING.by_name.get(name)
        if row is None:
            raise InvalidURL(f"Unknown processing option {name}")
        if row is PRESET:
            self.read_presets(arguments)
        else:
            self._fold(row, arguments)

    def read_presets(self, names: Iterable[str]) -> None:
        """The options of presets; one that is already being read is skipped, so that none can recurse."""
        for name in names:
            segments = self._grammar.presets.get(name)
            if segments is None:
                raise InvalidURL(f"Unknown preset: {name}")
            if name in self._running:
                _log.warning("Recursive preset usage is skipped: %s", name)
                continue
            self._running.append(name)
            for option, arguments in segments:
                self.read(option, arguments, is_from_preset=True)
            self._running.pop()

    def _fold(self, row: Option | MetaOption, arguments: Sequence[str]) -> None:
        if isinstance(row, MetaOption):
            for name, rest in row.expand(arguments, row.name):
                self._fold(PROCESSING.by_name[name], rest)
            return
        if row.is_security and not self._grammar.allows_security_options:
            raise SecurityOptionForbidden("Security processing options are not allowed")
        values = self._values.setdefault(row.family, {})
        value = row.kind.read(values.get(row.attribute, row.default), arguments, row.name)
        values[row.attribute] = value
        if row.name == "expires":
            self._refuse_expired(value)
        if self._observe is not None:
            self._observe(row, value, tuple(self._running))

    def family(self, name: str) -> Any:  # noqa: ANN401  one of the option families
        """The options of one family."""
        values = self._values.get(name)
        if not values:
            return _DEFAULTS[name]
        return (PIPELINE_FAMILIES.get(name) or REQUEST_FAMILIES[name])(**values)

    def set_format(self, extension: str) -> None:
        """The extension of the source is the last word on the format, unless the source is streamed as it is."""
        if not extension or self._values.get("delivery", {}).get("raw"):
            return
        if extension not in NAMES:
            raise InvalidURL(f"Invalid format: {extension} (expected supported image format)")
        self._values.setdefault("output", {})["format"] = NAMES[extension]
        if self._observe is not None:
            self._observe(_FORMAT, NAMES[extension], ())

    def _refuse_expired(self, expires: int) -> None:
        """A past time is an error, even before a later one; zero and less mean nothing (spec 01 section 4.3)."""
        if 0 < expires < self._grammar.now():
            raise InvalidURL("Expired URL")


def parse_request(
    signed_path: str,
    grammar: Grammar,
    features: ClientFeatures = NO_FEATURES,
    *,
    hints: ClientHints = NO_HINTS,
    observe: Observer | None = None,
) -> RenderRequest:
    """Understands a signed path.

    Args:
        signed_path: what follows the signature, without leading slash, as `split_path` gives it.
        grammar: what the settings say.
        features: what the client accepts.
        hints: the size that the client's headers ask for.
        observe: told of each option, for those who want to know where a value came from; an extension is `format`.

    Raises:
        InvalidURL: with the developer's text of spec 01 section 1.10.
    """
    segments = signed_path.split("/")
    draft = _Draft(grammar, observe)
    draft.hint(hints)
    if DEFAULT_PRESET in grammar.presets:
        draft.read_presets([DEFAULT_PRESET])
    read_options = _read_preset_names if grammar.is_presets_only else _read_options
    source = read_options(draft, segments, grammar.separator)
    source_url, extension = decode_source(source, grammar.sources)
    draft.set_format(extension)
    return RenderRequest(
        source_url=source_url,
        pipelines=(Pipeline(**{family: draft.family(family) for family in PIPELINE_FAMILIES}),),
        output=draft.family("output"),
        delivery=draft.family("delivery"),
        limits=draft.family("limits"),
        features=features,
    )


def may_be_raw(signed_path: str, grammar: Grammar) -> bool:
    """Whether a path may ask for its source as it is; it is not read, so some say yes that do not."""
    return f"/raw{grammar.separator}" in f"/{signed_path}" or bool(grammar.presets)


def _read_options(draft: _Draft, segments: Sequence[str], separator: str) -> Sequence[str]:
    if segments[0] in RESIZING_TYPES:
        raise InvalidURL("It looks like you're using the deprecated basic URL format")
    for position, segment in enumerate(segments):
        if separator not in segment:
            return segments[position:]
        name, arguments = split_segment(segment, separator)
        draft.read(name, arguments, is_from_preset=False)
    return ()


def _read_preset_names(draft: _Draft, segments: Sequence[str], separator: str) -> Sequence[str]:
    draft.read_presets(segments[0].split(separator))
    return segments[1:]


def check_presets(grammar: Grammar) -> None:
    """Reads every preset once, so that a bad one stops the start and not a request.

    Raises:
        ConfigurationError: naming every preset that does not read.
    """
    problems = []
    for name in grammar.presets:
        draft = _Draft(grammar)
        try:
            draft.read_presets([name])
        except BildwerkError as error:
            problems.append(f"{VARIABLES}: error in preset `{name}`: {error}")
    if problems:
        raise ConfigurationError(problems)
