"""`bildwerk sign`: signatures for processing paths, as the server checks them (spec 01 section 2).

The server repairs a path before it checks the signature, so the signature is that of the repaired path. The path itself
is printed as it was given: repairing is not idempotent, and the server will do it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from bildwerk.environment import load_or_complain
from bildwerk.terminal import fail, visible

if TYPE_CHECKING:
    from renderer.settings.load import Settings

_EXAMPLES: Final = """\
examples:
  bildwerk sign rs:fit:300:300/plain/local:///photo.jpg@webp
  bildwerk sign --replace /unsafe/rs:fit:300:300/plain/local:///photo.jpg@webp
  bildwerk sign - < paths.txt > signed.txt

Keys and salts are IMGPROXY_KEY and IMGPROXY_SALT in hexadecimal, the length is IMGPROXY_SIGNATURE_SIZE. A path has what
follows the signature; a leading slash may be there. `bildwerk url` writes paths from options and a source."""

_URL: Final = re.compile(r"https?://", re.IGNORECASE)


def run(arguments: list[str]) -> int:
    """Prints the signed paths, one a line; stops at the first that cannot be signed."""
    chosen = _parser().parse_args(arguments)
    settings = load_or_complain()
    if settings is None:
        return 1
    try:
        for path in _given(chosen.paths):
            print(signed(path, settings, pair=chosen.pair, replaces=chosen.replace))
    except ValueError as error:
        sys.stdout.flush()
        return fail("sign", str(error))
    return 0


def signed(path: str, settings: Settings, *, pair: int = 1, replaces: bool = False) -> str:
    """The path behind its signature, and behind `IMGPROXY_PATH_PREFIX` where there is one.

    Args:
        path: what follows the signature, with or without a slash before it.
        settings: keys, salts and the size of signatures.
        pair: which key and salt, counted from 1.
        replaces: the path begins with an old signature, which is dropped.

    Raises:
        ValueError: there is no such key, or nothing to sign.
    """
    from renderer.errors import InvalidURL
    from renderer.request.path import split_path
    from renderer.security.signature import sign

    key, salt = _pair(settings, pair)
    prefix = settings.server.path_prefix
    if _URL.match(path):
        raise ValueError(f"expected a path, got a URL: {path}")
    if "?" in path:
        raise ValueError(f"`?` ends a path; in a source it is written %3F: {path}")
    rest = path.removeprefix("/")
    if replaces:
        rest = path.removeprefix(f"{prefix}/").removeprefix("/").partition("/")[2]
    try:
        # The signature does not matter for the repair; an empty one would be an error.
        repaired = split_path(f"/-/{rest}").signed
    except InvalidURL as error:
        missing = " behind its signature" if replaces else ""
        raise ValueError(f"there is nothing to sign{missing}: {visible(path)!r}") from error
    return f"{prefix}/{sign(repaired, key, salt, settings.security.signature_size)}/{rest}"


def _pair(settings: Settings, number: int) -> tuple[bytes, bytes]:
    security = settings.security
    if not security.keys:
        raise ValueError("there is no key: set IMGPROXY_KEY and IMGPROXY_SALT, both in hexadecimal")
    if not 1 <= number <= len(security.keys):
        raise ValueError(f"there is no pair {number} (IMGPROXY_KEY lists {len(security.keys)})")
    return security.keys[number - 1], security.salts[number - 1]


def _given(paths: Iterable[str]) -> Iterator[str]:
    """The paths of the command line, and in place of `-` the lines of stdin that are not blank."""
    for path in paths:
        if path != "-":
            yield path
            continue
        for line in sys.stdin:
            if text := line.strip():
                yield text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk sign",
        description="Print /SIGNATURE/PATH for each path.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a path to sign; - reads one from each line of stdin")
    parser.add_argument("--replace", action="store_true", help="the paths begin with an old signature: replace it")
    parser.add_argument(
        "--pair", type=int, default=1, metavar="N", help="which key and salt to sign with, counted from 1 (default: 1)"
    )
    return parser
