"""Files out of Debian's packages, where apt is there: unpacked and not installed, so that nothing else changes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

DOWNLOAD_SECONDS: Final = 300

Say = Callable[[str], None]


def unpack(packages: Sequence[str], folder: Path, say: Say) -> list[str]:
    """Downloads packages into a folder that is there, and unpacks them into `unpacked` in it.

    Returns:
        Their names with versions; none where there is no apt, or no network.
    """
    apt, extract = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or extract is None:
        say("there is no apt-get here")
        return []
    say("downloading " + ", ".join(packages))
    # As another user apt could not write into this folder.
    download = [apt, "download", "-qq", "-o", "APT::Sandbox::User=root", *packages]
    # Where that fails, the lists of packages may be old, or not there at all.
    update = [apt, "update", "-qq"]
    if not _runs(download, folder, say) and not (_runs(update, folder, say) and _runs(download, folder, say)):
        return []
    files = sorted(folder.glob("*.deb"))
    if not all(_runs([extract, "--extract", str(file), str(folder / "unpacked")], folder, say) for file in files):
        return []
    return [" ".join(file.name.replace("%3a", ":").split("_")[:2]) for file in files]


def _runs(command: list[str], folder: Path, say: Say) -> bool:
    """Whether a command succeeds; what it complains about is said."""
    name = f"{Path(command[0]).name} {command[1]}"
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=DOWNLOAD_SECONDS, check=False)  # noqa: S603  a program of the system
    except subprocess.TimeoutExpired:
        say(f"{name} took more than {DOWNLOAD_SECONDS} s")
        return False
    if done.returncode:
        say(f"{name} failed: " + re.sub(r"\s+", " ", done.stderr.decode(errors="replace"))[:200])
    return done.returncode == 0
