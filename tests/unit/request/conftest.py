"""The grammar under a server's usual settings, and readers of paths."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.errors import BildwerkError
from renderer.request.parse import Grammar, parse_request
from renderer.request.presets import parse_presets
from renderer.request.source_url import SourceGrammar

NOW = 1_700_000_000.0


@pytest.fixture
def grammar() -> Callable[..., Grammar]:
    """Makes a grammar: `presets` are texts, everything else is a field of Grammar or SourceGrammar."""

    def make(
        *presets: str,
        separator: str = ":",
        allowed: str = "",
        sources: SourceGrammar | None = None,
        presets_only: bool = False,
    ) -> Grammar:
        return Grammar(
            now=lambda: NOW,
            separator=separator,
            allowed_options=frozenset(allowed.split()),
            presets=parse_presets(presets, separator),
            is_presets_only=presets_only,
            sources=sources or SourceGrammar(),
        )

    return make


@pytest.fixture
def refused() -> Callable[[str, Grammar], str]:
    """The developer's text for a path that a grammar refuses with 404 `Invalid URL`."""

    def text(path: str, grammar: Grammar) -> str:
        with pytest.raises(BildwerkError) as error:
            parse_request(path, grammar)
        assert (error.value.status, error.value.public) == (404, "Invalid URL")
        return str(error.value)

    return text
