"""Builds the packages of the functions as folders: the lock's wheels for Lambda, our own code, byte code.

Built beside their place and put there whole; a digest of all that goes in lies there too: nothing is done twice.
The same inputs make the same bytes: CDK names an asset by them, and what has not changed is not deployed anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.image.buildah import run
from scripts.image.slim import remove
from scripts.image.targets import Target, add_pure_wheels, pip, without_wheels
from scripts.packages.contents import DECODERS, OWN, PACKAGES, is_loaded, leftovers, parts_of

MAX_UNZIPPED_BYTES: Final = 262_144_000
"""250 MB, layers included: AWS Lambda Developer Guide, "Lambda quotas"."""

TASK_ROOT: Final = "/var/task"
"""Where Lambda unpacks a function: what tracebacks name."""

_PROJECT: Final = Path(__file__).parents[2]
_RECIPE: Final = (
    *(f"scripts/packages/{name}.py" for name in ("building", "contents")),
    *(f"scripts/image/{name}.py" for name in ("slim", "targets", "wheels")),
)
"""What decides about the bytes beside the inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How packages are built.

    Attributes:
        target: where they run.
        extras: of `pyproject.toml`, with commas.
        compiler: a Python of the target's version; None leaves compiling to each start of a function.
    """

    target: Target
    extras: str
    compiler: str | None

    def requirements(self) -> list[str]:
        """Entries of the lock, with hashes, that have wheels; ValueError names an extra that there is not."""
        return [entry for entry in self.target.locked(_PROJECT, extras=self.extras) if is_loaded(entry)]

    def digest(self, *further: str) -> str:
        """Changes whenever what is built would: of the lock's part, and of further files and folders."""
        told = hashlib.sha256()
        compiled_by = _version(self.compiler) if self.compiler else "nothing"
        words = (repr(self.target), compiled_by, *self.requirements(), *without_wheels(_PROJECT))
        told.update("\n".join(words).encode())
        for name in (*_RECIPE, *further):
            for path in _sources(_PROJECT / name):
                data = path.read_bytes()
                told.update(f"{path.relative_to(_PROJECT)} {len(data)}\n".encode() + data)
        return told.hexdigest()


def build(recipe: Recipe, into: Path) -> bool:
    """Puts the packages into a folder; False when they were there already.

    Raises:
        CalledProcessError: pip or the compiler failed, after saying why.
        RuntimeError: they are not what Lambda takes.
        ValueError: the recipe has an extra that there is not.
    """
    digest, stamp = recipe.digest(*OWN), into / "packages.sha256"
    into.mkdir(parents=True, exist_ok=True)
    with _alone_in(into):
        are_there = stamp.exists() and all((into / package).is_dir() for package in PACKAGES)
        if are_there and stamp.read_text(encoding="utf-8") == digest:
            return False
        locked = _locked_part(recipe, into)
        with tempfile.TemporaryDirectory(dir=into, prefix=".") as folder:
            made = Path(folder)
            _make(made / "pictures", made / "plain", recipe, locked)
            stamp.unlink(missing_ok=True)
            for package in PACKAGES:
                _put(made / package, into / package)
        stamp.write_text(digest, encoding="utf-8")
    return True


def unzipped_bytes(folder: Path) -> int:
    """What Lambda counts."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def zipped_bytes(folder: Path) -> int:
    """What is uploaded, about: how hard CDK compresses is its own business."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.tell()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    """What of a package the lock decides, which is kept for when our own code alone has changed.

    Attributes:
        folder: with all of it.
        decoders: names in it that the plain package does not have.
    """

    folder: Path
    decoders: frozenset[str]


def _locked_part(recipe: Recipe, into: Path) -> _Locked:
    place, note, digest = into / ".locked", into / "locked.json", recipe.digest()
    known = json.loads(note.read_text(encoding="utf-8")) if note.exists() and place.is_dir() else {}
    if known.get("digest") != digest:
        with tempfile.TemporaryDirectory(dir=into, prefix=".") as folder:
            made = Path(folder, "locked")
            made.mkdir()
            _install(made, recipe)
            known = {"digest": digest, "decoders": sorted(parts_of(made, DECODERS))}
            for path in list(leftovers(made)):
                remove(path)
            if recipe.compiler:
                add_byte_code(made, recipe.compiler)
            note.unlink(missing_ok=True)
            _put(made, place)
        note.write_text(json.dumps(known), encoding="utf-8")
    return _Locked(folder=place, decoders=frozenset(known["decoders"]))


def _put(made: Path, place: Path) -> None:
    """Moves what was made to its place; what was there goes to where it was made."""
    if place.exists():
        place.rename(made.with_name(f"{made.name} before"))
    made.rename(place)


def _make(pictures: Path, plain: Path, recipe: Recipe, locked: _Locked) -> None:
    shutil.copytree(locked.folder, pictures)
    for name in OWN:
        shutil.copytree(_PROJECT / name, pictures / name, ignore=shutil.ignore_patterns("__pycache__"))
    if recipe.compiler:
        add_byte_code(pictures, recipe.compiler, *OWN)
    # Everybody may read, nobody need write: Lambda's user is none of ours.
    for path in [pictures, *pictures.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    if (size := unzipped_bytes(pictures)) > MAX_UNZIPPED_BYTES:
        raise RuntimeError(f"the package has {size:,} bytes; Lambda takes {MAX_UNZIPPED_BYTES:,}")
    shutil.copytree(pictures, plain, ignore=lambda place, _: locked.decoders if place == str(pictures) else ())


def _install(folder: Path, recipe: Recipe) -> None:
    installed = ("install", "--no-deps", "--no-compile", *recipe.target.options, "--target", str(folder))
    with tempfile.TemporaryDirectory() as elsewhere:
        lock, wheels = Path(elsewhere, "lock.txt"), Path(elsewhere, "wheels")
        lock.write_text("\n".join([*recipe.requirements(), ""]), encoding="utf-8")
        pip(*installed, "--require-hashes", "-r", str(lock))
        add_pure_wheels(_PROJECT, wheels)
        pip(*installed, "--no-index", *map(str, wheels.glob("*.whl")))


def add_byte_code(folder: Path, compiler: str, *names: str) -> None:
    """Compiles a folder, or parts of it; trusted as it is: Lambda's is read-only, and file times are the archive's."""
    # One process, and no random order of sets: both show in the bytes.
    words = ("-P", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash")
    parts = [str(folder / name) for name in names] or [str(folder)]
    run("env", "PYTHONHASHSEED=0", compiler, *words, "-s", str(folder), "-p", TASK_ROOT, *parts)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Waits until no other process builds there."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def found_compiler(target: Target) -> str | None:
    """A Python of the target's version: this one, one in PATH, or one of pyenv's; None where there is none."""
    named = f"python{target.python}"
    others = sorted(Path.home().glob(f".pyenv/versions/{target.python}.*/bin/{named}"), reverse=True)
    # pyenv's own command in PATH may be one that only says which versions there are.
    for candidate in (sys.executable, shutil.which(named), *map(str, others)):
        if candidate and _version(candidate).startswith(f"{target.python}."):
            return candidate
    return None


def _version(python: str) -> str:
    """Of an interpreter; empty when it does not start."""
    command = [python, "-I", "-c", "import platform; print(platform.python_version())"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  an interpreter
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _sources(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file() and path.suffix != ".pyc")
