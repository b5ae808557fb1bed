"""What a server would make of a processing URL before it fetches anything: the steps of a request, each one's finding.

The steps and their order are those of `renderer.handlers.processing`; the first that refuses ends the explanation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from bildwerk.option_values import OptionValue, given_options, settled_options
from bildwerk.options import MALFORMED, collected_warnings, hint, offending_segment, server_grammar
from bildwerk.possible_results import possible_results
from renderer.app import usable_formats
from renderer.cache.key import cache_key
from renderer.cache.tags import original_tag
from renderer.errors import BildwerkError, Forbidden, InvalidURL, MalformedSignature, UnsupportedFormat
from renderer.options.declare import Option
from renderer.options.tables import PROCESSING
from renderer.pipeline.output import check_requested_format
from renderer.request.client_features import client_features
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import SplitPath, split_path
from renderer.request.values import RenderRequest
from renderer.security.allowed_sources import check_source
from renderer.security.signature import SigningKeys, verify
from renderer.settings.load import Settings
from renderer.sources.object_url import scheme_of
from renderer.vips import runtime

_HTTP_SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the server refuses: what clients see, what developers see, and the part of the path that is to blame.

    `hint` ends the developer's sentence. `start` and `end` are places in the explanation's path; equal ones are none.
    """

    status: int
    public: str
    reason: str
    hint: str = ""
    start: int = 0
    end: int = 0


@dataclass(slots=True, kw_only=True)
class Explanation:
    """What is known of a target. `path` is the target as the server repaired it, without prefix and query."""

    path: str
    signature: str = ""
    source: str = ""
    allowed: str = ""
    accepts: tuple[str, ...] = ()
    results: Mapping[str, str] = field(default_factory=dict)
    options: list[OptionValue] = field(default_factory=list)
    cache_key: str = ""
    cache_tags: tuple[str, ...] = ()
    cache_tag_header: str = ""
    warnings: list[str] = field(default_factory=list)
    refusal: Refusal | None = None


def explain(target: str, accept: str, settings: Settings) -> Explanation:
    """The explanation of a raw request target, for a client that sends this `Accept`.

    Raises:
        ConfigurationError: the settings stop a server from starting.
    """
    explanation = Explanation(path=target)
    with collected_warnings() as warnings:
        savable = runtime.start().savable
        settings = dataclasses.replace(settings, formats=usable_formats(settings.formats, savable))
        grammar = server_grammar(settings)
        refusal = _refused_by_the_edge(target, settings)
        if refusal is not None:
            explanation.refusal = refusal
        else:
            _walk(explanation, accept, settings, grammar)
    explanation.warnings += warnings
    return explanation


def _refused_by_the_edge(target: str, settings: Settings) -> Refusal | None:
    """What is answered before a target is taken for a processing path (spec 03 section 2.1)."""
    raw = target.partition("?")[0]
    malformed = MALFORMED.search(raw)
    if malformed:
        reason = f"the target is no URL: {malformed[0]!r} in it"
        return Refusal(
            status=400, public="Bad Request", reason=reason, start=malformed.start(), end=max(malformed.span())
        )
    prefix = settings.server.path_prefix
    if not unquote(raw, errors="surrogateescape").startswith(f"{prefix}/"):
        return Refusal(status=404, public="", reason=f"the path is not below IMGPROXY_PATH_PREFIX, {prefix}")
    return None


def _walk(explanation: Explanation, accept: str, settings: Settings, grammar: Grammar) -> None:
    """The steps of a request; the one that refuses leaves its refusal."""
    path = SplitPath(signature="", signed="")
    try:
        path = split_path(explanation.path, settings.server.path_prefix)
        explanation.path = f"/{path.signature}/{path.signed}"
        explanation.signature = _verdict(path, settings)
        request = _parsed(explanation, path, accept, (settings, grammar))
        check_requested_format_of(request)
    except BildwerkError as error:
        start, end, meant = _place(error, path, grammar)
        explanation.refusal = Refusal(
            status=error.status, public=error.public, reason=str(error), hint=meant, start=start, end=end
        )


def check_requested_format_of(request: RenderRequest) -> None:
    """Refuses a format that this build cannot write, unless the source is streamed as it is."""
    if not request.delivery.raw:
        check_requested_format(request, runtime.start().savable)


def _verdict(path: SplitPath, settings: Settings) -> str:
    """Who signed; raises as `verify` does."""
    keys = SigningKeys.from_settings(settings.security)
    verify(path.signature, path.signed, keys)
    if not keys.pairs:
        return "not checked: IMGPROXY_KEY and IMGPROXY_SALT are not set"
    if path.signature in keys.trusted:
        return "trusted: it is one of IMGPROXY_TRUSTED_SIGNATURES"
    for number, pair in enumerate(keys.pairs, 1):
        try:
            verify(path.signature, path.signed, dataclasses.replace(keys, pairs=(pair,)))
        except Forbidden:
            continue
        return f"valid, made with key pair {number}"
    return "valid"


def _parsed(explanation: Explanation, path: SplitPath, accept: str, rules: tuple[Settings, Grammar]) -> RenderRequest:
    """Parses the path, notes what it says, and holds the source against the allow-list."""
    settings, grammar = rules
    given: dict[str, tuple[Option, Any, tuple[str, ...]]] = {}

    def observe(row: Option, value: Any, presets: tuple[str, ...]) -> None:  # noqa: ANN401  any option's value
        given[row.name] = (row, value, presets)

    features = client_features(accept, settings.formats)
    request = parse_request(path.signed, grammar, features, observe=observe)
    sources = settings.sources
    explanation.source = request.source_url
    explanation.accepts = tuple(name for name in ("jxl", "avif", "webp") if getattr(features, f"prefers_{name}"))
    explanation.results = possible_results(request, settings, runtime.start())
    explanation.options = [
        *given_options(given.values(), grammar.separator),
        *settled_options(request, settings, frozenset(given)),
    ]
    explanation.cache_key = cache_key(request)
    explanation.cache_tags = (original_tag(request.source_url, sources.source_url_query_separator),)
    explanation.cache_tag_header = settings.server.cache_tag_header
    check_source(request.source_url, sources.allowed_sources, query_separator=sources.source_url_query_separator)
    explanation.allowed = (
        "yes, by IMGPROXY_ALLOWED_SOURCES" if sources.allowed_sources else "yes: IMGPROXY_ALLOWED_SOURCES is not set"
    )
    explanation.warnings += _source_warnings(request.source_url, settings)
    return request


def _source_warnings(url: str, settings: Settings) -> list[str]:
    scheme = scheme_of(url)
    if scheme in _HTTP_SCHEMES:
        return []
    if scheme == "local" and settings.sources.local_filesystem_root is None:
        return ["local:// is off: IMGPROXY_LOCAL_FILESYSTEM_ROOT is not set, so the source will not be found"]
    return [] if scheme == "local" else [f"nothing here reads sources with the scheme {scheme!r}"]


def _place(error: BildwerkError, path: SplitPath, grammar: Grammar) -> tuple[int, int, str]:
    """Which part of the path an error is about, and what may have been meant."""
    start = len(f"/{path.signature}/")
    if not path.signed:
        return 0, 0, "; a processing path is /SIGNATURE/OPTIONS/SOURCE"
    if isinstance(error, Forbidden | MalformedSignature):
        meant = "; `bildwerk sign --replace PATH` signs a path anew" if isinstance(error, Forbidden) else ""
        return 1, start - 1, meant
    segments = path.signed.split("/")
    count = 1 if grammar.is_presets_only else _option_count(segments, grammar.separator)
    options = segments[:count]
    index = None
    if isinstance(error, UnsupportedFormat):
        index = _format_segment(options, grammar.separator)
    elif isinstance(error, InvalidURL):
        index = offending_segment(options, grammar, str(error))
    if index is not None:
        start += sum(len(segment) + 1 for segment in options[:index])
        return start, start + len(options[index]), hint(str(error), options[index], grammar)
    start += sum(len(segment) + 1 for segment in options)
    return start, len(f"/{path.signature}/{path.signed}"), ""


def _option_count(segments: list[str], separator: str) -> int:
    return next((index for index, segment in enumerate(segments) if separator not in segment), len(segments))


def _format_segment(options: list[str], separator: str) -> int | None:
    """The last option that names the result's format; None leaves it to the extension of the source."""
    names = [PROCESSING.by_name.get(segment.split(separator)[0]) for segment in options]
    found = [index for index, row in enumerate(names) if row is not None and row.name == "format"]
    return found[-1] if found else None
