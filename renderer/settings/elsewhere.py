"""Variables of other imgproxys that no table has: those of version 3 with their successors, and those of Pro.

A site that moves has them in its environment. They are told apart from misspelled names, because other things can be
done about them (spec 03 sections 1.1 and 1.3 to 1.12).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

SUCCESSORS: Final[Mapping[str, str]] = {
    "IMGPROXY_CONCURRENCY": "IMGPROXY_WORKERS",
    "IMGPROXY_MAX_GIF_FRAMES": "IMGPROXY_MAX_ANIMATION_FRAMES",
    "IMGPROXY_MAX_SRC_DIMENSION": "IMGPROXY_MAX_SRC_RESOLUTION",
    "IMGPROXY_OPEN_TELEMETRY_CONNECTION_TIMEOUT": "OTEL_EXPORTER_OTLP_TIMEOUT",
    "IMGPROXY_OPEN_TELEMETRY_ENDPOINT": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "IMGPROXY_OPEN_TELEMETRY_GRPC_INSECURE": "OTEL_EXPORTER_OTLP_INSECURE",
    "IMGPROXY_OPEN_TELEMETRY_PROPAGATORS": "OTEL_PROPAGATORS",
    "IMGPROXY_OPEN_TELEMETRY_PROTOCOL": "OTEL_EXPORTER_OTLP_PROTOCOL",
    "IMGPROXY_OPEN_TELEMETRY_SERVICE_NAME": "OTEL_SERVICE_NAME",
    "IMGPROXY_READ_TIMEOUT": "IMGPROXY_READ_REQUEST_TIMEOUT",
    "IMGPROXY_WRITE_TIMEOUT": "IMGPROXY_TIMEOUT",
}
"""What imgproxy 4 reads instead of what imgproxy 3 read."""

# Whole families where imgproxy has nothing but Pro under a prefix, single names elsewhere.
_PRO: Final = re.compile(
    r"""IMGPROXY_(?:
        (?:AUTOQUALITY|BEST_FORMAT|CLASSIFICATION|INFO|ML|OBJECT_DETECTION|SMART_CROP|UNSHARP_MASKING|VIDEO_THUMBNAIL)
        _\w+
        | CACHE_(?:ABS|GCS|SWIFT)_\w+ | CACHE_TAGS_FORMAT
        | UNSHARPENING_\w+ | APPLY_UNSHARPEN_MASKING
        | ALLOWED_INFO_OPTIONS | ALLOW_BYPASS_CACHE | MAX_CHAINED_PIPELINES
        | AVIF_SUBSAMPLE | WEBP_COMPRESSION | WEBP_SMART_SUBSAMPLE
        | JPEG_(?:NO_SUBSAMPLE|OPTIMIZE_SCANS|OVERSHOOT_DERINGING|QUANT_TABLE|TRELLIS_QUANT)
        | COLOR_PROFILES_DIR | ENABLE_RAW_FORMATS | ENABLE_VIDEO_THUMBNAILS | PDF_NO_BACKGROUND | STRIP_METADATA_DPI
        | FALLBACK_IMAGES_CACHE_SIZE | FALLBACK_IMAGE_PREPROCESS_URL
        | WATERMARKS_CACHE_SIZE | WATERMARK_PREPROCESS_URL
    )""",
    re.VERBOSE,
)


def is_of_pro(name: str) -> bool:
    """Whether a variable belongs to a feature of imgproxy Pro that this server does not have."""
    return _PRO.fullmatch(name) is not None
