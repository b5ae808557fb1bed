"""The command line: `bildwerk COMMAND`, and `imgproxy` as a further name for serving.

Each command is a module of its own that is imported only when it is asked for, so that `bildwerk health` does not pay
for libvips.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Final

from bildwerk.allocator import begin_anew
from bildwerk.environment import process_environment
from bildwerk.terminal import INTERRUPTED

SUBCOMMANDS: Final = {
    "serve": "start the render server",
    "health": "ask a running server whether it is well",
    "version": "print the versions of everything that shapes a result",
    "sign": "sign processing paths",
    "url": "write a processing URL from options and a source",
    "render": "render files with the server's own pipeline",
    "explain": "show how a URL is understood, or why it is refused",
    "compare": "replay a log against two servers and list what differs",
    "purge": "delete stored results of originals",
    "api": "start the upload API on this machine",
    "upload": "put pictures into the store",
    "delete": "take pictures out of the store, with every rendition",
    "token": "make a token for the upload API",
}
_IMGPROXY: Final = ("health", "version")

_EXAMPLES: Final = """\
examples:
  bildwerk serve
  bildwerk render photo.jpg thumb.webp --options rs:fill:300:300/g:sm
  bildwerk url local:///photo.jpg --options rs:fill:300:300/g:sm --format webp
  bildwerk explain /unsafe/rs:fill:300:300/plain/local:///photo.jpg@webp

Settings come from the environment, under imgproxy's own names (IMGPROXY_KEY, IMGPROXY_SALT, ...): docs/settings.md.
`bildwerk COMMAND --help` tells more about a command."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns the exit status.

    Args:
        arguments: those of the program by default.
    """
    is_program = arguments is None
    arguments = sys.argv[1:] if arguments is None else arguments
    if is_program and arguments[:1] == ["serve"]:
        begin_anew(process_environment())
    if arguments and arguments[0] in SUBCOMMANDS:
        return _run(arguments[0], arguments[1:])
    if arguments in (["--version"], ["-V"]):
        return _run("version", [])
    return _help(arguments)


def imgproxy(arguments: list[str] | None = None) -> int:
    """`imgproxy`, `imgproxy health`, `imgproxy version`: what containers of imgproxy are started with."""
    is_program = arguments is None
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        if is_program:
            begin_anew(process_environment())
        return _run("serve", [])
    usage = f"usage: imgproxy [{' | '.join(_IMGPROXY)}]"
    if arguments in (["-h"], ["--help"]):
        print(f"{usage}\n\nWithout a word it starts the server. `bildwerk --help` lists everything else.")
        return 0
    if arguments[0] not in _IMGPROXY or len(arguments) > 1:
        print(usage, file=sys.stderr)
        return 2
    return _run(arguments[0], [])


def _run(command: str, arguments: list[str]) -> int:
    for stream in (sys.stdin, sys.stdout):
        # Paths are bytes: what is no UTF-8 goes out as it came in.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")
    try:
        module = importlib.import_module(f"bildwerk.{command}")
        status: int = module.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has read enough. Without a stdout the interpreter does not complain again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _help(arguments: list[str]) -> int:
    """The list of commands: on request, or with an error when what was asked for is none of them."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="bildwerk",
        description="An image render server that answers imgproxy's processing URLs, and the tools around it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="store_true", help="the same as `bildwerk version`")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, help_text in SUBCOMMANDS.items():
        commands.add_parser(name, help=help_text)
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    if arguments[0] in ("-h", "--help"):
        parser.print_help()
        return 0
    import difflib

    nearest = difflib.get_close_matches(arguments[0], SUBCOMMANDS, 1)
    hint = f"; is `{nearest[0]}` meant?" if nearest else ""
    parser.print_usage(sys.stderr)
    print(f"bildwerk: there is no command {arguments[0]!r}{hint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
