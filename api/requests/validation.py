"""What a model finds wrong with a body, as a problem."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from api.problems import InvalidRequest

_MOST: Final = 20
_MOST_CHARACTERS: Final = 200
"""Of a pointer: names of members are the sender's, and may be as long as a body."""


def invalid(error: ValidationError) -> InvalidRequest:
    """The problem, with a JSON pointer (RFC 6901) to each place; what was sent is not repeated."""
    errors = [
        {"pointer": "".join(f"/{_escaped(part)}" for part in found["loc"])[:_MOST_CHARACTERS], "detail": found["msg"]}
        for found in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST]
    ]
    first = errors[0]
    place = f" ({first['pointer']})" if first["pointer"] else ""
    return InvalidRequest(f"The body is not what is expected: {first['detail']}{place}.", errors=errors)


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
