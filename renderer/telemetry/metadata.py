"""What traces and error reports say of a request and of an error, in plain values (spec 03 sections 7.1, 7.3, 7.6)."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from renderer.errors import BildwerkError, InternalError, RequestCancelled
from renderer.telemetry.observation import Observation

Scalar: TypeAlias = bool | int | float | str

_MAX_CAUSES: Final = 10
_INTEGER_LIMIT: Final = 2**63
"""OTLP and the agents' formats hold signed integers of 64 bits."""


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """Nested names joined by dots; items of a list are named by their position, from 0."""
    return dict(_flat(prefix, values))


def _flat(name: str, value: object) -> Iterator[tuple[str, Scalar]]:
    # Most values are these, and every traced request comes here.
    if type(value) in (str, bool, float):
        yield name, value  # type: ignore[misc]  # mypy does not narrow by a test of types
        return
    nested = _members(value)
    if nested is None:
        yield name, _scalar(value)
        return
    for key, member in nested.items():
        yield from _flat(f"{name}.{key}" if name else key, member)


def _members(value: object) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return {str(key): member for key, member in value.items()}
    if isinstance(value, list | tuple):
        return {str(position): member for position, member in enumerate(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _scalar(value: object) -> Scalar:
    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, int) and not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        return str(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


def source_origin(url: str) -> str:
    """`scheme://host` of a source URL, without user, password and port; blank for what is no URL."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}" if parts.scheme else ""
    except ValueError:
        return ""


def public_url(seen: Observation) -> str:
    """The URL that was asked for, as far as the request itself says."""
    return f"http://{seen.headers.get('host', '')}{seen.target}"


def message(error: BaseException) -> str:
    """The developer's text of an error, or what clients are told where it has none."""
    return str(error) or (error.public if isinstance(error, BildwerkError) else type(error).__name__)


def causes(error: BildwerkError) -> list[BaseException]:
    """What went wrong, then what caused it.

    An `InternalError` that only wraps is left out: reports are grouped by what is inside (spec 03 section 7.6).
    """
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain and len(chain) < _MAX_CAUSES:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain[1:] if type(error) is InternalError and error.__cause__ is not None else chain


def error_class(error: BildwerkError) -> str:
    """The name that errors are grouped by."""
    return type(causes(error)[0]).__name__


def error_type(seen: Observation, error: BildwerkError) -> str | None:
    """The kind that metrics count; None for a client that went away, which is nobody's error (spec 03 section 7.1)."""
    if isinstance(error, RequestCancelled):
        return None
    # The option and not the stage: a stream that breaks off is told of while its stage goes on.
    return "streaming" if seen.options.get("raw") and error.category == "download" else error.category


def stack_trace(error: BaseException) -> str:
    """The trace of an error and of its causes, as Python prints it."""
    return "".join(traceback.format_exception(error))
