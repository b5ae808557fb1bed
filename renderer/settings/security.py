"""Settings of signatures, of what a URL may ask for, and of limits (spec 03 sections 1.3 and 1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from renderer.settings.declare import setting
from renderer.settings.readers import BOOLEAN, HEX_LIST, TEXT, integer, megapixels, non_empty, path, words


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySettings:
    """Who may ask, and for how much."""

    keys: tuple[bytes, ...] = setting(
        "IMGPROXY_KEY",
        read=HEX_LIST,
        default=(),
        secret=True,
        doc="Signing keys in hexadecimal; each pairs with the salt at its place. Blank: signatures are not checked.",
    )
    salts: tuple[bytes, ...] = setting(
        "IMGPROXY_SALT", read=HEX_LIST, default=(), secret=True, doc="Signing salts in hexadecimal."
    )
    signature_size: int = setting(
        "IMGPROXY_SIGNATURE_SIZE", read=integer(1, 32), default=32, doc="Bytes of the signature that are compared."
    )
    trusted_signatures: tuple[str, ...] = setting(
        "IMGPROXY_TRUSTED_SIGNATURES",
        read=words(empty_items=False),
        default=(),
        secret=True,
        doc="Signatures accepted without a check.",
    )
    allow_security_options: bool = setting(
        "IMGPROXY_ALLOW_SECURITY_OPTIONS", read=BOOLEAN, default=False, doc="URLs may override the limits below."
    )
    max_src_resolution: int = setting(
        "IMGPROXY_MAX_SRC_RESOLUTION",
        read=megapixels(above=0),
        default=50_000_000,
        shown_default="50",
        doc="Megapixels (width x height x frames) a source may have.",
    )
    max_animation_frames: int = setting(
        "IMGPROXY_MAX_ANIMATION_FRAMES",
        read=integer(1),
        default=1,
        doc="Frames of an animation that are rendered; 1 renders the first as a still picture.",
    )
    max_animation_frame_resolution: int = setting(
        "IMGPROXY_MAX_ANIMATION_FRAME_RESOLUTION",
        read=megapixels(),
        default=0,
        doc="Megapixels one frame may have; when set it replaces the limit of the whole animation. 0 is off.",
    )
    max_result_dimension: int = setting(
        "IMGPROXY_MAX_RESULT_DIMENSION",
        read=integer(),
        default=0,
        doc="Pixels on the longer side of a result; larger ones are scaled down. 0 is off.",
    )
    sanitize_svg: bool = setting(
        "IMGPROXY_SANITIZE_SVG", read=BOOLEAN, default=True, doc="Remove scripts and unsafe links from SVG results."
    )
    png_unlimited: bool = setting(
        "IMGPROXY_PNG_UNLIMITED", read=BOOLEAN, default=False, doc="Lift libpng's limit on chunks."
    )
    svg_unlimited: bool = setting(
        "IMGPROXY_SVG_UNLIMITED", read=BOOLEAN, default=False, doc="Lift librsvg's 10 MB limit."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarSettings:
    """How processing URLs are written."""

    arguments_separator: str = setting(
        "IMGPROXY_ARGUMENTS_SEPARATOR", read=non_empty(), default=":", doc="Divides an option's name and arguments."
    )
    allowed_processing_options: tuple[str, ...] = setting(
        "IMGPROXY_ALLOWED_PROCESSING_OPTIONS",
        read=words(empty_items=False),
        default=(),
        shown_default="all",
        doc="Option names that URLs may use; a short name and its long name are two items. Presets are exempt.",
    )
    presets: str = setting(
        "IMGPROXY_PRESETS", read=TEXT, default="", doc="`name=option/option/...` definitions between separators."
    )
    presets_separator: str = setting(
        "IMGPROXY_PRESETS_SEPARATOR", read=non_empty(), default=",", doc="Divides `IMGPROXY_PRESETS`."
    )
    presets_path: PurePath | None = setting(
        "IMGPROXY_PRESETS_PATH",
        read=path("the path of a readable file"),
        default=None,
        doc="A file with one preset a line; blank lines and lines that start with `#` are skipped.",
    )
    only_presets: bool = setting(
        "IMGPROXY_ONLY_PRESETS", read=BOOLEAN, default=False, doc="URLs name presets instead of options."
    )
