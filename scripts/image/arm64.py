"""The other architecture: every locked wheel for arm64, and a picture rendered by them under qemu's user emulation.

The image itself is not built for arm64 here; the packages in it are Debian's and the lock's, and these are tried.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from scripts.image.buildah import run
from scripts.image.proof import Finding
from scripts.image.targets import Target, add_pure_wheels, pip

EMULATOR: Final = "qemu-aarch64-static"
ARM64: Final = Target(machine="aarch64")

_SUITE: Final = "trixie"
PACKAGES: Final = ("ca-certificates", "libstdc++6", "python3")
"""What the Dockerfile installs for the running image."""


def on_arm64(folder: Path, project: Path, samples: Path, *, extras: str) -> Iterator[Finding]:
    """Findings of both kinds; without qemu or its architecture only of the first."""
    wheels = folder / "arm64-wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    wanted, chosen = folder / "arm64.txt", ARM64.locked(project, extras=extras)
    wanted.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    pip("download", "--no-deps", "--require-hashes", *ARM64.options, "-d", str(wheels), "-r", str(wanted))
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


def make_root(root: Path, *, emulator: str) -> None:
    """Debian's Python for arm64 in a folder of its own, anew, with the emulator that runs it."""
    shutil.rmtree(root, ignore_errors=True)
    options = (
        "--quiet",
        "--variant=extract",
        "--architectures=arm64",
        f"--include={','.join(('base-files', *PACKAGES))}",
    )
    run("mmdebstrap", *options, _SUITE, str(root))
    shutil.copy2(emulator, root / "usr" / "bin" / EMULATOR)


def python_in(root: Path, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The command that starts Python in such a folder; arguments may follow."""
    # Whoever sets GLIBC_TUNABLES is not started anew, which under emulation would need the kernel's help.
    environment = {"GLIBC_TUNABLES": "", "PATH": "/usr/bin", **variables}
    chroot = shutil.which("chroot") or "chroot"
    words = (f"{name}={value}" for name, value in environment.items())
    return ("env", "-i", *words, chroot, str(root), f"/usr/bin/{EMULATOR}", "/usr/bin/python3")


def _render(folder: Path, project: Path, source: Path, picture: Path, *, emulator: str) -> None:
    """Renders by Debian's Python for arm64 and the wheels, in a root of their own."""
    root = folder / "arm64-root"
    make_root(root, emulator=emulator)
    pure = folder / "arm64-pure"
    add_pure_wheels(project, pure)
    made = [str(wheel) for place in (folder / "arm64-wheels", pure) for wheel in place.glob("*.whl")]
    site = root / "opt" / "site"
    pip("install", "--no-index", "--no-deps", "--no-compile", *ARM64.options, "--target", str(site), *made)
    for package in ("bildwerk", "renderer", "api"):
        shutil.copytree(project / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(source, root / "source.jpg")
    command = ("-m", "bildwerk.main", "render", "/source.jpg", "/result.webp", "--options", "rs:fill:300:200")
    try:
        run(*python_in(root, {"PYTHONPATH": "/opt/site"}), *command)
    except subprocess.CalledProcessError:
        return  # said by the emulator, and counted as a finding
    shutil.copy2(root / "result.webp", picture)
