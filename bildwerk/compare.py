"""`bildwerk compare`: an access log replayed against two servers, and what differs between their answers."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bildwerk.environment import complain, read_environment
from bildwerk.terminal import fail

if TYPE_CHECKING:
    from bildwerk.comparison_report import Summary
    from bildwerk.replay import Replay
    from bildwerk.request_targets import Targets

UNUSABLE: Final = 2
"""The exit status when nothing could be compared."""

_EXAMPLES: Final = """\
examples:
  bildwerk compare --with https://images.example.com < access.log
  bildwerk compare --with http://imgproxy:8080 --own http://bildwerk:8080 --sample 0.01 --json < access.log > all.jsonl
  bildwerk compare --with http://imgproxy:8080 --accept image/avif,image/webp --accept image/webp < urls.txt

The log is a list of paths or URLs, an access log of imgproxy or of this server, or one that holds request lines, as
those of nginx, load balancers and CDNs do. Each URL is asked for once. Only GET is sent, redirects are not followed,
nothing is changed on either server. The exit status is 0 when all answers are alike, 1 when some are not, 2 when
nothing could be compared."""

_BASE: Final = re.compile(r"https?://[^/?#\s]+(?:/[^?#\s]*)?")
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")


def run(arguments: list[str]) -> int:
    """Compares; 0 when all answers are alike."""
    chosen = _parser().parse_args(arguments)
    try:
        own = chosen.own or _own_address()
    except ValueError as error:
        fail("compare", f"IMGPROXY_BIND: {error}; or say --own URL")
        return UNUSABLE
    from bildwerk.request_targets import read_targets

    targets = read_targets(sys.stdin.buffer, chosen.limit, _sample(chosen.sample))
    if not targets.targets:
        fail("compare", f"the log on stdin names no picture ({targets.unread:,} lines tell of none)")
        return UNUSABLE
    from bildwerk.comparison_report import summary_text
    from renderer.errors import ConfigurationError
    from renderer.vips import runtime

    try:
        runtime.start()
    except ConfigurationError as error:
        complain(error)
        return UNUSABLE
    replay = _replay(chosen, own)
    summary = asyncio.run(_told(targets, replay, chosen))
    if summary.dead:
        names = " and ".join({"own": replay.own, "other": replay.other}[name] for name in summary.dead)
        fail("compare", f"no answer from {names}")
        return UNUSABLE
    print(summary_text(summary, targets, replay), file=sys.stderr if chosen.json else sys.stdout)
    return 1 if summary.different or summary.failed else 0


def _replay(chosen: argparse.Namespace, own: str) -> Replay:
    from bildwerk.comparison import Tolerances
    from bildwerk.replay import Replay

    return Replay(
        own=own.rstrip("/"),
        other=chosen.other.rstrip("/"),
        headers=dict(chosen.header),
        accepts=tuple(chosen.accept) or ("",),
        concurrency=chosen.concurrency,
        timeout_seconds=chosen.timeout,
        tolerances=Tolerances(
            size_percent=chosen.size_tolerance, mean=chosen.tolerance, worst_block=chosen.block_tolerance
        ),
    )


async def _told(targets: Targets, replay: Replay, chosen: argparse.Namespace) -> Summary:
    """Replays, and tells of every difference at once."""
    from contextlib import aclosing

    from tqdm import tqdm

    from bildwerk.comparison_report import HOPELESS, Summary, json_line, text_block
    from bildwerk.replay import replayed

    summary = Summary()
    total = len(targets.targets) * len(replay.accepts)
    has_bar = chosen.progress or sys.stderr.isatty()
    with tqdm(total=total, unit=" pairs", file=sys.stderr, leave=False, disable=not has_bar) as bar:
        async with aclosing(replayed(targets.targets, replay)) as comparisons:
            async for comparison in comparisons:
                summary.add(comparison)
                if chosen.json:
                    bar.write(json_line(comparison), file=sys.stdout)
                elif comparison.differences:
                    bar.write(text_block(comparison), file=sys.stdout)
                bar.update()
                if summary.pairs == HOPELESS and summary.dead:
                    break
    return summary


def _own_address() -> str:
    """Where the server of this machine is, by its settings; raises ValueError if they do not say."""
    from bildwerk.health import address

    host, port = address(read_environment().get("IMGPROXY_BIND", ""))
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _sample(fraction: float) -> Callable[[str], bool]:
    """Whether a target belongs to a sample: always the same ones, so that two runs can be compared."""
    bound = int(fraction * 2**64)

    def is_chosen(target: str) -> bool:
        return int.from_bytes(hashlib.blake2b(target.encode(), digest_size=8).digest()) < bound

    return is_chosen


def _base(text: str) -> str:
    if not _BASE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected http://host:port, got {text!r}")
    return text


def _header(text: str) -> tuple[str, str]:
    header = _HEADER.fullmatch(text)
    if header is None:
        # It may be a secret.
        raise argparse.ArgumentTypeError("expected `Name: value`")
    return header[1], header[2].strip()


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:10]) < 10**9:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected a number from {low:g} to {high:g}, got {text!r}")
        return value

    return read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk compare",
        description="Replay the pictures of an access log against two servers and list what differs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--with", dest="other", type=_base, required=True, metavar="URL", help="the other server, for instance imgproxy"
    )
    add("--own", type=_base, metavar="URL", help="our server (default: this machine's, by IMGPROXY_BIND)")
    add("--header", type=_header, action="append", default=[], metavar="'NAME: VALUE'", help="sent to both servers")
    add("--accept", action="append", default=[], metavar="TYPES", help="ask for each URL with this Accept; repeatable")
    add("--limit", type=_positive, default=10_000, metavar="N", help="different URLs at most (default: 10000)")
    add("--sample", type=_number(0, 1), default=1.0, metavar="FRACTION", help="of the URLs, always the same ones")
    add("--concurrency", type=_positive, default=4, metavar="N", help="URLs at the same time (default: 4)")
    add("--timeout", type=_number(0.1, 3600), default=60.0, metavar="SECONDS", help="for one answer (default: 60)")
    add(
        "--tolerance",
        type=_number(0, 255),
        default=1.0,
        metavar="N",
        help="mean difference of pixels that is still alike, of 255 (default: 1)",
    )
    add(
        "--block-tolerance",
        type=_number(0, 255),
        default=24.0,
        metavar="N",
        help="the same in the worst 8 x 8 square (default: 24)",
    )
    add(
        "--size-tolerance",
        type=_number(0, 10_000),
        default=5.0,
        metavar="PERCENT",
        help="difference of lengths that is still alike (default: 5)",
    )
    add("--json", action="store_true", help="print a line of JSON for each pair, the summary on stderr")
    add("--progress", action="store_true", help="show a progress bar even if stderr is no terminal")
    return parser
