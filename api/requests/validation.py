"""What a model finds wrong with a body, as a problem."""

from __future__ import annotations

from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from api.problems import InvalidRequest

_MOST: Final = 20
_MOST_CHARACTERS: Final = 200
"""Of a pointer: names of members are the sender's, and may be as long as a body."""


Model = TypeVar("Model", bound=BaseModel)


def read_json(model: type[Model], body: bytes) -> Model:
    """The body as a model has it.

    Raises:
        InvalidRequest: it is none; `errors` says where.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> InvalidRequest:
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
