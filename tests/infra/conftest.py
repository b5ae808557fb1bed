"""Synthesised variants of the deployment, each made once for a test process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from infra.app import add_stacks  # before anything of aws_cdk, so that it runs on the node that is installed with it
from scripts.synth.variants import VARIANTS, write_stub_packages

if TYPE_CHECKING:
    from aws_cdk import Stack
    from aws_cdk.assertions import Template

T_co = TypeVar("T_co", covariant=True)

NAMES = (*VARIANTS, "edge", "watch")


@pytest.fixture(scope="session")
def stub_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders as `make packages` writes them, with next to nothing inside."""
    return write_stub_packages(tmp_path_factory.mktemp("packages"))


class Synthesised(Mapping[str, T_co]):
    """Values by the name of a stack, each made when it is asked for: a test of one variant waits for no other.

    Names are those of `VARIANTS`, and `edge` and `watch`, which are the further stacks of `europe`.
    """

    def __init__(self, make: Callable[[str], T_co]) -> None:
        self._make = cache(make)

    def __getitem__(self, name: str) -> T_co:
        if name not in NAMES:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@pytest.fixture(scope="session")
def stacks(stub_packages: Path) -> Mapping[str, Stack]:
    """The stack of each variant, and the further ones of `europe`."""
    from aws_cdk import App, Stack

    @cache
    def variant(name: str) -> tuple[Stack, App]:
        app = App(analytics_reporting=False)
        return add_stacks(app, VARIANTS[name], packages=stub_packages), app

    def make(name: str) -> Stack:
        if name in VARIANTS:
            return variant(name)[0]
        _, app = variant("europe")
        (found,) = (one for one in app.node.children if isinstance(one, Stack) and one.node.id.endswith(f"-{name}"))
        return found

    return Synthesised(make)


@pytest.fixture(scope="session")
def templates(stacks: Mapping[str, Stack]) -> Mapping[str, Template]:
    """Their templates: dev, production, europe, http_sources, canary_iam, edge, watch."""
    from aws_cdk.assertions import Template

    return Synthesised(lambda name: Template.from_stack(stacks[name]))
