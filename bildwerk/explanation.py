"""What a server would make of a processing URL before it fetches anything: the steps of a request, each one's finding.

The steps and their order are those of `renderer.handlers.processing`; the first that refuses ends the explanation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bildwerk.option_values import OptionValue, given_options, settled_options
from bildwerk.options import collected_warnings, server_grammar
from bildwerk.possible_results import possible_results
from bildwerk.refusal import Refusal, refusal, refused_by_the_edge
from renderer.app import usable_formats
from renderer.cache.key import cache_key
from renderer.cache.tags import original_tag
from renderer.errors import BildwerkError, Forbidden
from renderer.options.declare import Option
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


@dataclass(slots=True, kw_only=True)
class Explanation:
    """What is known of a target; blank is unknown, but a blank `format` beside a source is one that nobody asked for.

    `path` is the target as the server repaired it, without prefix and query.
    """

    path: str
    signature: str = ""
    source: str = ""
    allowed: str = ""
    format: str = ""
    accepts: tuple[str, ...] = ()
    results: Mapping[str, str] = field(default_factory=dict)
    options: list[OptionValue] = field(default_factory=list)
    cache_key: str = ""
    cache_tags: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    refusal: Refusal | None = None


def explain(target: str, accept: str, settings: Settings) -> Explanation:
    """The explanation of a raw request target, for a client that sends this `Accept`.

    Raises:
        ConfigurationError: the settings stop a server from starting.
    """
    explanation = Explanation(path=target)
    formats = usable_formats(settings.formats, runtime.start().savable)
    settings = dataclasses.replace(settings, formats=formats)
    grammar = server_grammar(settings)
    explanation.refusal = refused_by_the_edge(target, settings.server.path_prefix)
    if explanation.refusal is None:
        with collected_warnings() as warnings:
            _walk(explanation, accept, settings, grammar)
        explanation.warnings += warnings
    return explanation


def _walk(explanation: Explanation, accept: str, settings: Settings, grammar: Grammar) -> None:
    """The steps of a request; the one that refuses leaves its refusal."""
    path: SplitPath | None = None
    try:
        path = split_path(explanation.path, settings.server.path_prefix)
        explanation.path = f"/{path.signature}/{path.signed}"
        explanation.signature = _verdict(path, settings)
        features = client_features(accept, settings.formats)
        given: dict[str, tuple[Option, Any, tuple[str, ...]]] = {}

        def observe(row: Option, value: Any, presets: tuple[str, ...]) -> None:  # noqa: ANN401  any option's value
            given[row.name] = (row, value, presets)

        request = parse_request(path.signed, grammar, features, observe=observe)
        explanation.options = [
            *given_options(given.values(), grammar.separator),
            *settled_options(request, settings, frozenset(given)),
        ]
        _note_request(explanation, request, settings)
        explanation.allowed = _allowed(request.source_url, settings)
        if not request.delivery.raw:
            check_requested_format(request, runtime.start().savable)
    except BildwerkError as error:
        explanation.refusal = refusal(error, path, grammar)


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


def _note_request(explanation: Explanation, request: RenderRequest, settings: Settings) -> None:
    separator = settings.sources.source_url_query_separator
    explanation.source = request.source_url
    explanation.format = request.output.format.value if request.output.format else ""
    explanation.accepts = tuple(
        name for name in ("jxl", "avif", "webp") if getattr(request.features, f"prefers_{name}")
    )
    explanation.results = possible_results(request, settings, runtime.start())
    explanation.cache_key = cache_key(request)
    explanation.cache_tags = (original_tag(request.source_url, separator),)
    scheme = scheme_of(request.source_url)
    if scheme == "local" and settings.sources.local_filesystem_root is None:
        explanation.warnings.append("IMGPROXY_LOCAL_FILESYSTEM_ROOT is not set: local:// sources will not be found")
    elif scheme not in (*_HTTP_SCHEMES, "local"):
        explanation.warnings.append(f"No kind of source has the scheme {scheme!r}: it will not be found")


def _allowed(source_url: str, settings: Settings) -> str:
    """What the allow-list says; raises as `check_source` does."""
    sources = settings.sources
    check_source(source_url, sources.allowed_sources, query_separator=sources.source_url_query_separator)
    return "yes, by IMGPROXY_ALLOWED_SOURCES" if sources.allowed_sources else "yes, IMGPROXY_ALLOWED_SOURCES is not set"
