"""What is done for every request beside its pixels, as calls without arguments."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Final, cast

from renderer.cache.key import cache_key
from renderer.cache.tags import cache_tags
from renderer.codecs.dimensions import dimensions
from renderer.formats import ImageFormat
from renderer.handlers.answer import picture_response
from renderer.pipeline.cost import EncodedSource, estimate
from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster
from renderer.pipeline.plan import PlanDefaults, plan_frame
from renderer.rendition import Rendition
from renderer.request.build import build_path
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path
from renderer.request.values import RenderRequest
from renderer.response.disposition import content_disposition
from renderer.response.validators import ValidatorRules
from renderer.security.signature import SigningKeys, sign, verify
from renderer.services import Services
from renderer.settings.load import Settings
from renderer.settings.security import SecuritySettings
from renderer.sources.source import SourceHeaders
from renderer.telemetry.observation import Observation
from renderer.vips.picture import RenderedImage

_KEY: Final = bytes.fromhex("943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881")
_SALT: Final = bytes.fromhex("520f986b998481b4785b7b1f1b9f3b1f9f5b0d5f4f3c2e1d0c9b8a7968574635")
_PATH: Final = "rs:fill:300:400:0/g:sm/q:80/plain/https://example.com/images/curiosity.jpg@webp"
_SAVABLE: Final = frozenset(ImageFormat) - {ImageFormat.SVG}


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


_JPEG: Final = b"\xff\xd8" + b"".join(
    _segment(marker, body)
    for marker, body in (
        (0xE0, bytes(14)),
        (0xE1, bytes(12_000)),  # EXIF with a thumbnail
        (0xE2, bytes(3_000)),  # a color profile
        (0xDB, bytes(65)),
        (0xDB, bytes(65)),
        (0xC0, struct.pack(">BHHB", 8, 3000, 4000, 3) + bytes(9)),
    )
)
"""What stands before the pixels of a camera's JPEG."""

_GIF: Final = b"GIF89a" + struct.pack("<HHBBB", 400, 300, 0, 0, 0) + (b"!\xf9\x04" + bytes(20_000)) * 100


def cases() -> Mapping[str, Callable[[], object]]:
    """Every case by its name, in the order in which a request meets them."""
    grammar = Grammar(now=lambda: 1_750_000_000.0)
    target = f"/{sign(_PATH, _KEY, _SALT)}/{_PATH}"
    signature = split_path(target).signature
    keys = SigningKeys.from_settings(SecuritySettings(keys=(_KEY,), salts=(_SALT,)))
    wanted = parse_request(_PATH, grammar)
    raster, defaults = Raster(4000, 3000, 6), PlanDefaults()
    settings = Settings()
    source = EncodedSource(
        format=ImageFormat.JPEG, size_bytes=3_000_000, dimensions=dimensions(_JPEG, ImageFormat.JPEG)
    )
    return {
        "split and repair a target": lambda: split_path(target),
        "verify a signature": lambda: verify(signature, _PATH, keys),
        "parse a typical path": lambda: parse_request(_PATH, grammar),
        "cache key": lambda: cache_key(wanted),
        "read a JPEG's header": lambda: dimensions(_JPEG, ImageFormat.JPEG),
        "count frames of a GIF of 2 MB": lambda: dimensions(_GIF, ImageFormat.GIF, max_frames=100),
        "estimate a render's cost": lambda: estimate(wanted, source, settings, _SAVABLE),
        "plan a picture": lambda: plan_frame(wanted.pipelines[0], raster, defaults),
        "Content-Disposition": lambda: content_disposition(source_url=wanted.source_url, extension=".webp"),
        "Cache-Tag": lambda: cache_tags((wanted.source_url,), ""),
        "answer with its headers": _answer(wanted, settings),
        "sign a path": lambda: sign(_PATH, _KEY, _SALT),
        "build a path": lambda: build_path(wanted),
    }


def _answer(wanted: RenderRequest, settings: Settings) -> Callable[[], object]:
    """Puts an answer together, with all its headers."""
    # What else services are takes no part in headers, and half of it would have to be started.
    services = cast("Services", SimpleNamespace(settings=settings, vary="Accept", validator_rules=ValidatorRules()))
    headers = SourceHeaders(etag='"5f3c2e1d0c9b8a79"', last_modified="Sat, 11 Jul 2026 10:00:00 GMT")
    url = wanted.source_url
    size = Size(300, 400)
    image = RenderedImage(data=bytes(30_000), format=ImageFormat.WEBP, origin=size, result=size)
    rendition = Rendition(image=image, source_bytes=3_000_000, validators=headers, caching=headers, originals=(url,))
    seen = Observation(request_id="", method="GET", target="", client_ip="")
    return lambda: picture_response(rendition, wanted, services, seen)
