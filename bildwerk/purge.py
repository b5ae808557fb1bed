"""`bildwerk purge SOURCE_URL...`: deletes every stored result of an original from the configured store."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING, Final

from bildwerk.environment import complain, load_or_complain
from bildwerk.terminal import columns, fail, visible

if TYPE_CHECKING:
    from renderer.storage.object_store import ObjectStore

_EXAMPLES: Final = """\
examples:
  bildwerk purge s3://originals/shoes/123.jpg
  bildwerk purge local:///a.jpg local:///b.jpg
  bildwerk purge --tag o-5d41402abc4b2a76b9719d911017c592

The store is that of IMGPROXY_CACHE_*, as the server's. A result belongs to its picture and to its watermark, so naming
the watermark deletes whatever it is on. Servers drop what they have in memory within BILDWERK_RESULTS_MEMORY_SECONDS;
a CDN in front of them is not told. The exit status is 1 when the store fails: then do it again."""


def run(arguments: list[str]) -> int:
    """Prints how many results of each original were deleted; 0 also if there were none."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if not chosen.sources and not chosen.tag:
        parser.error("expected a source URL, or --tag")
    settings = load_or_complain()
    if settings is None:
        return 1
    from renderer.cache.layout import is_tag
    from renderer.cache.opened import open_store
    from renderer.cache.tags import original_tag
    from renderer.errors import ConfigurationError
    from renderer.storage.object_store import StoreError

    separator = settings.sources.source_url_query_separator
    tags = {original_tag(url, separator): url for url in chosen.sources}
    for tag in chosen.tag or ():
        if not is_tag(tag):
            return fail("purge", f"{visible(tag)} is no tag of an original: expected o- and 32 hexadecimal digits")
        tags.setdefault(tag, tag)
    try:
        store = open_store(settings.results)
    except ConfigurationError as error:
        return complain(error)
    if store is None:
        return fail("purge", "no store of results is configured (IMGPROXY_CACHE_USE)")
    try:
        counts = asyncio.run(_purged(store, list(tags)))
    except StoreError as error:
        return fail("purge", str(error))
    print(columns([("deleted", "tag", "original"), *((str(counts[tag]), tag, visible(tags[tag])) for tag in tags)]))
    sys.stdout.flush()
    return 0


async def _purged(store: ObjectStore, tags: list[str]) -> dict[str, int]:
    from renderer.cache.purge import purge

    try:
        return {tag: await purge(store, tag, now=time.time()) for tag in tags}
    finally:
        await store.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk purge",
        description="Delete every stored result of an original from the store of results.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", nargs="*", metavar="SOURCE_URL", help="the original, as processing URLs name it")
    parser.add_argument("--tag", action="append", metavar="TAG", help="the original by its tag in Cache-Tag")
    return parser
