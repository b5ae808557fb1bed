"""The grammar of processing paths: signed path -> RenderRequest (spec 01 sections 1.4, 4 and 6).

Options are read left to right into a draft; the first segment without a separator begins the source. Every option is
read, and may fail, before the source is decoded; the extension comes last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from renderer.errors import BildwerkError, ConfigurationError, InvalidURL, SecurityOptionForbidden
from renderer.formats import NAMES, ImageFormat
from renderer.options.declare import MetaOption, Option
from renderer.options.delivery import Delivery
from renderer.options.limits import Limits
from renderer.options.output import Output
from renderer.options.resize import RESIZING_TYPES
from renderer.options.tables import DEFAULTS, PIPELINE_FAMILIES, PRESET, PROCESSING, REQUEST_FAMILIES
from renderer.request.presets import VARIABLES, Segment, split_segment
from renderer.request.source_url import SourceGrammar, decode_source
from renderer.request.values import NO_FEATURES, NO_HINTS, ClientFeatures, ClientHints, Pipeline, RenderRequest

_log = logging.getLogger(__name__)

_FORMAT = next(row for row in PROCESSING.options if row.name == "format")

DEFAULT_PRESET = "default"

_MOST_KNOWN: Final = 256
_LONGEST_KNOWN: Final = 4096
"""Options that are remembered, of 2 KB each beside their text, and the longest path whose are, in characters."""

Observer = Callable[[Option, Any, tuple[str, ...]], None]
"""Told of each option that is read: its row, its value so far, and the presets it stands in, outermost first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the options of a path say, whatever source follows.

    Attributes:
        outputs: `output` by the format that an extension asks for, as far as that has come.
        is_lasting: whether they say the same at any time.
    """

    pipelines: tuple[Pipeline, ...]
    output: Output
    delivery: Delivery
    limits: Limits
    outputs: dict[ImageFormat, Output] = field(default_factory=dict)
    is_lasting: bool

    def in_format(self, format: ImageFormat) -> Output:
        """`output` with that format."""
        output = self.outputs.get(format)
        if output is None:
            output = self.outputs[format] = replace(self.output, format=format)
        return output


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What the settings say about processing paths.

    `now` gives the Unix time that `expires` is compared with. `known` are options that came lately: a site has many
    pictures and few ways to show them.
    """

    now: Callable[[], float]
    separator: str = ":"
    allowed_options: frozenset[str] = frozenset()
    presets: Mapping[str, tuple[Segment, ...]] = field(default_factory=dict)
    is_presets_only: bool = False
    allows_security_options: bool = False
    sources: SourceGrammar = field(default_factory=SourceGrammar)
    known: dict[tuple[str, ...], _Options] = field(default_factory=dict, init=False, compare=False, repr=False)


class _Draft:
    """The options read so far: values by family and attribute, only those that were given."""

    __slots__ = ("_grammar", "_is_lasting", "_observe", "_running", "_values")

    def __init__(self, grammar: Grammar, observe: Observer | None = None) -> None:
        self._grammar = grammar
        self._observe = observe
        self._values: dict[str, dict[str, Any]] = {}
        self._running: list[str] = []
        self._is_lasting = True

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
            self._is_lasting = False
            self._refuse_expired(value)
        if self._observe is not None:
            self._observe(row, value, tuple(self._running))

    def options(self) -> _Options:
        """What has been read."""
        return _Options(
            pipelines=(Pipeline(**{family: self._family(family) for family in PIPELINE_FAMILIES}),),
            output=self._family("output"),
            delivery=self._family("delivery"),
            limits=self._family("limits"),
            is_lasting=self._is_lasting,
        )

    def _family(self, name: str) -> Any:  # noqa: ANN401  one of the option families
        values = self._values.get(name)
        if not values:
            return DEFAULTS[name]
        return (PIPELINE_FAMILIES.get(name) or REQUEST_FAMILIES[name])(**values)

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
    count = _count_options(segments, grammar)
    written = tuple(segments[:count])
    options = grammar.known.get(written) if hints is NO_HINTS and observe is None else None
    if options is None:
        options = _read_options(written, grammar, hints, observe)
        if hints is NO_HINTS and options.is_lasting and len(signed_path) <= _LONGEST_KNOWN:
            _remember(grammar.known, written, options)
    source_url, extension = decode_source(segments[count:], grammar.sources)
    output = options.output
    # The extension is the last word on the format, unless the source is streamed as it is.
    if extension and not options.delivery.raw:
        if extension not in NAMES:
            raise InvalidURL(f"Invalid format: {extension} (expected supported image format)")
        output = options.in_format(NAMES[extension])
        if observe is not None:
            observe(_FORMAT, NAMES[extension], ())
    return RenderRequest(
        source_url=source_url,
        pipelines=options.pipelines,
        output=output,
        delivery=options.delivery,
        limits=options.limits,
        features=features,
    )


def may_be_raw(signed_path: str, grammar: Grammar) -> bool:
    """Whether a path may ask for its source as it is; it is not read, so some say yes that do not."""
    return f"/raw{grammar.separator}" in f"/{signed_path}" or bool(grammar.presets)


def _count_options(segments: Sequence[str], grammar: Grammar) -> int:
    """How many segments stand before the source."""
    if grammar.is_presets_only:
        return 1
    if segments[0] in RESIZING_TYPES:
        raise InvalidURL("It looks like you're using the deprecated basic URL format")
    separator = grammar.separator
    for position, segment in enumerate(segments):
        if separator not in segment:
            return position
    return len(segments)


def _read_options(
    segments: Sequence[str], grammar: Grammar, hints: ClientHints, observe: Observer | None = None
) -> _Options:
    draft = _Draft(grammar, observe)
    draft.hint(hints)
    if DEFAULT_PRESET in grammar.presets:
        draft.read_presets([DEFAULT_PRESET])
    if grammar.is_presets_only:
        draft.read_presets(segments[0].split(grammar.separator))
        return draft.options()
    for segment in segments:
        name, arguments = split_segment(segment, grammar.separator)
        draft.read(name, arguments, is_from_preset=False)
    return draft.options()


def _remember(known: dict[tuple[str, ...], _Options], written: tuple[str, ...], options: _Options) -> None:
    if len(known) >= _MOST_KNOWN:
        del known[next(iter(known))]
    known[written] = options


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
