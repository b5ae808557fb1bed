"""What can be said on the command line."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.pictures.corpus import Corpus
from benchmarks.pictures.flat import RENDERS
from benchmarks.pictures.peers import Peer, deployed, peer, pid
from benchmarks.pictures.rounds import Effort
from benchmarks.pictures.scenarios import scenarios
from benchmarks.pictures.targets import Server

PARTS: Final = ("table", "hits", "ramp", "s3", "memory")
_ROOT: Final = Path(__file__).resolve().parents[2]
_QUICK: Final = Effort(rounds=3, round_seconds=0.4)
_USUAL: Final = Effort(rounds=7, round_seconds=1.0)
_DESCRIPTION: Final = """\
What a picture costs here, in bare libvips, and in any other server that answers the same URLs.

A peer is started by hand, with the corpus as the root of its local files; `--prepare` makes the corpus and says where
it is. For imgproxy: IMGPROXY_LOCAL_FILESYSTEM_ROOT=<corpus>, IMGPROXY_MAX_ANIMATION_FRAMES=64.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was said."""

    parts: Sequence[str]
    scenarios: Sequence[str]
    effort: Effort
    step_seconds: float
    renders: int
    peers: Sequence[Peer]
    distribution: Server | None
    variables: dict[str, str]
    corpus: Path
    photos: Path | None
    out: Path
    keep: Path | None
    lists: bool
    prepares: bool


def read(arguments: Sequence[str]) -> Chosen:
    """Reads the arguments; ends the program with what is wrong of them."""
    parser = _parser()
    said = parser.parse_args(arguments)
    usual = _QUICK if said.quick else _USUAL
    try:
        pids = dict(map(pid, said.peer_pid))
        peers = [peer(text, pids) for text in said.peer]
        distribution = deployed(said.url, said.url_source, said.url_key) if said.url else None
        variables = dict(_variable(text) for text in said.set)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    known = {one.name for one in scenarios(nothing())}
    unknown = sorted(set(said.scenario) - known)
    if unknown:
        parser.error(f"there is no scenario {unknown[0]!r}; see --list")
    return Chosen(
        parts=said.part or (("table",) if said.scenario else PARTS[:-1]),
        scenarios=said.scenario,
        effort=Effort(rounds=said.rounds or usual.rounds, round_seconds=said.seconds or usual.round_seconds),
        step_seconds=1.5 if said.quick else 4.0,
        renders=said.renders,
        peers=peers,
        distribution=distribution,
        variables=variables,
        corpus=said.corpus,
        photos=said.photos,
        out=said.out,
        keep=said.keep,
        lists=said.list,
        prepares=said.prepare,
    )


def nothing() -> Corpus:
    """A corpus without pictures: enough to name the scenarios."""
    return Corpus(folder=Path(), pictures=defaultdict(tuple), made_from=())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pictures",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what is measured")
    what.add_argument("--part", action="append", choices=PARTS, default=[], help="all but memory by default")
    what.add_argument("--scenario", action="append", default=[], metavar="NAME", help="of the table; all by default")
    what.add_argument("--list", action="store_true", help="name the scenarios and end")
    what.add_argument("--quick", action="store_true", help="few and short rounds: about four minutes")
    what.add_argument("--rounds", type=int, help="7 by default, 3 with --quick; 15 for a record")
    what.add_argument("--seconds", type=float, help="length of a round; 1 by default, 0.4 with --quick")
    what.add_argument("--renders", type=int, default=RENDERS, help=f"of the memory part; {RENDERS} by default")
    what.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of our server")
    whom = parser.add_argument_group("whom with")
    whom.add_argument("--peer", action="append", default=[], metavar="NAME=URL", help="a server over the same corpus")
    whom.add_argument("--peer-pid", action="append", default=[], metavar="NAME=PID", help="its process, if not found")
    whom.add_argument("--url", help="a deployed distribution")
    whom.add_argument("--url-source", default="local:///", metavar="PREFIX", help="how it names the corpus: s3://...")
    whom.add_argument("--url-key", type=Path, metavar="FILE", help="its key and salt in hexadecimal, a line each")
    where = parser.add_argument_group("where")
    where.add_argument("--corpus", type=Path, default=_ROOT / ".bench" / "corpus", metavar="FOLDER")
    where.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs to make the corpus from")
    where.add_argument("--prepare", action="store_true", help="make the corpus and end")
    where.add_argument("--out", type=Path, default=_ROOT / "benchmarks" / "results", metavar="FOLDER")
    where.add_argument("--keep", type=Path, metavar="FOLDER", help="leave logs and results of servers there")
    return parser


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text} is not NAME=VALUE")
    return name, value
