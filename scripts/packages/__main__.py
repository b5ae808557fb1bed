"""Builds what the Lambda functions of the upload API run on, without Docker, and says how large it is.

    python -m scripts.packages [--into .packages] [--prove]

Two folders, which CDK takes as they are: `plain`, and `pictures` for the functions that look at pictures. They are of
the repository's own locks, for Python 3.13 on arm64 (Amazon Linux 2023). What has not changed is not built again.
`--prove` starts functions of both and uploads pictures: those for this machine's architecture as they are, those for
arm64 elsewhere under qemu's user emulation, which needs root, mmdebstrap and qemu-user-static.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from scripts.image.proof import Finding
from scripts.image.targets import DEFAULT_EXTRAS, PYTHON, Target
from scripts.packages.building import MAX_UNZIPPED_BYTES, Recipe, build, found_compiler, unzipped_bytes, zipped_bytes
from scripts.packages.contents import FUNCTIONS, PACKAGES
from scripts.packages.proof import proven

ROOT: Final = Path(__file__).parents[2]
MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Names of AWS Lambda, and what `uname -m` says there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 when something failed or does not hold, 2 for an extra that there is not."""
    chosen = _parser().parse_args(arguments)
    target = Target(machine=MACHINES[chosen.architecture], python=chosen.python)
    compiler = found_compiler(target)
    try:
        _build(Recipe(target=target, extras=chosen.extras, compiler=compiler), chosen.into)
        if not chosen.prove:
            return 0
        with tempfile.TemporaryDirectory() as folder:
            findings = proven(chosen.into, Path(folder), chosen.samples, python=compiler, machine=target.machine)
            return _told(findings)
    except subprocess.CalledProcessError as error:
        program = next(word for word in error.cmd if word != "nice")
        print(f"make packages: {Path(program).name} failed with {error.returncode}", file=sys.stderr)
        return 1
    except RuntimeError as error:
        print(f"make packages: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"make packages: {error}", file=sys.stderr)
        return 2


def _build(recipe: Recipe, into: Path) -> None:
    began = time.monotonic()
    took = f"built in {time.monotonic() - began:.0f} s" if build(recipe, into) else "as they were"
    for package in PACKAGES:
        place = into / package
        sizes = f"{unzipped_bytes(place) / 1e6:6.1f} MB (at most {MAX_UNZIPPED_BYTES / 1e6:.0f})"
        functions = ", ".join(function for function, its in FUNCTIONS.items() if its == package)
        print(f"{package:9} {sizes}, zipped {zipped_bytes(place) / 1e6:5.1f} MB: {functions}", flush=True)
    print(f"{took}, for Python {recipe.target.python} on {recipe.target.machine}")
    if recipe.compiler is None:
        print(
            f"No Python {recipe.target.python} here: there is no byte code, so each cold start compiles for a second."
        )


def _told(findings: Iterable[Finding]) -> int:
    failed = 0
    for finding in findings:
        failed += not finding.holds
        print(f"{'ok  ' if finding.holds else 'FAIL'} {finding.what:28} {finding.found}", flush=True)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.packages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, default=ROOT / ".packages", help="the folder of both packages")
    parser.add_argument("--architecture", choices=sorted(MACHINES), default="arm64", help="of the functions")
    parser.add_argument("--python", default=PYTHON, help="minor version of the functions' runtime")
    parser.add_argument("--extras", default=DEFAULT_EXTRAS, help="further formats, as the image has them")
    parser.add_argument("--prove", action="store_true", help="start functions of both, and upload pictures")
    parser.add_argument("--samples", type=Path, default=ROOT / ".samples", help="the folder of `make samples`")
    return parser


if __name__ == "__main__":
    sys.exit(main())
