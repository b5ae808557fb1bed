"""Builds the container image without Docker and without a registry, runs it, and says whether it is as it should be.

    python -m scripts.image [--extras heif,jxl] [--fresh] [--no-arm64]

The base that the Dockerfile pins is replaced by one from Debian's packages. It needs root, buildah and mmdebstrap, and
for the picture on arm64 qemu-user-static. All that it makes lies in `.venv/image`; the first pictures stay there.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from scripts.image.arm64 import on_arm64
from scripts.image.buildah import Buildah
from scripts.image.container import Container
from scripts.image.proof import MAX_COMPRESSED_MB, Finding, add_heic, rendering, still, uploading
from scripts.image.targets import DEFAULT_EXTRAS

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / ".venv" / "image"
TOOLS: Final = ("buildah", "mmdebstrap", "unshare", "nsenter", "setpriv", "chroot", "mount")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 when something does not hold, 2 when it cannot be tried here."""
    chosen = _parser().parse_args(arguments)
    if problem := what_is_missing():
        print(f"make image: {problem}", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    buildah = Buildah(folder=FOLDER, driver=chosen.storage_driver)
    try:
        if chosen.fresh or not buildah.has_base():
            print("Making a base from Debian's packages ...", flush=True)
            buildah.make_base()
        print("Building the image ...", flush=True)
        buildah.build(ROOT, extras=chosen.extras)
        findings = _findings(buildah, chosen.samples, extras=chosen.extras)
        on_other = () if chosen.no_arm64 else on_arm64(FOLDER, ROOT, chosen.samples, extras=chosen.extras)
        return _told(itertools.chain(findings, on_other))
    except subprocess.CalledProcessError as error:
        program = next(word for word in error.cmd if word != "nice")
        print(f"make image: {Path(program).name} failed with {error.returncode}", file=sys.stderr)
        return 1
    finally:
        buildah.close()


def what_is_missing() -> str | None:
    """Why the image cannot be built here, in words for whoever asked for it."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"not here: {', '.join(missing)}; on Debian: apt-get install buildah mmdebstrap util-linux"
    if os.geteuid() != 0:
        return "it mounts what it has built, so it must be started as root"
    return None


def _findings(buildah: Buildah, samples: Path, *, extras: str) -> Iterable[Finding]:
    megabytes = buildah.compressed_bytes() / 1e6
    found = f"{megabytes:.1f} MB (less than {MAX_COMPRESSED_MB} for the default set)"
    is_small = megabytes < MAX_COMPRESSED_MB or extras != DEFAULT_EXTRAS
    yield Finding(what="compressed size", found=found, holds=is_small)
    results = FOLDER / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    with buildah.mounted() as root:
        pictures = add_heic(samples, results)
        container = Container(root=root, config=buildah.config(), pictures=pictures)
        yield from still(container)
        yield from rendering(container, results, extras=extras)
        yield from uploading(container, results)


def _told(findings: Iterable[Finding]) -> int:
    count = failed = 0
    for finding in findings:
        count, failed = count + 1, failed + (not finding.holds)
        print(f"{'ok  ' if finding.holds else 'FAIL'} {finding.what:52} {finding.found}", flush=True)
    print(f"{count - failed} passed, {failed} failed; pictures: {FOLDER / 'results'}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--extras", default=DEFAULT_EXTRAS, help="the build argument EXTRAS")
    parser.add_argument("--samples", type=Path, default=ROOT / ".samples", help="the folder of `make samples`")
    parser.add_argument("--fresh", action="store_true", help="make the base anew, and so everything on it")
    parser.add_argument("--no-arm64", action="store_true", help="leave the other architecture out")
    parser.add_argument("--storage-driver", default="overlay", help="buildah's; vfs where there is no overlay")
    return parser


if __name__ == "__main__":
    sys.exit(main())
