"""`bildwerk version`: the versions of everything that shapes a result, and what this build reads and writes."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import version as installed

from bildwerk.terminal import columns, fail


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
    ]
    print(columns(rows))
    print()
    formats = [("format", "reads", "writes")]
    for format in ImageFormat:
        reads, writes = format in capabilities.loadable, format in capabilities.savable
        # An SVG result is a sanitized copy of an SVG source.
        word = "copies" if format is ImageFormat.SVG else _word(is_able=writes)
        formats.append((format.value, _word(is_able=reads), word))
    print(columns(formats))
    return 0


def _word(*, is_able: bool) -> str:
    return "yes" if is_able else "no"
