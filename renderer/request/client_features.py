"""`Accept` -> ClientFeatures, client hints -> ClientHints (spec 03 sections 3.1 and 3.2).

A substring test, case-sensitive, without quality values: `image/webp;q=0` counts, `image/*` does not. That is what
imgproxy does, and what the caches in front of it were built for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from renderer.request.values import NO_FEATURES, NO_HINTS, ClientFeatures, ClientHints
from renderer.scalars import parse_float, parse_int
from renderer.settings.processing import FormatSettings

MAX_DPR: Final = 8
MAX_WIDTH: Final = 16_384
"""The widest picture that a header may ask for: nobody signs headers, and no format of the web holds more."""

_DPR_STEP: Final = 0.5


def client_features(accept: str, settings: FormatSettings) -> ClientFeatures:
    """What the first `Accept` header of a request allows under the settings."""
    webp = (settings.auto_webp or settings.enforce_webp) and "image/webp" in accept
    avif = (settings.auto_avif or settings.enforce_avif) and "image/avif" in accept
    jxl = (settings.auto_jxl or settings.enforce_jxl) and "image/jxl" in accept
    if not (webp or avif or jxl):
        return NO_FEATURES
    return ClientFeatures(
        prefers_webp=webp,
        prefers_avif=avif,
        prefers_jxl=jxl,
        enforces_webp=webp and settings.enforce_webp,
        enforces_avif=avif and settings.enforce_avif,
        enforces_jxl=jxl and settings.enforce_jxl,
    )


def client_hints(*, dpr: Iterable[str], width: Iterable[str], width_step: int = 0) -> ClientHints:
    """What a request's hint headers say, to be used where the URL is silent.

    Args:
        dpr: the values of `Sec-CH-DPR` and `DPR`; the first that is a ratio above 0 and up to 8 counts.
        width: the values of `Sec-CH-Width` and `Width`, in physical pixels; the first whole number above 0 counts.
        width_step: above 0, widths become multiples of it and ratios multiples of a half, both rounded up.
    """
    ratio = next((value for text in dpr if 0 < (value := _float(text)) <= MAX_DPR), 0.0)
    pixels = next((value for text in width if (value := _int(text)) > 0), 0)
    if not ratio and not pixels:
        return NO_HINTS
    ratio = ratio or 1.0
    # Half away from zero, as Go rounds.
    logical = min(int(pixels / ratio + 0.5), MAX_WIDTH)
    if width_step:
        logical = math.ceil(logical / width_step) * width_step
        ratio = math.ceil(ratio / _DPR_STEP) * _DPR_STEP
    return ClientHints(width=logical, dpr=ratio)


def _float(text: str) -> float:
    try:
        return parse_float(text)
    except ValueError:
        return 0.0


def _int(text: str) -> int:
    try:
        return min(parse_int(text), MAX_WIDTH * MAX_DPR)
    except ValueError:
        return 0
