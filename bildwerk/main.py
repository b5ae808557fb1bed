"""The command line: `bildwerk SUBCOMMAND`, and `imgproxy` as a further name for serving.

Each subcommand is a module of its own that is imported only when it is asked for, so that `bildwerk health` does not
pay for libvips.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Final

SUBCOMMANDS: Final = {
    "serve": "start the render server",
    "health": "ask a running server whether it is well",
    "version": "print the versions of everything that shapes a result",
    "sign": "sign a processing path",
    "url": "write a processing URL from options and a source",
    "render": "render files with the server's own pipeline",
    "explain": "print how a processing URL is understood, or why it is refused",
}
_IMGPROXY: Final = ("health", "version")


def main(arguments: list[str] | None = None) -> int:
    """Runs one subcommand and returns the exit status."""
    parser = argparse.ArgumentParser(prog="bildwerk", description="An image render server for imgproxy's URLs.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    arguments = sys.argv[1:] if arguments is None else arguments
    for name, help_text in SUBCOMMANDS.items():
        commands.add_parser(name, help=help_text, add_help=False)
    known, rest = parser.parse_known_args(arguments[:1])
    return _run(known.command, [*rest, *arguments[1:]])


def imgproxy(arguments: list[str] | None = None) -> int:
    """`imgproxy`, `imgproxy health`, `imgproxy version`: what containers of imgproxy are started with."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        return _run("serve", [])
    if arguments[0] not in _IMGPROXY or len(arguments) > 1:
        print(f"usage: imgproxy [{' | '.join(_IMGPROXY)}]", file=sys.stderr)
        return 2
    return _run(arguments[0], [])


def _run(command: str, arguments: list[str]) -> int:
    module = importlib.import_module(f"bildwerk.{command}")
    status: int = module.run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
