"""`bildwerk upload`: pictures from files, folders and URLs into the store, by way of the upload API."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NoReturn

from bildwerk.api_access import add_access
from bildwerk.environment import process_environment
from bildwerk.terminal import fail, visible

if TYPE_CHECKING:
    from tqdm import tqdm

    from bildwerk.api_access import Access
    from bildwerk.api_client import ApiClient
    from bildwerk.upload_plan import Plan, Upload
    from bildwerk.upload_report import Summary
    from bildwerk.uploading import Outcome

_EXAMPLES: Final = """\
examples:
  bildwerk upload photo.jpg
  bildwerk upload photo.jpg --key shoes/123.jpg
  bildwerk upload photos/ --prefix shoes/
  bildwerk upload https://example.com/photo.jpg --prefix found/

A file in a folder gets the prefix and its path in the folder for a key; another file or a URL gets the prefix and its
name, or, without a prefix, a key that follows from its content. Hidden files are passed over, and in folders whatever
is no picture by its name. What is in the store already is not sent, so a run that was interrupted is simply begun
again. BILDWERK_API_URL and BILDWERK_API_TOKEN say where the API is and who asks. The exit status is 1 when something
was not stored."""

_HOPELESS: Final = 3
"""So many pictures in a row for which the API could not be reached, and it is given up."""

_AGAIN: Final = "The same command again sends only what is missing."


def run(arguments: list[str]) -> int:
    """Uploads; 0 when every picture is in the store."""
    # Intermixed, so that `upload a.jpg --prefix x/ b.jpg` reads as it is meant.
    chosen = _parser().parse_intermixed_args(arguments)
    from bildwerk.api_access import access
    from bildwerk.upload_plan import planned
    from bildwerk.upload_report import Summary, nothing_text, refused_text, summary_text

    try:
        api = access(chosen, process_environment())
        plan = planned(chosen.sources, prefix=chosen.prefix, key=chosen.key)
    except ValueError as error:
        return fail("upload", str(error))
    if not plan.uploads:
        return fail("upload", nothing_text(plan))
    summary = Summary(of=len(plan.uploads))
    try:
        asyncio.run(_uploaded(plan, api, chosen, summary))
    except KeyboardInterrupt:
        print(f"\ninterrupted: {summary_text(summary, plan)}\n{_AGAIN}", file=sys.stderr)
        raise
    sys.stdout.flush()
    if summary.of > 1 or plan.hidden or plan.others:
        print(summary_text(summary, plan), file=sys.stderr)
    if summary.stopped:
        return fail("upload", f"{summary.stopped}\n{_AGAIN if summary.of > 1 else ''}".rstrip())
    return fail("upload", refused_text(summary)) if summary.refused else 0


async def _uploaded(plan: Plan, api: Access, chosen: argparse.Namespace, summary: Summary) -> None:
    """Uploads, and tells of every picture at once."""
    from contextlib import aclosing

    from tqdm import tqdm

    from bildwerk.api_client import ApiClient
    from bildwerk.api_requests import TokenRefused, opened
    from bildwerk.at_once import at_once
    from bildwerk.upload_report import json_line, text_line

    noted: set[str] = set()
    has_bar = chosen.progress or sys.stderr.isatty()
    total = sum(upload.size for upload in plan.uploads)
    with tqdm(total=total, unit="B", unit_scale=True, file=sys.stderr, leave=False, disable=not has_bar) as bar:

        def note(text: str) -> None:
            # Once: with many pictures under way it would come many times.
            if text not in noted and len(noted) < 20:
                noted.add(text)
                bar.write(f"{visible(text)}; trying again", file=sys.stderr)

        async with opened(api, connections=chosen.jobs, note=note) as connection:
            work = _with_progress(ApiClient(connection), bar)
            async with aclosing(at_once(plan.uploads, work, chosen.jobs)) as outcomes:
                try:
                    async for outcome in outcomes:
                        summary.add(outcome)
                        bar.set_postfix_str(f"{summary.done} of {summary.of}", refresh=False)
                        if line := json_line(outcome) if chosen.json else text_line(outcome):
                            bar.write(line, file=sys.stdout)
                        if summary.unreachable >= _HOPELESS:
                            summary.stopped = outcome.detail
                            break
                except TokenRefused as error:
                    summary.stopped = f"the API does not know the token: {error}"


def _with_progress(client: ApiClient, bar: tqdm[NoReturn]) -> Callable[[Upload], Awaitable[Outcome]]:
    """Uploads, and moves the bar by the bytes of each file: no more, whatever surrounds it or is sent again."""
    from bildwerk.uploading import uploaded

    async def work(upload: Upload) -> Outcome:
        shown = 0

        def tell(count: int) -> None:
            nonlocal shown
            now = min(upload.size, shown + count) if count else 0
            bar.update(now - shown)
            shown = now

        outcome = await uploaded(client, upload, tell)
        bar.update(upload.size - shown)
        return outcome

    return work


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:10]) <= 64:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 64, got {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk upload",
        description="Put pictures into the store by way of the upload API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", metavar="PATH|URL|DIR", nargs="+", help="files, folders, addresses of pictures")
    names = parser.add_mutually_exclusive_group()
    names.add_argument(
        "--prefix", default="", metavar="TEXT", help="what keys begin with, as a rule with a slash at its end"
    )
    names.add_argument("--key", default="", metavar="KEY", help="the whole key, of one picture")
    add_access(parser)
    parser.add_argument(
        "--jobs", type=_positive, default=4, metavar="N", help="pictures at the same time, 1 to 64 (default: 4)"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each picture")
    parser.add_argument("--progress", action="store_true", help="show a progress bar even if stderr is no terminal")
    return parser
