"""Synthesised variants of the deployment, each made once for a test process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.app import add_stacks  # before anything of aws_cdk, so that it runs on the node that is installed with it
from scripts.synth.variants import VARIANTS, write_stub_packages

if TYPE_CHECKING:
    from aws_cdk import Stack
    from aws_cdk.assertions import Template


@pytest.fixture(scope="session")
def stub_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders as `make packages` writes them, with next to nothing inside."""
    return write_stub_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def stacks(stub_packages: Path) -> Mapping[str, Stack]:
    """The stack of each variant, and `edge` and `watch`: the further ones of `europe`."""
    from aws_cdk import App, Stack

    found: dict[str, Stack] = {}
    for name, config in VARIANTS.items():
        app = App(analytics_reporting=False)
        found[name] = add_stacks(app, config, packages=stub_packages)
        others = {child.node.id.rpartition("-")[2]: child for child in app.node.children if isinstance(child, Stack)}
        found |= {name: others[name] for name in ("edge", "watch") if name in others}
    return found


@pytest.fixture(scope="session")
def templates(stacks: Mapping[str, Stack]) -> Mapping[str, Template]:
    """Their templates: dev, production, europe, http_sources, canary_iam, edge, watch."""
    from aws_cdk.assertions import Template

    return {name: Template.from_stack(stack) for name, stack in stacks.items()}
