"""Options as URLs write them, read by the parser that the server uses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.errors import InvalidURL
from renderer.request.parse import Grammar, parse_request
from renderer.request.values import RenderRequest

NOW = 1_700_000_000.0


@pytest.fixture
def read() -> Callable[[str], RenderRequest]:
    """Reads an option list; security options are allowed."""
    grammar = Grammar(now=lambda: NOW, allows_security_options=True)

    def request(options: str) -> RenderRequest:
        return parse_request(f"{options}/plain/local:///a.jpg", grammar)

    return request


@pytest.fixture
def refused(read: Callable[[str], RenderRequest]) -> Callable[[str], str]:
    """The developer's text for an option list that is no valid one."""

    def text(options: str) -> str:
        with pytest.raises(InvalidURL) as error:
            read(options)
        assert error.value.status == 404
        return str(error.value)

    return text
