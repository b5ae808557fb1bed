"""Color spaces and ICC profiles (spec 02 sections 4.1 to 4.6).

A picture with an RGB profile stays in its own space until the end, so everything that is drawn on it is drawn there;
CMYK and its like are converted at once.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Final

import pyvips
from msgspec import Struct

from renderer.options.arguments import Color
from renderer.vips.fields import bands, blob, has, has_alpha, set_blob, without, word
from renderer.vips.operations import made

_log = logging.getLogger(__name__)

ICC_FIELD: Final = "icc-profile-data"
PROFILE_FIELDS: Final = (
    ICC_FIELD,
    "exif-ifd2-WhitePoint",
    "exif-ifd0-WhitePoint",
    "exif-ifd2-PrimaryChromaticities",
    "exif-ifd0-PrimaryChromaticities",
    "exif-ifd2-ColorSpace",
)
"""What tells of a picture's colors, and goes with its profile."""
DEEP: Final = frozenset({"grey16", "rgb16"})
"""Interpretations with 16 bits a sample."""
_GREY: Final = frozenset({"b-w", "grey16"})
_STANDARD: Final = frozenset({"rgb", "srgb", "rgb16", "scrgb", "grey16", "b-w"})
_DEEP_RESULT: Final = DEEP | {"scrgb"}

# Bytes by which the profile "sRGB IEC61966-2.1" is known, by offset (spec 02 section 4.2).
_SRGB_IEC: Final = (
    (8, b"\x02\x10\x00\x00"),
    (16, b"RGB "),
    (24, b"\x07\xce\x00\x02\x00\x09"),
    (48, b"IEC "),
    (52, b"sRGB"),
    (80, b"HP  "),
)


class Profile(Struct, frozen=True):
    """What became of a picture's ICC profile: its bytes, and whether the pixels have left its space."""

    data: bytes | None = None
    is_imported: bool = False


NO_PROFILE: Final = Profile()


def to_processing(image: pyvips.Image, profile: Profile, *, keeps_depth: bool) -> tuple[pyvips.Image, Profile]:
    """The picture in a space that steps work in.

    Args:
        image: as it was loaded.
        profile: what is known of its profile.
        keeps_depth: 16 bits stay 16 bits, because the result can hold them and is asked to.
    """
    if word(image, "coding") == "rad":
        image = image.rad2float()
    space = interpretation(image)
    target = _processing_space(space, keeps_depth=keeps_depth)
    if space == "scrgb":
        image = without(image, ICC_FIELD)
    else:
        if not profile.is_imported and (data := blob(image, ICC_FIELD)) is not None:
            profile = Profile(data=data)
        if space not in _STANDARD:
            image, profile = imported(image, profile)
            space = interpretation(image)
    if space != target:
        image = made("colourspace", image, target)
    return image, profile


def _processing_space(space: str, *, keeps_depth: bool) -> str:
    if space in ("rgb", "srgb", "b-w"):
        return space
    if space == "grey16":
        return space if keeps_depth else "b-w"
    if space == "cmyk":
        return "srgb"
    return "rgb16" if keeps_depth else "srgb"


def interpretation(image: pyvips.Image) -> str:
    """The picture's space; one that says nothing is told from bands and format."""
    space = word(image, "interpretation")
    if space not in ("multiband", "error"):
        return space
    is_deep = word(image, "format") == "ushort"
    if bands(image) < 3:
        return "grey16" if is_deep else "b-w"
    return "rgb16" if is_deep else "srgb"


def _profile_space(profile: bytes) -> str:
    return "xyz" if profile[20:24] == b"XYZ " else "lab"


def _is_srgb(image: pyvips.Image, profile: bytes) -> bool:
    return interpretation(image) == "srgb" and all(
        profile[offset : offset + len(mark)] == mark for offset, mark in _SRGB_IEC
    )


def imported(image: pyvips.Image, profile: Profile) -> tuple[pyvips.Image, Profile]:
    """The picture out of its profile's space, where it has a profile that says something."""
    data = profile.data
    if (
        profile.is_imported
        or data is None
        or image.coding != "none"
        or image.format not in ("uchar", "ushort")
        or _is_srgb(image, data)
    ):
        return image, profile
    try:
        image = _restored(image, data)
        alpha = None
        if interpretation(image) in DEEP and image.hasalpha():
            alpha = image[image.bands - 1]
            image = image[0] if image.bands == 2 else image.extract_band(0, n=image.bands - 1)
        image = image.icc_import(embedded=True, pcs=_profile_space(data))
        if alpha is not None:
            image = image.bandjoin(alpha.linear([1 / 255], [0]))
    except pyvips.Error as error:
        _log.warning("the ICC profile cannot be used: %s", error.detail)
        return image, profile
    return image, Profile(data=data, is_imported=True)


def _restored(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    if has(image, ICC_FIELD):
        return image
    image = image.copy()
    set_blob(image, ICC_FIELD, profile)
    return image


def to_result(image: pyvips.Image, profile: Profile, *, keeps_profile: bool) -> pyvips.Image:
    """The picture in the space of the result, with or without its profile (spec 02 section 4.5)."""
    image = converted(image, profile, keeps_profile=keeps_profile)
    return image if keeps_profile else without(image, *PROFILE_FIELDS)


def converted(image: pyvips.Image, profile: Profile, *, keeps_profile: bool) -> pyvips.Image:
    """The picture in the space of the result; its profile is still there."""
    data = profile.data
    if data is not None:
        image = _restored(image, data)
        depth = 16 if interpretation(image) in _DEEP_RESULT else 8
        with _profile_errors():
            if profile.is_imported and keeps_profile and not _is_srgb(image, data):
                image = image.icc_export(pcs=_profile_space(data), depth=depth)
            elif not profile.is_imported and not keeps_profile and not _is_srgb(image, data):
                target = "sgrey" if interpretation(image) in _GREY else "srgb"
                image = image.icc_transform(target, embedded=True, pcs=_profile_space(data), depth=depth)
    return image


@contextlib.contextmanager
def _profile_errors() -> Iterator[None]:
    try:
        yield
    except pyvips.Error as error:
        _log.warning("the ICC profile cannot be used: %s", error.detail)


def flattened(image: pyvips.Image, background: Color, profile: Profile) -> tuple[pyvips.Image, Profile]:
    """The picture on a color; a color that is no grey makes a grey picture colored (spec 02 section 4.6)."""
    if not has_alpha(image):
        return image, profile
    image, profile = _with_room_for(image, background, profile)
    factor = 257 if interpretation(image) in DEEP else 1
    return made("flatten", image, background=[channel * factor for channel in background]), profile


def _with_room_for(image: pyvips.Image, color: Color, profile: Profile) -> tuple[pyvips.Image, Profile]:
    space = interpretation(image)
    is_grey = color[0] == color[1] == color[2]
    if space in ("srgb", "rgb", "rgb16") or (space in _GREY and is_grey):
        return image, profile
    if space not in _GREY and space != "scrgb":
        image, profile = imported(image, profile)
    target = "rgb16" if space in _DEEP_RESULT or image.format in ("ushort", "short") else "srgb"
    return image.colourspace(target), profile
