"""The environment of the upload API's functions: the API's own loader and composition root take it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from aws_cdk.assertions import Template

from api.opened import open_services
from api.settings import TABLES, load_api_settings
from infra.config import ApiConfig, ConfigurationError
from infra.uploads.api_functions import SHAPES
from infra.uploads.function_resources import HTTP_FUNCTIONS, RESULTS_MEMORY_SECONDS
from renderer.settings.load import unknown_names
from renderer.settings.results import ResultSettings
from tests.infra.api_parts import api_template, functions, resolved

NAMES: Final = sorted(SHAPES)
ORIGINS: Final = ("https://editor.example.com", "https://shop.example.com")
PURGE_RESULTS: Final = {"upload", "delete", "arrival", "purge"}
"""Those that reach the store of results (docs/api.md, "On AWS")."""


@pytest.fixture(scope="module")
def template(stub_packages: Path) -> Template:
    """With tokens, for pages of two origins."""
    return api_template(ApiConfig(allow_origins=ORIGINS), stub_packages)


def _environment(template: Template, name: str) -> dict[str, str]:
    return resolved(functions(template)[name]["Environment"]["Variables"])


@pytest.mark.parametrize("name", NAMES)
def test_the_api_starts_with_what_each_function_is_given(template: Template, name: str) -> None:
    """By its own loader and composition root, which open no connection."""
    environment = _environment(template, name)

    services = open_services(load_api_settings(environment), has_tokens=name == "authorize")

    assert unknown_names(environment, TABLES.values()) == []
    assert services.settings.store.bucket == "StorageOriginals"
    assert (services.tokens is not None) == (name == "authorize")
    assert (services.invalidations is not None) == (name == "purge")
    assert (services.results is not None) == (name in PURGE_RESULTS)


def test_pages_of_the_configured_origins_may_use_the_api(template: Template) -> None:
    """Those that answer requests know them; the others have no use for them."""
    told = {name: load_api_settings(_environment(template, name)).access.allow_origins for name in NAMES}

    assert told == {name: ORIGINS if name in HTTP_FUNCTIONS else () for name in NAMES}


def test_only_one_function_each_knows_the_tokens_and_the_distribution(template: Template) -> None:
    """What a function is not told, it cannot give away."""
    holders = {
        variable: [name for name in NAMES if variable in _environment(template, name)]
        for variable in ("BILDWERK_API_TOKENS_SECRET", "BILDWERK_DISTRIBUTION_ID", "BILDWERK_API_TOKENS")
    }

    assert holders == {
        "BILDWERK_API_TOKENS_SECRET": ["authorize"],
        "BILDWERK_DISTRIBUTION_ID": ["purge"],
        "BILDWERK_API_TOKENS": [],
    }


def test_row_20_functions_that_fetch_urls_reach_no_inner_address(templates: Mapping[str, Template]) -> None:
    """The stack opens nothing and puts them into no VPC; what the guard refuses, tests/api/test_downloads.py shows."""
    for template in templates.values():
        for name, function in functions(template).items():
            uploads = load_api_settings(_environment(template, name)).uploads
            assert (uploads.allow_http, uploads.allow_addresses) == (False, ())
            assert "VpcConfig" not in function
    assert "SourceForbiddenAddress" in (Path(__file__).parents[1] / "api" / "test_downloads.py").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("timeout_seconds", [2, 10, 60, 90])
def test_a_purge_is_repeated_after_the_last_old_picture(stub_packages: Path, timeout_seconds: int) -> None:
    """What began to be rendered before it, and then lay in a task's memory."""
    template = api_template(ApiConfig(), stub_packages, timeout_seconds=timeout_seconds)
    again = load_api_settings(_environment(template, "purge")).store.purge_again_seconds

    assert ResultSettings().memory_seconds == RESULTS_MEMORY_SECONDS
    assert timeout_seconds + RESULTS_MEMORY_SECONDS < again <= 900


def test_further_settings_reach_every_function(stub_packages: Path) -> None:
    """As they are given."""
    template = api_template(ApiConfig(settings=(("BILDWERK_UPLOAD_SVG", "refuse"),)), stub_packages)

    assert {load_api_settings(_environment(template, name)).uploads.svg for name in NAMES} == {"refuse"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("BILDWERK_BUCKET", "which the stack sets itself: leave it out"),
        ("BILDWERK_API_TOKENS", "put tokens into the secret of the stack"),
    ],
)
def test_settings_that_cannot_be_are_told(stub_packages: Path, name: str, sentence: str) -> None:
    """A bucket of somebody else's, or tokens for everybody who may look at a function."""
    with pytest.raises(ConfigurationError, match=f"api.settings has {name}.*{sentence}"):
        api_template(ApiConfig(settings=((name, "x"),)), stub_packages)
