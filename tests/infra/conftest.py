"""Synthesised variants of the deployment, each made once for a test process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

_ASSEMBLIES = tempfile.TemporaryDirectory(prefix="bildwerk-assemblies-")
"""Where the CDK's node, which starts with the import and keeps its temporary folder, leaves what it synthesises."""

with pytest.MonkeyPatch.context() as _starting:
    _starting.setenv("TMPDIR", _ASSEMBLIES.name)
    from infra.app import add_stacks  # before anything of aws_cdk, so that it runs on the node that is installed
    from scripts.synth.variants import VARIANTS, write_stub_packages

if TYPE_CHECKING:
    from aws_cdk import Stack
    from aws_cdk.assertions import Template

T_co = TypeVar("T_co", covariant=True)

NAMES = (*VARIANTS, "edge", "watch")

_OF_OPERATORS = ("AWS_", "BILDWERK_", "IMGPROXY_")
_PAST_PROXIES = "127.0.0.1,localhost"


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_an_operator() -> Iterator[None]:
    """Tests run where deployments are made: a profile, an endpoint or a stage of the shell must not reach them.

    A proxy stays, since packages may come through it, but not on the way to this machine.
    """
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(_OF_OPERATORS)]:
            environment.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            environment.setenv(name, os.devnull)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("no_proxy", "NO_PROXY"):
            environment.setenv(name, ",".join(filter(None, [os.environ.get(name, ""), _PAST_PROXIES])))
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """The assemblies go with the last test."""
    yield
    _ASSEMBLIES.cleanup()


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
