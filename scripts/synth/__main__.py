"""`make synth`: synthesises every variant and checks every template; without a network wherever that can be shut off.

    python -m scripts.synth [--variant NAME ...] [--into FOLDER] [--network]

Exit 0: no findings. 1: findings, each on a line. The goal is three minutes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.synth.assembly import synthesise
from scripts.synth.checks import checkov_findings, lint_findings, templates, validation_findings
from scripts.synth.variants import VARIANTS, write_stub_packages

GOAL_SECONDS = 180
_ALONE = "BILDWERK_SYNTH_ALONE"
_ROOT = Path(__file__).parents[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make synth", description="Synthesises and checks every variant.")
    parser.add_argument("--variant", action="append", choices=list(VARIANTS), help="only these")
    parser.add_argument("--into", type=Path, help="where the assemblies stay; a temporary folder if not given")
    parser.add_argument("--network", action="store_true", help="do not shut the network off")
    return parser.parse_args()


def _without_network() -> int | None:
    """Runs the same command where there is no network; None where that cannot be made."""
    unshare = shutil.which("unshare")
    alone = [unshare, "--map-root-user", "--net"] if unshare else []
    if not unshare or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:  # noqa: S603 - found by which
        print("the network cannot be shut off here: what follows may use it")
        return None
    command = [*alone, sys.executable, "-m", "scripts.synth", *sys.argv[1:]]
    return subprocess.run(command, check=False, env={**os.environ, _ALONE: "1"}, cwd=_ROOT).returncode  # noqa: S603 - ourselves


def _findings(assembly: Path) -> list[str]:
    programs = Path(sys.prefix)
    return [
        *validation_findings(assembly),
        *lint_findings(assembly, programs / "bin" / "cfn-lint"),
        *checkov_findings(assembly, programs / "checkov" / "bin" / "checkov"),
    ]


def _check(names: list[str], folder: Path) -> int:
    packages = write_stub_packages(folder / "packages")
    found = 0
    for name in names:
        begun = time.monotonic()
        assembly = synthesise(VARIANTS[name], packages=packages, into=folder / name)
        made = time.monotonic()
        findings = _findings(assembly)
        found += len(findings)
        took = f"synthesised in {made - begun:.1f} s, checked in {time.monotonic() - made:.1f} s"
        print(f"{name:14} {len(templates(assembly))} templates, {took}: {len(findings) or 'no'} findings", flush=True)
        for finding in findings:
            print(f"  {finding}")
    return found


def main() -> int:
    """Synthesises, checks, reports."""
    arguments = _arguments()
    if not arguments.network and _ALONE not in os.environ and (code := _without_network()) is not None:
        return code
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bildwerk-synth-") as scratch:
        folder = (arguments.into or Path(scratch)).absolute()
        found = _check(arguments.variant or list(VARIANTS), folder)
    seconds = time.monotonic() - begun
    alone = "without a network" if _ALONE in os.environ else "with the network open"
    print(f"{found or 'no'} findings in {seconds:.0f} s {alone}; the goal is {GOAL_SECONDS} s")
    return 1 if found or seconds > GOAL_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
