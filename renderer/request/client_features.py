"""`Accept` -> ClientFeatures (spec 03 section 3.1).

A substring test, case-sensitive, without quality values: `image/webp;q=0` counts, `image/*` does not. That is what
imgproxy does, and what the caches in front of it were built for.
"""

from __future__ import annotations

from renderer.request.values import NO_FEATURES, ClientFeatures
from renderer.settings.processing import FormatSettings


def client_features(accept: str, settings: FormatSettings) -> ClientFeatures:
    """What the first `Accept` header of a request allows under the settings."""
    webp, avif, jxl = (f"image/{name}" in accept for name in ("webp", "avif", "jxl"))
    if not (webp or avif or jxl):
        return NO_FEATURES
    return ClientFeatures(
        prefers_webp=webp and (settings.auto_webp or settings.enforce_webp),
        prefers_avif=avif and (settings.auto_avif or settings.enforce_avif),
        prefers_jxl=jxl and (settings.auto_jxl or settings.enforce_jxl),
        enforces_webp=webp and settings.enforce_webp,
        enforces_avif=avif and settings.enforce_avif,
        enforces_jxl=jxl and settings.enforce_jxl,
    )
