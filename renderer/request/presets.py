"""Preset texts -> option segments (spec 01 section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from renderer.errors import ConfigurationError
from renderer.options.declare import Arguments

Segment = tuple[str, Arguments]
"""An option's name as written and its arguments."""

VARIABLES: Final = "IMGPROXY_PRESETS, IMGPROXY_PRESETS_PATH"
"""Where presets come from, for problems: they are read as one list."""


def parse_presets(definitions: Iterable[str], separator: str) -> Mapping[str, tuple[Segment, ...]]:
    """`name=option/option/...` texts by name; blank ones and comments are skipped, the later of two wins.

    Raises:
        ConfigurationError: naming every definition that is none.
    """
    presets: dict[str, tuple[Segment, ...]] = {}
    problems: list[str] = []
    for definition in (text.strip() for text in definitions):
        if not definition or definition.startswith("#"):
            continue
        name, value = (part.strip() for part in definition.partition("=")[::2])
        if definition.count("=") != 1:
            problems.append(f"invalid preset string: {definition}")
        elif not name:
            problems.append(f"empty preset name: {definition}")
        elif not value:
            problems.append(f"empty preset value: {definition}")
        elif not all(separator in segment for segment in value.split("/")):
            problems.append(f"invalid preset value: {definition}")
        else:
            presets[name] = tuple(split_segment(segment, separator) for segment in value.split("/"))
    if problems:
        raise ConfigurationError([f"{VARIABLES}: expected name=option/option/... ({problem})" for problem in problems])
    return presets


def split_segment(segment: str, separator: str) -> Segment:
    """The name and the arguments of one option segment."""
    name, *arguments = segment.split(separator)
    return name, arguments
