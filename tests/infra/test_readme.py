"""The page of whoever deploys: what it says about code is what the code says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aws_cdk.assertions import Template

from infra.simulation.bill import bill
from infra.smoke.__main__ import STEPS
from infra.stages import development, production

ROOT = Path(__file__).parents[2]
README = (ROOT / "infra" / "README.md").read_text(encoding="utf-8")


def test_every_step_of_the_smoke_test_is_told_with_what_it_proves() -> None:
    """And nothing is called a step that is none."""
    section = README.partition("## What is proven, and how")[2].partition("\n## ")[0]
    told = set(re.findall(r"`([a-z0-9-]+)`", section))

    assert told == {step.name for step in STEPS}


def test_the_cost_table_is_what_the_simulation_computes() -> None:
    """`python -m infra.simulation --cost` writes it; copy it when prices or sizes change."""
    assert bill([(1e7, development()), (1e7, production()), (1e9, production())]) in README


def test_outputs_that_the_page_names_are_the_stacks(templates: Mapping[str, Template]) -> None:
    named = set(re.findall(r"<([A-Z]\w+)>", README)) | set(re.findall(r"outputs? `(\w+)`", README))
    for template in (templates["production"], templates["europe"]):
        assert sorted(named - set(template.to_json()["Outputs"])) == []
    assert "DistributionId" in named


def test_files_that_the_page_names_exist() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", README)]
    named = re.findall(r"`((?:infra|tests|scripts|docs)/[\w./]*)`", README)

    assert [link for link in links if link and not (ROOT / "infra" / link).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []
