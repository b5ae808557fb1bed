"""`bildwerk url`: a processing URL from options and a source, written the way this server reads it.

Options stand in the URL as they were typed, after the grammar has read them once: presets stay presets, and names stay
those that `IMGPROXY_ALLOWED_PROCESSING_OPTIONS` lists.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from bildwerk.environment import complain, load_or_complain
from bildwerk.terminal import fail, visible

if TYPE_CHECKING:
    from renderer.formats import ImageFormat
    from renderer.request.build import Encoding
    from renderer.request.parse import Grammar
    from renderer.settings.load import Settings

_EXAMPLES: Final = """\
examples:
  bildwerk url local:///photo.jpg --options rs:fit:300:300/q:80 --format webp
  bildwerk url https://example.com/a.jpg --encoding base64 --base http://localhost:8080
  curl -o thumb.avif "$(bildwerk url local:///photo.jpg --options s:200 --format avif --base http://localhost:8080)"

SOURCE is the address as it is: what a path cannot hold is escaped here. The path is signed with the first pair of
IMGPROXY_KEY and IMGPROXY_SALT; without keys `unsafe` stands in the place of the signature."""

_ENCODINGS: Final = ("plain", "base64", "encrypted")


def run(arguments: list[str]) -> int:
    """Prints the URL, or the path of it when no base is given."""
    chosen = _parser().parse_args(arguments)
    settings = load_or_complain()
    if settings is None:
        return 1
    from bildwerk.options import server_grammar
    from renderer.errors import BildwerkError, ConfigurationError

    try:
        path = _path(chosen, settings, server_grammar(settings))
        print(chosen.base.rstrip("/") + _signed(path, settings))
    except ConfigurationError as error:
        return complain(error)
    except (BildwerkError, ValueError) as error:
        return fail("url", str(error))
    return 0


def _path(chosen: argparse.Namespace, settings: Settings, grammar: Grammar) -> str:
    """What follows the signature, read once by the parser and held against the allow-list."""
    from bildwerk.options import MALFORMED, option_segments, read_options
    from renderer.request.parse import parse_request
    from renderer.request.path import split_path
    from renderer.security.allowed_sources import check_source

    options = option_segments(chosen.options, grammar)
    outside = MALFORMED.search(chosen.options)
    if outside or "?" in chosen.options:
        raise ValueError(f"an option in a URL cannot hold {visible(outside[0] if outside else '?')!r}")
    if options:
        read_options(chosen.options, grammar)
    path = "/".join([*options, _source(chosen.source, chosen.format, chosen.encoding, settings)])
    wanted = parse_request(split_path(f"/-/{path}").signed, grammar)
    sources = settings.sources
    check_source(wanted.source_url, sources.allowed_sources, query_separator=sources.source_url_query_separator)
    return path


def _source(url: str, format: ImageFormat | None, encoding: Encoding, settings: Settings) -> str:
    from renderer.options.output import Output
    from renderer.request.build import build_path
    from renderer.request.values import RenderRequest

    key = settings.sources.source_url_encryption_key
    if encoding == "encrypted" and not key:
        raise ValueError("there is no key to encrypt with: set IMGPROXY_SOURCE_URL_ENCRYPTION_KEY, in hexadecimal")
    request = RenderRequest(source_url=url, output=Output(format=format))
    return build_path(request, encoding=encoding, encryption_key=key)


def _signed(path: str, settings: Settings) -> str:
    from bildwerk.sign import signed

    if settings.security.keys:
        return signed(path, settings)
    return f"{settings.server.path_prefix}/unsafe/{path}"


def _format(name: str) -> ImageFormat:
    from renderer.formats import NAMES

    if name not in NAMES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(NAMES)}")
    return NAMES[name]


def _base(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected http://host:port, got {text!r}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk url",
        description="Print the processing URL of a source.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE", help="the source URL, for instance local:///photo.jpg")
    parser.add_argument(
        "--options", default="", metavar="TEXT", help="processing options as in a URL, for instance rs:fit:300:300/q:80"
    )
    parser.add_argument("--format", type=_format, metavar="NAME", help="format of the result: jpeg, webp, avif, ...")
    parser.add_argument(
        "--encoding", choices=_ENCODINGS, default="plain", help="how the source is written (default: plain)"
    )
    parser.add_argument(
        "--base", type=_base, default="", metavar="URL", help="put before the path, for instance http://localhost:8080"
    )
    return parser
