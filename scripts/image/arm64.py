"""The other architecture: every locked wheel for arm64, and a picture rendered by them under qemu's user emulation.

The image itself is not built for arm64 here; the packages in it are Debian's and the lock's, and these are tried.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from packaging.markers import Marker

from scripts.image.buildah import run
from scripts.image.proof import Finding
from scripts.image.wheels import entries, names, normal, requirements_of

EMULATOR: Final = "qemu-aarch64-static"
PYTHON: Final = "3.13"
"""Of the image's Debian."""

TAGS: Final = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
SOURCES: Final = frozenset({"pyvips"})
"""What the lock has no wheels of; pyvips is built without a compiler into a wheel for every architecture."""

_SUITE: Final = "trixie"
PACKAGES: Final = ("ca-certificates", "libstdc++6", "python3")
"""What the Dockerfile installs for the running image."""


def on_arm64(folder: Path, project: Path, samples: Path, *, extras: str) -> Iterator[Finding]:
    """Findings of both kinds; without qemu or its architecture only of the first."""
    wheels = folder / "arm64-wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    wanted, chosen = folder / "arm64.txt", locked(project, extras=extras)
    wanted.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    pip("download", "--no-deps", "--require-hashes", *_PLATFORM, "-d", str(wheels), "-r", str(wanted))
    count = len(list(wheels.iterdir()))
    yield Finding(
        what="arm64: wheels of the lock, with its hashes", found=f"{count} of {len(chosen)}", holds=count == len(chosen)
    )
    if (emulator := shutil.which(EMULATOR)) is None:
        yield Finding(what="arm64: a picture", found=f"not tried: no {EMULATOR} here", holds=True)
        return
    picture = folder / "results" / "arm64.webp"
    _render(folder, project, samples / "landscape.jpg", picture, emulator=emulator)
    shutil.rmtree(folder / "arm64-root")
    found = f"{picture.stat().st_size} bytes, under qemu" if picture.exists() else "none"
    yield Finding(what="arm64: a picture", found=found, holds=picture.exists())


def locked(project: Path, *, extras: str) -> list[str]:
    """The lock's entries of what the image holds, as they are on arm64 and the image's Python.

    pip would judge markers by the Python that it runs in, so they are judged here.
    """
    runtime, further = (
        entries((project / "requirements" / name).read_text(encoding="utf-8")) for name in ("runtime.txt", "extras.txt")
    )
    wanted = requirements_of((project / "pyproject.toml").read_text(encoding="utf-8"), names(extras))
    direct = {normal(requirement.split(">")[0].split("=")[0].split("[")[0]) for requirement in wanted}
    chosen = [*runtime.items(), *((name, further[name]) for name in sorted(direct) if name not in runtime)]
    return [entry for name, found in chosen if name not in SOURCES for entry in applicable(found)]


def applicable(found: Sequence[str]) -> Iterator[str]:
    """Those of a package's entries whose markers hold there, without the markers."""
    there = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "platform_machine": "aarch64"}
    for entry in found:
        requirement, _, hashes = entry.partition("\\")
        name, _, marker = requirement.partition(";")
        if not marker or Marker(marker.strip()).evaluate({**there, "sys_platform": "linux"}):
            yield f"{name.strip()} \\{hashes}"


def pip(*arguments: str) -> None:
    """Runs this environment's pip; CalledProcessError when it fails, after pip itself has said why."""
    run(sys.executable, "-m", "pip", "-q", *arguments)


_PLATFORM: Final = (
    # The lock has decided which version is for which Python; pip would ask about the one that it runs in.
    *("--only-binary=:all:", "--ignore-requires-python", "--implementation", "cp", "--python-version", PYTHON),
    *(word for tag in TAGS for word in ("--platform", tag)),
    *(word for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none") for word in ("--abi", abi)),
)


def _render(folder: Path, project: Path, source: Path, picture: Path, *, emulator: str) -> None:
    """Renders by Debian's Python for arm64 and the wheels, in a root of their own."""
    root = folder / "arm64-root"
    shutil.rmtree(root, ignore_errors=True)
    options = (
        "--quiet",
        "--variant=extract",
        "--architectures=arm64",
        f"--include={','.join(('base-files', *PACKAGES))}",
    )
    run("mmdebstrap", *options, _SUITE, str(root))
    # Those that have no wheel in the lock: as this machine's set-up has built them, for every architecture.
    pure = folder / "arm64-pure"
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(pure), *_pinned(project))
    made = [str(wheel) for place in (folder / "arm64-wheels", pure) for wheel in place.glob("*.whl")]
    site = root / "opt" / "site"
    pip("install", "--no-index", "--no-deps", "--no-compile", *_PLATFORM, "--target", str(site), *made)
    for package in ("bildwerk", "renderer", "api"):
        shutil.copytree(project / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(emulator, root / "usr" / "bin" / EMULATOR)
    shutil.copy2(source, root / "source.jpg")
    # Whoever sets GLIBC_TUNABLES is not started anew, which under emulation would need the kernel's help.
    variables = ("PYTHONPATH=/opt/site", "GLIBC_TUNABLES=", "PATH=/usr/bin")
    python = (f"/usr/bin/{EMULATOR}", "/usr/bin/python3", "-m", "bildwerk.main")
    command = ("render", "/source.jpg", "/result.webp", "--options", "rs:fill:300:200")
    try:
        run("env", "-i", *variables, shutil.which("chroot") or "chroot", str(root), *python, *command)
    except subprocess.CalledProcessError:
        return  # said by the emulator, and counted as a finding
    shutil.copy2(root / "result.webp", picture)


def _pinned(project: Path) -> list[str]:
    runtime = entries((project / "requirements" / "runtime.txt").read_text(encoding="utf-8"))
    return [entry.partition("\\")[0].strip() for name in sorted(SOURCES) for entry in runtime[name]]
