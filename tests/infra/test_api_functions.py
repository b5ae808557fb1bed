"""The functions of the upload API: what each may do, and how it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from aws_cdk.assertions import Template

from api import keys
from infra.config import ApiConfig, ConfigurationError
from infra.uploads.api_functions import EVENT_FUNCTIONS, RUNTIME, SHAPES
from infra.uploads.function_grants import INCOMING, MARKERS, RESULTS
from infra.uploads.function_resources import GATEWAY_SECONDS, HTTP_FUNCTIONS
from renderer.cache import layout
from scripts.image.targets import PYTHON
from scripts.packages.contents import FUNCTIONS as PACKAGES
from tests.infra.api_parts import api_template, functions, statements, where
from tests.infra.template_reading import properties_by_id

ROOT: Final = Path(__file__).parents[2]
NAMES: Final = sorted(SHAPES)
RESULTS_RIGHTS: Final = {
    ("s3:PutObject", "StorageResults/purged/*"),
    ("s3:DeleteObject", "StorageResults/results/*"),
    ("s3:ListBucket", "StorageResults"),
}
STORE_RIGHTS: Final = {
    ("s3:GetObject", "StorageOriginals/*"),
    ("s3:PutObject", "StorageOriginals/*"),
    ("s3:ListBucket", "StorageOriginals"),
    ("sqs:SendMessage", "PurgesQueue"),
    *RESULTS_RIGHTS,
}
RIGHTS: Final[Mapping[str, set[tuple[str, str]]]] = {
    "upload": STORE_RIGHTS,
    "arrival": STORE_RIGHTS | {("s3:DeleteObject", "StorageOriginals/incoming/*")},
    "delete": {
        ("s3:GetObject", "StorageOriginals/*"),
        ("s3:DeleteObject", "StorageOriginals/*"),
        ("s3:DeleteObjectVersion", "StorageOriginals/*"),
        ("s3:ListBucket", "StorageOriginals"),
        ("s3:ListBucketVersions", "StorageOriginals"),
        ("sqs:SendMessage", "PurgesQueue"),
        *RESULTS_RIGHTS,
    },
    "read": {("s3:GetObject", "StorageOriginals/*"), ("s3:ListBucket", "StorageOriginals")},
    "presign": {
        ("s3:GetObject", "StorageOriginals/incoming/*"),
        ("s3:PutObject", "StorageOriginals/incoming/*"),
        ("s3:ListBucket", "StorageOriginals"),
    },
    "authorize": {("secretsmanager:GetSecretValue", "SecretsApiTokens")},
    "change": {("sqs:SendMessage", "PurgesQueue")},
    "purge": {
        ("cloudfront:CreateInvalidation", "the distribution"),
        ("sqs:SendMessage", "PurgesQueue"),
        ("sqs:ReceiveMessage", "PurgesQueue"),
        ("sqs:DeleteMessage", "PurgesQueue"),
        ("sqs:GetQueueAttributes", "PurgesQueue"),
        *RESULTS_RIGHTS,
    },
}
"""What each may do and where: docs/security.md, in the words of the template."""


@pytest.fixture(scope="module")
def template(stub_packages: Path) -> Template:
    """With tokens."""
    return api_template(ApiConfig(), stub_packages)


def _allowed(template: Template, name: str) -> set[tuple[str, str]]:
    """Action and resource of each right that a function has, without those that Lambda itself uses."""
    found = set()
    for statement in statements(template, name):
        assert statement["Effect"] == "Allow"
        on = "the distribution" if "distribution/" in str(statement["Resource"]) else where(statement["Resource"])
        found |= {(action, on) for action in statement["Action"]}
    log = f"Functions{name.capitalize()}Log"
    own = {("logs:CreateLogStream", log), ("logs:PutLogEvents", log)}
    own |= {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
    assert own <= found, "no logs or no traces"
    if name in EVENT_FUNCTIONS:
        failures = {(f"sqs:{action}", "FunctionsFailures") for action in ("GetQueueAttributes", "GetQueueUrl")}
        own |= {*failures, ("sqs:SendMessage", "FunctionsFailures")}
    return found - own


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", ["dev", "production", "europe", "canary_iam"])
def test_row_04_functions_may_do_what_the_table_says_and_no_more(
    templates: Mapping[str, Template], variant: str, name: str
) -> None:
    """Neither more actions nor more resources: no wildcard but for X-Ray, whose actions have no resources."""
    if (variant, name) == ("canary_iam", "authorize"):
        assert name not in functions(templates[variant])
        return

    assert _allowed(templates[variant], name) == RIGHTS[name]


def test_row_04_each_function_has_a_role_of_its_own_and_no_managed_policy(templates: Mapping[str, Template]) -> None:
    """A managed policy reaches every log group of the account."""
    template = templates["production"]
    roles = [found["Role"]["Fn::GetAtt"][0] for found in functions(template).values()]

    assert len(set(roles)) == len(NAMES)
    assert [properties_by_id(template, "AWS::IAM::Role")[role].get("ManagedPolicyArns") for role in roles] == [
        None
    ] * len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_in_the_documentation_says_the_same(name: str) -> None:
    """An operator who wires the functions by hand gives them these."""
    table = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows_ = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table.partition("| function | may do |")[2], re.MULTILINE))
    told = set(re.findall(r"\b[a-z0-9]+:[A-Z]\w+", rows_["upload" if "the same" in rows_[name] else name]))
    told |= set(re.findall(r"\b[a-z0-9]+:[A-Z]\w+", rows_[name]))
    if "results" in rows_[name] or "the same" in rows_[name]:
        told |= {"s3:PutObject", "s3:DeleteObject", "s3:ListBucket"}

    assert {action for action, _ in RIGHTS[name]} == told


def test_names_of_places_are_the_servers_and_the_apis() -> None:
    """Rights on prefixes that nobody uses would be none."""
    assert (INCOMING, RESULTS, MARKERS) == (keys.INCOMING, layout.RESULTS, layout.MARKERS)


def test_functions_are_the_entry_points_of_the_api() -> None:
    """Each entry point is deployed, with the code that `make packages` makes for it."""
    tree = ast.parse((ROOT / "api" / "functions.py").read_text(encoding="utf-8"))
    decorated = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}

    assert decorated == set(SHAPES)
    assert {name: shape.package for name, shape in SHAPES.items()} == PACKAGES
    assert RUNTIME.name == f"python{PYTHON}"


def test_code_that_is_not_built_is_told(tmp_path: Path) -> None:
    """Before a template exists, with what to do."""
    (tmp_path / "plain").mkdir()

    with pytest.raises(ConfigurationError, match="pictures: run `make packages`"):
        api_template(ApiConfig(), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_runs_as_its_shape_says(template: Template, name: str) -> None:
    """On ARM, with JSON lines into a group of its own, with traces, and never more of it than is reserved."""
    function, shape = functions(template)[name], SHAPES[name]
    group = where(function["LoggingConfig"]["LogGroup"])
    kept = [
        found["RetentionInDays"]
        for logical, found in properties_by_id(template, "AWS::Logs::LogGroup").items()
        if group in logical
    ]

    assert function["Architectures"] == ["arm64"]
    assert (function["MemorySize"], function["Timeout"]) == (shape.memory_mib, shape.seconds)
    assert function["ReservedConcurrentExecutions"] == shape.concurrency(ApiConfig().burst) >= 2
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert kept == [7]
    assert "VpcConfig" not in function


def test_a_small_account_reserves_nothing(stub_packages: Path) -> None:
    """A new account has ten in all, and Lambda refuses every reservation there."""
    found = functions(api_template(ApiConfig(reserve_concurrency=False), stub_packages))

    assert [name for name, function in found.items() if "ReservedConcurrentExecutions" in function] == []
    assert found


def test_nobody_waits_longer_than_the_gateway() -> None:
    """And nobody for a decoder that has less memory than the largest picture takes (docs/security.md, 1.29 GB)."""
    assert {SHAPES[name].seconds for name in HTTP_FUNCTIONS} == {GATEWAY_SECONDS}
    assert SHAPES["authorize"].seconds < GATEWAY_SECONDS
    assert min(SHAPES[name].memory_mib for name in ("upload", "arrival")) >= 2048
    assert SHAPES["arrival"].seconds >= 120


def test_with_iam_nothing_reads_tokens(stub_packages: Path) -> None:
    """No authorizer, and no function that may read the secret."""
    template = api_template(ApiConfig(auth="iam"), stub_packages)
    rights = {action for name in functions(template) for action, _ in _allowed(template, name)}

    assert sorted(functions(template)) == [name for name in NAMES if name != "authorize"]
    assert not any(action.startswith("secretsmanager:") for action in rights)
    assert functions(template)["upload"]["Environment"]["Variables"]["BILDWERK_API_AUTH"] == "iam"
