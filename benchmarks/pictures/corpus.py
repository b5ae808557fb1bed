"""The corpus: a folder of pictures that every server is measured with, made once and then kept.

    python -m benchmarks.pictures.corpus .bench/corpus [--photos FOLDER]

It is made beside its place and moved there when it is whole, so that an interrupted run leaves none.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.pictures.corpus_shape import FULL, Picture, Sizes

LIST: Final = "corpus.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The pictures by group, and sentences about what they were made from."""

    folder: Path
    pictures: Mapping[str, tuple[Picture, ...]]
    made_from: tuple[str, ...]


def prepare(folder: Path, given: Path | None, say: Callable[[str], None], *, sizes: Sizes = FULL) -> Corpus:
    """The corpus in a folder; made if it is not there, or was made by other code or from something else.

    Args:
        folder: where it is kept.
        given: a folder of photographs to make it from; None for Debian's wallpapers, and without apt the project's own
            drawn samples.
        say: is told what happens, a sentence at a time.
        sizes: of the pictures.

    Raises:
        ValueError: the folder holds something else than a corpus, or the given one no photographs.
    """
    digest = _digest(given, sizes)
    corpus = _kept(folder, digest)
    if corpus is not None:
        say(f"the corpus in {folder} is whole: " + "; ".join(corpus.made_from))
        return corpus
    if folder.exists() and any(folder.iterdir()) and not (folder / LIST).is_file():
        raise ValueError(f"{folder} holds something else than a corpus")
    # libvips and numpy are not needed where the corpus is there.
    from benchmarks.pictures.corpus_files import write_groups
    from benchmarks.pictures.photographs import find_photographs

    started = time.monotonic()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
        whole, away, sources = (Path(place) / name for name in ("whole", "away", "sources"))
        sources.mkdir()
        found = find_photographs(sources, given, say)
        pictures, notes = write_groups(whole, found, sizes, say)
        made = Corpus(folder=folder, pictures=pictures, made_from=(*found.made_from, *notes))
        (whole / LIST).write_text(json.dumps(_stored(made, digest), indent=1), encoding="utf-8")
        if folder.exists():
            folder.rename(away)
        whole.rename(folder)
    megabytes = sum(picture.size_bytes for group in pictures.values() for picture in group) / 1e6
    say(f"made a corpus of {megabytes:.0f} MB in {time.monotonic() - started:.0f} s: " + "; ".join(made.made_from))
    return made


def read(folder: Path) -> Corpus:
    """A corpus that is there, as it is.

    Raises:
        FileNotFoundError: it is not.
    """
    return _read(folder, json.loads((folder / LIST).read_text(encoding="utf-8")))


def _read(folder: Path, stored: dict[str, Any]) -> Corpus:
    pictures = {group: tuple(Picture(**row) for row in rows) for group, rows in stored["pictures"].items()}
    return Corpus(folder=folder, pictures=pictures, made_from=tuple(stored["made_from"]))


def _kept(folder: Path, digest: str) -> Corpus | None:
    """The corpus that is there already, if it is the right one and every file of it is there."""
    try:
        stored = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if not isinstance(stored, dict) or stored.get("digest") != digest:
        return None
    corpus = _read(folder, stored)
    for picture in (picture for group in corpus.pictures.values() for picture in group):
        path = folder / picture.path
        if not path.is_file() or path.stat().st_size != picture.size_bytes:
            return None
    return corpus


def _stored(corpus: Corpus, digest: str) -> dict[str, Any]:
    rows = {group: [dataclasses.asdict(picture) for picture in pictures] for group, pictures in corpus.pictures.items()}
    return {"digest": digest, "made_from": list(corpus.made_from), "pictures": rows}


def _digest(given: Path | None, sizes: Sizes) -> str:
    """What the corpus depends on: the code that makes it, its sizes, and the names and bytes of what is given."""
    made_by = hashlib.sha256(repr(sizes).encode())
    for name in ("corpus.py", "corpus_files.py", "photographs.py", "drawings.py"):
        made_by.update((Path(__file__).parent / name).read_bytes())
    if given is not None:
        for path in sorted(path for path in given.rglob("*") if path.is_file()):
            made_by.update(f"{path.relative_to(given)}\0{path.stat().st_size}\0".encode())
    return made_by.hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures.corpus", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the corpus is, or is to be")
    parser.add_argument("--photos", type=Path, help="a folder of photographs to make it from")
    given = parser.parse_args(arguments)
    # Threads of libvips cost more than they bring; two pictures are written at the same time instead.
    os.environ.setdefault("VIPS_CONCURRENCY", "1")
    prepare(given.folder, given.photos, lambda text: print(text, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
