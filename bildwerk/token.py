"""`bildwerk token`: a new token for the upload API, and the entry of the list that lets it in."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from typing import Final

from bildwerk.terminal import columns, fail

_EXAMPLES: Final = """\
examples:
  bildwerk token cms --scope upload --scope delete
  bildwerk token shop --scope upload --prefix shoes/
  bildwerk token monitoring

The token is for whoever will use it: as BILDWERK_API_TOKEN for `bildwerk upload`, as `Authorization: Bearer TOKEN` for
everything else. The entry holds only its hash, and belongs into the JSON list in the secret that
BILDWERK_API_TOKENS_SECRET names, or in BILDWERK_API_TOKENS. Nothing is stored here: what was not copied is lost. A
token is revoked by removing its entry, and replaced without a gap by a second entry under another name."""

_PREFIX: Final = "bw_"
"""What tokens begin with, so that a scanner for secrets finds those that were committed or pasted somewhere."""


def run(arguments: list[str]) -> int:
    """Prints the token, its hash and the entry."""
    chosen = _parser().parse_args(arguments)
    from api.access.token_list import BadTokenList, hashed, read_tokens

    token = f"{_PREFIX}{secrets.token_urlsafe(32)}"
    entry = {"name": chosen.name, "token_sha256": hashed(token).hex(), "scopes": list(dict.fromkeys(chosen.scope))}
    if chosen.prefix:
        entry["prefix"] = chosen.prefix
    try:
        read_tokens(json.dumps([entry]))
    except BadTokenList as error:
        return fail("token", "\n".join(problem.removeprefix("entry 1: ") for problem in error.problems))
    # What is not ASCII is escaped, so that the entry can be pasted anywhere.
    print(columns([("token", token), ("sha256", hashed(token).hex()), ("entry", json.dumps(entry))]))
    sys.stdout.flush()
    can = " and ".join(entry["scopes"]) or "only look up"
    where = f" under {chosen.prefix}" if chosen.prefix else ""
    print(f"\nIt can {can}{where}. It is shown this once; the list holds the entry.", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk token",
        description="Make a token for the upload API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="who gets it: 1 to 64 printable ASCII characters, for the logs")
    parser.add_argument(
        "--scope",
        action="append",
        choices=("upload", "delete"),
        default=[],
        help="what it may do beside looking up; repeatable",
    )
    parser.add_argument("--prefix", default="", metavar="TEXT", help="what its keys begin with (default: any key)")
    return parser
