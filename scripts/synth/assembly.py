"""A variant as a cloud assembly on disk, with cdk-nag's findings in its validation report."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.app import add_stacks
from infra.config import StageConfig


def synthesise(config: StageConfig, *, packages: Path, into: Path) -> Path:
    """Writes the assembly and answers its folder; findings do not raise, they are in `validation-report.json`."""
    app = App(outdir=str(into), analytics_reporting=False)
    add_stacks(app, config, packages=packages)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        # jsii raises what the CDK throws: with findings the assembly and the report are there, else it is a real error.
        if "Validation failed" not in str(error) or not (into / "validation-report.json").exists():
            raise
    return into
