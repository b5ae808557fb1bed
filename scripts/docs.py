"""Writes the reference pages from the tables that the server runs on, or checks the committed ones.

`python -m scripts.docs` writes them; `--check` writes nothing, shows what differs and exits with 1 if anything does.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from api.openapi import document_text
from api.settings import TABLES as API_TABLES
from renderer.options.reference import options_markdown
from renderer.settings.reference import settings_markdown

PAGES: Final[tuple[tuple[str, Callable[[], str]], ...]] = (
    ("docs/options.md", options_markdown),
    ("docs/openapi.json", document_text),
    ("docs/settings.md", lambda: settings_markdown(API_TABLES.values())),
)
"""Each page's path in the repository and the function that renders it."""

ROOT: Final = Path(__file__).resolve().parent.parent
SHOWN_LINES: Final = 20
"""How many lines of a difference are shown for each page."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit with 1 if a page differs")
    if parser.parse_args(arguments).check:
        return check(ROOT)
    write(ROOT)
    return 0


def write(root: Path) -> None:
    """Writes every page below `root`."""
    for path, render in PAGES:
        page = root / path
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render(), encoding="utf-8")


def check(root: Path) -> int:
    """Compares every page below `root`, prints what differs, returns 1 if anything does."""
    is_current = True
    for path, render in PAGES:
        page = root / path
        committed = page.read_text(encoding="utf-8") if page.exists() else ""
        if committed != (rendered := render()):
            is_current = False
            sys.stdout.write(f"{path} differs from the tables; `make docs` writes it anew\n")
            sys.stdout.writelines(islice(_difference(path, committed, rendered), SHOWN_LINES))
    return 0 if is_current else 1


def _difference(path: str, committed: str, rendered: str) -> Iterator[str]:
    old, new = committed.splitlines(keepends=True), rendered.splitlines(keepends=True)
    return difflib.unified_diff(old, new, f"{path} (committed)", f"{path} (tables)", n=0)


if __name__ == "__main__":
    sys.exit(main())
