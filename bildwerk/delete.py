"""`bildwerk delete`: pictures out of the store, and their renditions out of results and CDN, by the upload API."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Final

from bildwerk.api_access import add_access
from bildwerk.environment import process_environment
from bildwerk.terminal import columns, fail, visible

if TYPE_CHECKING:
    from api.models import ImageDeleted
    from bildwerk.api_access import Access

_EXAMPLES: Final = """\
examples:
  bildwerk delete shoes/123.jpg
  bildwerk delete shoes/123.jpg shoes/124.jpg --versions all

The original goes first, then its renditions, within seconds; the logs of the purge name its id. Where there is no
original the purge takes place all the same. BILDWERK_API_URL and BILDWERK_API_TOKEN say where the API is and who asks.
The exit status is 1 when a key named nothing, or something was not deleted."""


def run(arguments: list[str]) -> int:
    """Deletes; 0 when there was something under every key, and it is gone."""
    chosen = _parser().parse_intermixed_args(arguments)
    from api.keys import checked_key
    from api.problems import InvalidKey
    from bildwerk.api_access import access

    problems: list[tuple[str, str]] = []
    keys: list[str] = []
    for key in dict.fromkeys(chosen.keys):
        try:
            keys.append(checked_key(key))
        except InvalidKey as error:
            problems.append((key, error.detail))
    try:
        api = access(chosen, process_environment())
    except ValueError as error:
        return fail("delete", str(error))
    stopped = asyncio.run(_deleted(keys, api, chosen, problems))
    sys.stdout.flush()
    if stopped:
        return fail("delete", stopped)
    if problems:
        return fail(
            "delete", f"{len(problems)} of {len(set(chosen.keys))} not deleted:\n{columns(problems, indent='  ')}"
        )
    return 0


async def _deleted(keys: list[str], api: Access, chosen: argparse.Namespace, problems: list[tuple[str, str]]) -> str:
    """Deletes one after the other and tells of each; blank, or why it was stopped."""
    from bildwerk.api_client import ApiClient
    from bildwerk.api_requests import Refused, TokenRefused, Unreachable, opened

    async with opened(api, connections=1, note=_note) as connection:
        client = ApiClient(connection)
        for key in keys:
            try:
                deleted, was_there = await client.delete(key, all_versions=chosen.versions == "all")
            except TokenRefused as error:
                return f"the API does not know the token: {error}"
            except Unreachable as error:
                return f"{key}: {error}"
            except Refused as error:
                problems.append((key, f"{error}{f' ({error.name})' if error.name else ''}"))
                continue
            if not was_there:
                problems.append((key, "there was no picture under this key; its purge is queued all the same"))
            print(_json(deleted, was_there=was_there) if chosen.json else _text(deleted, was_there=was_there))
    return ""


def _note(text: str) -> None:
    print(f"{visible(text)}; trying again", file=sys.stderr)


def _text(deleted: ImageDeleted, *, was_there: bool) -> str:
    state = "deleted" if was_there else "not there"
    return f"{state:<9}  {visible(deleted.key)}  {deleted.cache_tag}  purge {visible(deleted.purge.id)}"


def _json(deleted: ImageDeleted, *, was_there: bool) -> str:
    return json.dumps({"state": "deleted" if was_there else "absent", **deleted.model_dump(mode="json")})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk delete",
        description="Take pictures out of the store, with every rendition, by way of the upload API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("keys", metavar="KEY", nargs="+", help="as `bildwerk upload` prints it")
    parser.add_argument("--versions", choices=("all",), help="all: also the versions that a versioned bucket has kept")
    add_access(parser)
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each key")
    return parser
