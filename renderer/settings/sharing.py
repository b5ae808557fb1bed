"""Settings of decoded pixels that several renders share."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.settings.declare import setting
from renderer.settings.readers import integer, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingSettings:
    """What renders of one source that come at the same time have in common."""

    decode: str = setting(
        "BILDWERK_SHARED_DECODE",
        read=one_of("same", "larger", "off"),
        default="same",
        doc="Renders of one source at one time share its decoded pixels: `same` where they need the same, so that "
        "results do not change; `larger` also makes small sizes from a larger one that is needed anyway, so that they "
        "change a little; `off` not at all.",
    )
    max_bytes: int = setting(
        "BILDWERK_SHARED_DECODE_BYTES",
        read=integer(0),
        default=128 * 1024 * 1024,
        shown_default="134217728 (128 MiB)",
        doc="Decoded pixels that all renders of the instance share may have so many bytes; what does not fit is "
        "decoded by each render for itself.",
    )
