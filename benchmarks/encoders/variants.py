"""The settings that are compared, by format; the first of each is imgproxy's, and everything is held against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import pyvips

from renderer.codecs.png_filters import ALL, AVERAGE, PAETH, SUB, UP
from renderer.codecs.webp import Encoder
from renderer.formats import ImageFormat
from renderer.settings.processing import FormatSettings
from renderer.vips import saver, webp
from renderer.vips.runtime import Deadline

Save = Callable[[pyvips.Image], bytes]

_FAST_PNG: Final = FormatSettings(png_encoder="fast")


def _saved(operation: str, image: pyvips.Image, **options: object) -> bytes:
    data: bytes = pyvips.Operation.call(operation, image, **options)
    return data


def _chosen_png(image: pyvips.Image) -> bytes:
    """As `BILDWERK_PNG_ENCODER=fast` does it, the choice included."""
    return saver.save(image, saver.Encoding(format=ImageFormat.PNG, quality=100), _FAST_PNG, Deadline())


def _webp_by_pillow(image: pyvips.Image) -> bytes:
    file = webp.save(image, Encoder(quality=79, effort=4, preset="default"), Deadline())
    if file is None:
        raise ValueError("Pillow's libwebp is not here, or is not that of libvips: install the extra webp")
    return file


def _png(filters: int, compression: int) -> Save:
    return partial(_saved, "pngsave_buffer", filter=filters, compression=compression)


def _webp(*, effort: int = 4, quality: int = 79, preset: str = "default") -> Save:
    return partial(_saved, "webpsave_buffer", Q=quality, effort=effort, preset=preset)


VARIANTS: Final[Mapping[str, Mapping[str, Save]]] = {
    "png": {
        "all filters, 6": _png(ALL, 6),
        "chosen by content": _chosen_png,
        "all filters, 5": _png(ALL, 5),
        "all filters, 4": _png(ALL, 4),
        "sub, up, average, 5": _png(SUB | UP | AVERAGE, 5),
        "sub, average, 6": _png(SUB | AVERAGE, 6),
        "sub, average, 5": _png(SUB | AVERAGE, 5),
        "sub, average, 4": _png(SUB | AVERAGE, 4),
        "average, 5": _png(AVERAGE, 5),
        "average, paeth, 4": _png(AVERAGE | PAETH, 4),
        "paeth, 3": _png(PAETH, 3),
    },
    "webp": {
        "effort 4": _webp(),
        "effort 4 by Pillow's libwebp": _webp_by_pillow,
        "effort 3": _webp(effort=3),
        "effort 2": _webp(effort=2),
        "effort 2, quality 78": _webp(effort=2, quality=78),
        "effort 2, quality 82": _webp(effort=2, quality=82),
        "effort 1": _webp(effort=1),
        "effort 4, preset photo": _webp(preset="photo"),
        "effort 4, preset drawing": _webp(preset="drawing"),
    },
    "jpeg": {
        "optimized": partial(_saved, "jpegsave_buffer", Q=80, optimize_coding=True),
        "not optimized": partial(_saved, "jpegsave_buffer", Q=80, optimize_coding=False),
    },
}
