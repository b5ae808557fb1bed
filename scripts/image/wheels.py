"""Makes the wheels of the locked packages, inside the build of the container image.

    python wheels.py --extras heif,jxl WHEELS

It runs in the folder of `pyproject.toml` and `requirements/`, with the packages of `requirements/build.txt` installed
and nothing else. Nothing is run, built or kept that the lock has no hash for. The lock of the extras holds all of them,
so pip is asked which packages the wanted ones need; those alone are taken.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

LOCKS = Path("requirements")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: pip's, or 2 for an extra that there is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extras", default="", help="names with commas between them")
    parser.add_argument("wheels", type=Path, help="the folder that the wheels go to")
    chosen = parser.parse_args(arguments)
    try:
        wanted = requirements_of(Path("pyproject.toml").read_text(encoding="utf-8"), names(chosen.extras))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        # pyvips is an archive of sources: built without isolation, with the locked packages for building.
        pip("wheel", "--no-build-isolation", "--require-hashes", "--no-deps", *into(chosen.wheels, "runtime.txt"))
        if wanted:
            _add_extras(chosen.wheels, wanted)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def names(extras: str) -> list[str]:
    """The names of a list with commas."""
    return [name for name in (part.strip() for part in extras.split(",")) if name]


def requirements_of(project: str, extras: Sequence[str]) -> list[str]:
    """What `pyproject.toml` says that the extras need; ValueError names the one that it does not know."""
    known: dict[str, list[str]] = tomllib.loads(project)["project"]["optional-dependencies"]
    if unknown := [name for name in extras if name not in known]:
        raise ValueError(f"EXTRAS: no extra is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return [requirement for name in extras for requirement in known[name]]


def entries(lock: str) -> dict[str, list[str]]:
    """The entries of a lock with their hashes, by name; more than one where a marker decides."""
    found: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        if not entry.startswith("#"):
            found.setdefault(normal(entry.partition("==")[0]), []).append(entry)
    return found


def normal(name: str) -> str:
    """The name of a package as PyPA's name normalization writes it."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()


def into(wheels: Path, lock: str) -> list[str]:
    """Options of pip that say what goes where."""
    return ["-w", str(wheels), "-r", str(LOCKS / lock)]


def pip(*arguments: str) -> None:
    """Runs pip; CalledProcessError when it fails, after pip itself has said why."""
    subprocess.run([sys.executable, "-m", "pip", *arguments, "-q"], check=True)  # noqa: S603  pip, with our own words


def _add_extras(wheels: Path, wanted: Sequence[str]) -> None:
    locked = entries((LOCKS / "extras.txt").read_text(encoding="utf-8"))
    # pip takes no loose requirement together with hashes, so it is first asked for names, then given the hashes.
    constraints = [entry.partition("\\")[0] for found in locked.values() for entry in found]
    (LOCKS / "constraints.txt").write_text("\n".join(constraints), encoding="utf-8")
    report = Path("report.json")
    # Only wheels: they run nothing of their own when pip reads what they need.
    pip(
        *("install", "--dry-run", "--ignore-installed", "--only-binary=:all:", "--find-links", str(wheels)),
        *("--report", str(report), "-c", str(LOCKS / "constraints.txt"), *wanted),
    )
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    needed = {normal(package["metadata"]["name"]) for package in installed}
    needed -= entries((LOCKS / "runtime.txt").read_text(encoding="utf-8")).keys()
    chosen = "\n".join(entry for name in sorted(needed) for entry in locked[name])
    (LOCKS / "chosen.txt").write_text(chosen + "\n", encoding="utf-8")
    pip("wheel", "--require-hashes", "--no-deps", "--only-binary=:all:", *into(wheels, "chosen.txt"))


if __name__ == "__main__":
    sys.exit(main())
