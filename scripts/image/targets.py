"""The locked packages for another machine and another Python than these: which entries of the locks, which wheels.

pip would judge markers by the Python that it runs in, so they are judged here, and what pip is given has none.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker

from scripts.image.buildah import run
from scripts.image.wheels import entries, names, normal, requirements_of

DEFAULT_EXTRAS: Final = "heif,jxl"
PYTHON: Final = "3.13"
"""Of the image's Debian, and the newest of Lambda's that is older than a year."""

SOURCES: Final = frozenset({"pyvips"})
"""What the lock has no wheels of; pyvips is built without a compiler into a wheel for every architecture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where packages are to run: Linux with glibc 2.28 or newer.

    Attributes:
        machine: as `uname -m` names it there: `aarch64`, `x86_64`.
        python: minor version of CPython.
    """

    machine: str
    python: str = PYTHON

    @property
    def options(self) -> tuple[str, ...]:
        """Options of pip that take the wheels for it, and nothing else."""
        tags = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
        return (
            # The lock has decided which version is for which Python; pip would ask about the one that it runs in.
            *("--only-binary=:all:", "--ignore-requires-python", "--implementation", "cp"),
            *("--python-version", self.python),
            *(word for tag in tags for word in ("--platform", f"{tag}_{self.machine}")),
            *(word for abi in (f"cp{self.python.replace('.', '')}", "abi3", "none") for word in ("--abi", abi)),
        )

    def applicable(self, found: Sequence[str]) -> Iterator[str]:
        """Those of a package's entries whose markers hold there, without the markers."""
        there = {"python_version": self.python, "python_full_version": f"{self.python}.0"}
        there |= {"platform_machine": self.machine, "sys_platform": "linux"}
        for entry in found:
            requirement, _, hashes = entry.partition("\\")
            name, _, marker = requirement.partition(";")
            if not marker or Marker(marker.strip()).evaluate(dict(there)):
                yield f"{name.strip()} \\{hashes}"

    def locked(self, project: Path, *, extras: str) -> list[str]:
        """The lock's entries of what Bildwerk with these extras needs there, but for those without wheels."""
        runtime, further = (_lock(project, name) for name in ("runtime.txt", "extras.txt"))
        wanted = requirements_of((project / "pyproject.toml").read_text(encoding="utf-8"), names(extras))
        direct = {normal(requirement.split(">")[0].split("=")[0].split("[")[0]) for requirement in wanted}
        chosen = [*runtime.items(), *((name, further[name]) for name in sorted(direct) if name not in runtime)]
        return [entry for name, found in chosen if name not in SOURCES for entry in self.applicable(found)]


def without_wheels(project: Path) -> list[str]:
    """The lock's entries of `SOURCES`."""
    runtime = _lock(project, "runtime.txt")
    return [entry for name in sorted(SOURCES) for entry in runtime[name]]


def add_pure_wheels(project: Path, wheels: Path) -> None:
    """Builds what has no wheels into a folder; RuntimeError when one has become this machine's alone."""
    with tempfile.TemporaryDirectory() as nothing:
        lock = Path(nothing, "sources.txt")
        lock.write_text("\n".join([*without_wheels(project), ""]), encoding="utf-8")
        # pyvips would bind itself to a libvips that pkg-config finds, instead of the one of its wheel.
        hidden = ("env", "PKG_CONFIG_PATH=", f"PKG_CONFIG_LIBDIR={nothing}")
        options = ("--no-deps", "--no-build-isolation", "--require-hashes", "-w", str(wheels), "-r", str(lock))
        run(*hidden, *_PIP, "wheel", *options)
    if compiled := [wheel.name for wheel in wheels.glob("*.whl") if not wheel.stem.endswith("-none-any")]:
        raise RuntimeError(f"these run on this machine only: {', '.join(compiled)}")


def pip(*arguments: str) -> None:
    """Runs this environment's pip; CalledProcessError when it fails, after pip itself has said why."""
    run(*_PIP, *arguments)


_PIP: Final = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")


def _lock(project: Path, name: str) -> dict[str, list[str]]:
    return entries((project / "requirements" / name).read_text(encoding="utf-8"))
