"""What a person reads once everything runs: what runs where, and commands to paste."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from scripts import servers
from scripts.demo.grafana import DASHBOARD
from scripts.demo.setup import ORIGINALS, RESULTS, Setup
from scripts.demo.store import media_type

SHOWN: Final = "landscape.jpg"
UPLOADED: Final = "portrait.jpg"
"""Of the sample pictures; of others the first and the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page tells of.

    Attributes:
        setup: of the demonstration.
        pictures: those that are in the bucket.
        has_prometheus: whether one is started.
        has_grafana: likewise.
        stays: whether the folder is kept.
    """

    setup: Setup
    pictures: Sequence[Path]
    has_prometheus: bool
    has_grafana: bool
    stays: bool

    def picture(self) -> str:
        """The address of the picture that is to be looked at."""
        return self.setup.picture("rs:fill:900:600", quote(self._named(SHOWN, 0).name))

    def uploaded(self) -> Path:
        """The picture that is to be uploaded."""
        return self._named(UPLOADED, -1)

    def _named(self, name: str, otherwise: int) -> Path:
        return next((path for path in self.pictures if path.name == name), self.pictures[otherwise])


def page(shown: Shown) -> str:
    """The whole text."""
    end = "keeps its pictures" if shown.stays else "forgets everything"
    rows = "\n".join(f"  {name:<12}{text}" for name, text in _rows(shown))
    return f"""
Bildwerk runs on this machine, and only this machine can reach it. Ctrl-C ends it and {end}.

{rows}

A picture to open in a browser; its format is the best that the browser shows:

  {shown.picture()}

For another terminal, step by step:

{_steps(shown)}

Invalidations that reach the CDN are shown here:
"""


def _rows(shown: Shown) -> list[tuple[str, str]]:
    setup = shown.setup
    seconds = "its metrics: " + setup.url("metrics", "/metrics")
    rows = [
        ("CDN", f"{setup.url('cdn')}   stands in for CloudFront: keeps pictures, drops them by tag"),
        ("renderer", f"{setup.url('renderer')}   bildwerk serve; {seconds}"),
        (
            "upload API",
            f"{setup.url('api')}   bildwerk api; tells the CDN of deletions on port {setup.ports.cloudfront}",
        ),
        (
            "S3 server",
            f"{setup.url('s3')}   {servers.VERSITYGW.name}: {ORIGINALS} ({len(shown.pictures)} pictures), {RESULTS}",
        ),
    ]
    if shown.has_prometheus:
        query = setup.url("prometheus", "/api/v1/query?query=requests_total")
        rows.append(("Prometheus", f"{setup.url('prometheus')}   reads the metrics; for example {query}"))
    else:
        rows.append(("Prometheus", "left out: not on PATH (Debian: apt-get install prometheus)"))
    if shown.has_grafana:
        rows.append(("Grafana", f"{setup.url('grafana')}   our dashboard; user admin, password {setup.password}"))
    else:
        rows.append(("Grafana", f"left out: not on PATH; its dashboard can be imported: {_short(DASHBOARD)}"))
    rows.append(("logs, data", str(setup.folder)))
    return rows


def _steps(shown: Shown) -> str:
    """The commands, each group under what it shows."""
    setup, file = shown.setup, shown.uploaded()
    key = f"demo/mine{file.suffix.lower()}"
    image, bearer = setup.url("api", f"/images/{key}"), '-H "Authorization: Bearer $TOKEN"'
    look = 'curl -sS -D - -o /dev/null -H "Accept: image/webp,*/*" $PICTURE'
    program, name = Path(sys.executable).parent / "bildwerk", shown.picture().rpartition("/")[2]
    steps = {
        "Upload a picture.": (
            f"TOKEN={setup.token}",
            f'curl -sS -T {shlex.quote(_short(file))} {bearer} -H "Content-Type: {media_type(file)}" {image}; echo',
        ),
        "Look at it twice, also in a browser: X-Cache says Miss and then Hit, Cache-Tag is what it is dropped by.": (
            f"PICTURE={setup.picture('rs:fit:600:600', key)}",
            f"sleep 2; {look}",  # the purge of the upload itself is through by then
            look,
        ),
        "Delete it. A moment later the CDN has it no more, in any size or format: 404.": (
            f"curl -sS -X DELETE {bearer} {image}; echo",
            f"sleep 2; {look}",
        ),
        "Another size, signed with the keys of this run.": (
            f"export IMGPROXY_KEY={setup.key}",
            f"export IMGPROXY_SALT={setup.salt}",
            f"SIGNED=$({shlex.quote(_short(program))} sign /rs:fit:300:300/plain/s3://{ORIGINALS}/{name})",
            f"echo {setup.url('cdn')}$SIGNED",
        ),
    }
    groups = ("\n".join((f"  {title}", *(f"    {line}" for line in lines))) for title, lines in steps.items())
    return "\n\n".join(groups)


def _short(path: Path) -> str:
    """The path as it is written from here, if it lies here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
