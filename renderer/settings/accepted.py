"""Settings of imgproxy that do nothing here: a site that moves gets no warning about what it need not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from renderer.settings.declare import Reader, setting

_ANYTHING: Final = Reader(expected="anything", read=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedSettings:
    """What is accepted and has no effect."""

    malloc: str = setting(
        "IMGPROXY_MALLOC",
        read=_ANYTHING,
        default="",
        doc="The allocator of imgproxy's container. Here it is the system's, held to two arenas.",
    )
    fail_on_deprecation: str = setting(
        "IMGPROXY_FAIL_ON_DEPRECATION",
        read=_ANYTHING,
        default="",
        doc="Nothing is deprecated, in imgproxy 4.0 neither.",
    )
    pprof_bind: str = setting(
        "IMGPROXY_PPROF_BIND",
        read=_ANYTHING,
        default="",
        doc="Where imgproxy's builds for debugging show Go's profiler.",
    )
    vips_leak_check: str = setting(
        "IMGPROXY_VIPS_LEAK_CHECK", read=_ANYTHING, default="", doc="Debugging of libvips by imgproxy's developers."
    )
    vips_cache_trace: str = setting(
        "IMGPROXY_VIPS_CACHE_TRACE", read=_ANYTHING, default="", doc="Likewise; libvips' cache is off here as there."
    )
    license_key: str = setting(
        "IMGPROXY_LICENSE_KEY",
        read=_ANYTHING,
        default="",
        secret=True,
        doc="There is no license, so nothing needs one.",
    )
    license_development_mode: str = setting(
        "IMGPROXY_LICENSE_DEVELOPMENT_MODE", read=_ANYTHING, default="", doc="Likewise: nothing is limited."
    )
    download_buffer_size: str = setting(
        "IMGPROXY_DOWNLOAD_BUFFER_SIZE",
        read=_ANYTHING,
        default="",
        doc="Documented, but not read by imgproxy 4.0 either.",
    )
    buffer_pool_calibration_threshold: str = setting(
        "IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD",
        read=_ANYTHING,
        default="",
        doc="Documented, but not read by imgproxy 4.0 either.",
    )
    gzip_compression: str = setting(
        "IMGPROXY_GZIP_COMPRESSION",
        read=_ANYTHING,
        default="",
        doc="Removed in imgproxy 4: what stands in front of the server compresses SVG.",
    )
    s3_multi_region: str = setting(
        "IMGPROXY_S3_MULTI_REGION",
        read=_ANYTHING,
        default="",
        doc="Removed in imgproxy 4: buckets of other regions are always found.",
    )
    svg_fix_unsupported: str = setting(
        "IMGPROXY_SVG_FIX_UNSUPPORTED", read=_ANYTHING, default="", doc="Removed in imgproxy 4."
    )
    max_svg_check_bytes: str = setting(
        "IMGPROXY_MAX_SVG_CHECK_BYTES",
        read=_ANYTHING,
        default="",
        doc="Removed in imgproxy 4.",
    )
