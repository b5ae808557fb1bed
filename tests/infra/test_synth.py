"""`make synth` says what is wrong with a template, and that nothing is wrong with ours, without a network."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from scripts.synth.checks import checkov_findings, lint_findings, validation_findings
from scripts.synth.variants import VARIANTS
from tests.infra.programs import ended

PROGRAMS = Path(sys.prefix)
OPEN_BUCKET = {
    "Resources": {
        "Open": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"AccessControl": "PublicRead", "BucketEncryptoin": {}},
        }
    }
}


@pytest.fixture
def open_assembly(tmp_path: Path) -> Path:
    """An assembly with a bucket that everybody reads and a property that does not exist."""
    (tmp_path / "Open.template.json").write_text(json.dumps(OPEN_BUCKET), encoding="utf-8")
    return tmp_path


def test_cfn_lint_names_a_property_that_does_not_exist(open_assembly: Path) -> None:
    """A check that never finds anything proves nothing."""
    findings = lint_findings(open_assembly, PROGRAMS / "bin" / "cfn-lint")

    assert any("BucketEncryptoin" in finding for finding in findings)


def test_checkov_names_a_public_bucket(open_assembly: Path) -> None:
    """CKV_AWS_20: a bucket that everybody reads."""
    program = PROGRAMS / "checkov" / "bin" / "checkov"
    if not program.exists():
        pytest.skip("checkov is not installed: make test installs it")

    assert any(finding.startswith("CKV_AWS_20 ") for finding in checkov_findings(open_assembly, program))


def test_an_assembly_without_a_validation_report_is_a_finding(open_assembly: Path) -> None:
    """Rules that were not asked are not rules that hold."""
    assert validation_findings(open_assembly) == ["validation-report.json is missing: no validator ran"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", VARIANTS)
def test_row_23_every_variant_is_synthesised_and_checked_without_findings(name: str) -> None:
    """The command that engineers run; it shuts the network off where it can."""
    done = ended("scripts.synth", "--variant", name, seconds=170)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no findings in" in done.stdout


def test_row_22_the_variants_differ_in_what_a_company_chooses() -> None:
    """Stage, region, domain, way of sources, deployment and authorization: both sides of each are synthesised."""
    variants = VARIANTS.values()

    assert {config.name for config in variants} == {"dev", "production"}
    assert {config.needs_edge_stack for config in variants} == {True, False}
    assert {config.delivery.domain is None for config in variants} == {True, False}
    assert {config.network.http_sources for config in variants} == {True, False}
    assert {config.renderer.canary for config in variants} == {True, False}
    assert {config.api.auth for config in variants} == {"tokens", "iam"}
    assert {bool(config.api.allow_origins) for config in variants} == {True, False}
