"""`bildwerk version`: the versions of everything that shapes a result, and what this build reads and writes."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import version as installed
from importlib.util import find_spec
from typing import Final

from bildwerk.terminal import columns, fail

_EXTRAS: Final = {"pi_heif": "pi-heif", "imagecodecs": "imagecodecs", "PIL": "pillow"}
"""Modules of the extras that read and write pictures, and the packages that they come in."""


def run(arguments: list[str]) -> int:
    """Prints two small tables."""
    argparse.ArgumentParser(prog="bildwerk version", description="Print versions and formats.").parse_args(arguments)
    from renderer.errors import ConfigurationError
    from renderer.formats import ImageFormat
    from renderer.version import IMGPROXY_VERSION, VERSION
    from renderer.vips import runtime

    try:
        capabilities = runtime.start()
    except ConfigurationError as error:
        return fail("version", str(error))
    rows = [
        ("bildwerk", VERSION),
        ("answers for imgproxy", IMGPROXY_VERSION),
        ("Python", platform.python_version()),
        ("libvips", runtime.version_text()),
        ("pyvips", installed("pyvips")),
        ("aiohttp", installed("aiohttp")),
        *((name, installed(name)) for module, name in _EXTRAS.items() if find_spec(module)),
    ]
    print(columns(rows))
    print()
    formats = [("format", "reads", "writes")]
    for format in ImageFormat:
        reads, writes = format in capabilities.loadable, format in capabilities.savable
        is_partial = format is ImageFormat.HEIC and reads and not capabilities.decodes_hevc
        # An SVG result is a sanitized copy of an SVG source.
        word = "copies" if format is ImageFormat.SVG else _word(is_able=writes)
        formats.append((format.value, "only AV1" if is_partial else _word(is_able=reads), word))
    print(columns(formats))
    return 0


def _word(*, is_able: bool) -> str:
    return "yes" if is_able else "no"
