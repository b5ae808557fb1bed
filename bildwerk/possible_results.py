"""Which format a result gets from which source: asked of the server's own rule for every source that there may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from renderer.errors import ResultFormatUnsavable
from renderer.formats import ImageFormat
from renderer.pipeline.output import SourceFacts, is_skipped, resolved_limits, result_format
from renderer.request.values import RenderRequest
from renderer.settings.load import Settings
from renderer.vips.runtime import Capabilities

ANY: Final = "any"
UNCHANGED: Final = "returned as it is"
SAME: Final = "the same"


def possible_results(request: RenderRequest, settings: Settings, capabilities: Capabilities) -> Mapping[str, str]:
    """Source formats, as a list in words, and what becomes of them; one entry `ANY` if that is always the same."""
    if request.delivery.raw:
        return {ANY: "streamed as it is"}
    loadable = [source for source in ImageFormat if source in capabilities.loadable]
    results = {source: _result(source, request, settings, capabilities) for source in loadable}
    if len(set(results.values())) == 1:
        return {ANY: next(iter(results.values()))}
    shared = Counter(results.values())
    grouped: dict[str, list[str]] = {}
    for source, result in results.items():
        keeps_format = result == source.value and shared[result] == 1
        grouped.setdefault(SAME if keeps_format else result, []).append(source.value)
    return {", ".join(names): result for result, names in grouped.items()}


def _result(source: ImageFormat, request: RenderRequest, settings: Settings, capabilities: Capabilities) -> str:
    if is_skipped(request, source, settings.formats):
        is_sanitized = source is ImageFormat.SVG and settings.security.sanitize_svg
        return f"{UNCHANGED}, sanitized" if is_sanitized else UNCHANGED
    limits = resolved_limits(request.limits, settings.security)
    animates = limits.max_animation_frames > 1 and source.traits.loads_animation

    def format_name(*, is_animated: bool = False, has_alpha: bool = False) -> str:
        facts = SourceFacts(format=source, is_animated=is_animated, has_alpha=has_alpha)
        try:
            format = result_format(request, facts, settings.formats, capabilities.savable)
        except ResultFormatUnsavable as error:
            return f"refused: {error.status}"
        return format.value

    still = format_name()
    cases = [still]
    transparent = format_name(has_alpha=True) if source.traits.has_alpha else still
    if transparent != still:
        cases.append(f"{transparent} with transparency")
    moving = format_name(is_animated=True, has_alpha=source.traits.has_alpha) if animates else still
    if moving not in (still, transparent):
        cases.append(f"{moving} if animated")
    return ", ".join(cases)
