"""The checks of a cloud assembly: cdk-nag's findings, cfn-lint, checkov.

Each answers lines that a person can act on; none is good.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

CHECK_SECONDS = 120

CDKS_OWN: Final = {
    "W3005": "the CDK writes a dependency that its references imply",
    "CKV_AWS_115": "runs during deployments alone",
    "CKV_AWS_116": "CloudFormation waits for it and sees its failure",
    "CKV_AWS_117": "speaks to the Systems Manager of another region, with no VPC of ours between",
}
"""Findings on the functions by which the CDK carries values between regions: it makes them while it synthesises, so no
reason can be written next to them."""


def templates(assembly: Path) -> list[Path]:
    """The templates of an assembly."""
    return sorted(assembly.glob("*.template.json"))


def validation_findings(assembly: Path) -> list[str]:
    """What cdk-nag and the CDK's own validators found: rule, construct and what to do."""
    report = assembly / "validation-report.json"
    if not report.exists():
        return [f"{report.name} is missing: no validator ran"]
    return list(_violations(json.loads(report.read_text(encoding="utf-8"))))


def _violations(report: dict[str, Any]) -> Iterator[str]:
    for plugin in report.get("pluginReports", []):
        for violation in plugin.get("violations", []):
            for construct in violation.get("violatingConstructs", [{}]):
                where = construct.get("constructPath", "?")
                yield f"{violation.get('ruleName')} {where}: {violation.get('description', '')}"


def lint_findings(assembly: Path, cfn_lint: Path) -> list[str]:
    """What cfn-lint says about an assembly's templates."""
    arguments = [str(cfn_lint), "--format", "parseable", "--", *map(str, templates(assembly))]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=CHECK_SECONDS)  # noqa: S603 - our own paths
    if done.returncode != 0 and not done.stdout.strip():
        return [f"cfn-lint ended with {done.returncode}: {done.stderr.strip()[-400:]}"]
    return [line for line in done.stdout.splitlines() if line.strip() and not _is_cdks_own(line)]


def checkov_findings(assembly: Path, checkov: Path) -> list[str]:
    """What checkov says about an assembly's templates; skips with a reason are in the templates themselves."""
    files = [argument for template in templates(assembly) for argument in ("-f", str(template))]
    arguments = [str(checkov), *files, "--framework", "cloudformation", "--skip-download", "--quiet", "-o", "json"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=CHECK_SECONDS)  # noqa: S603 - our own paths
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return [f"checkov ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}"]
    results = report if isinstance(report, list) else [report]
    failed = [check for result in results for check in result.get("results", {}).get("failed_checks", [])]
    lines = [f"{check['check_id']} {check['resource']}: {check['check_name']}" for check in failed]
    return [line for line in lines if not _is_cdks_own(line)]


def _is_cdks_own(finding: str) -> bool:
    return "CrossRegionExport" in finding and any(rule in finding for rule in CDKS_OWN)
