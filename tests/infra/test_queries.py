"""Saved queries name only fields that are really in the logs, and logs neither stay for ever nor hold a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest
from aws_cdk.assertions import Template

from infra.delivery.access_log import FIELDS
from infra.monitoring import queries
from infra.monitoring.queries import QUERIES, Query
from infra.offers import LOG_RETENTION_DAYS
from infra.uploads.upload_api import ACCESS_LOG
from tests.infra.log_lines import (
    FIREWALL_FIELDS,
    PLATFORM_FIELDS,
    fields_of,
    function_lines,
    renderer_lines,
)
from tests.infra.watched import log_settings, texts_of

COMMANDS = {"fields", "filter", "stats", "sort", "limit", "display", "parse"}
WORDS = {"as", "by", "and", "or", "not", "in", "like", "asc", "desc"}
FUNCTIONS = {"avg", "bin", "coalesce", "count", "earliest", "ispresent", "latest", "max", "min", "pct", "sum"}
"""What the queries use of the language (Amazon CloudWatch Logs User Guide, "Logs Insights query syntax")."""
BUILT_IN = {"@timestamp", "@message", "@log", "@logStream"}

CHECKLIST = {
    "slowest-renders",
    "errors-by-reason",
    "top-sources-by-bytes",
    "missing-originals",
    "upload-rejects",
    "purge-latency",
    "firewall-blocks",
    "cdn-firewall-blocks",
}
"""Row 16."""

_TOKENS = re.compile(r"`[^`]+`|\"[^\"]*\"|/[^/\n]+/|[@A-Za-z_][\w.]*|\d+[smhd]?\b")


def without_comments(text: str) -> str:
    """A query without its lines that begin with a hash."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def named_fields(text: str) -> set[str]:
    """The fields that a query takes from the log: what is no word of the language and no name that it gives itself."""
    text = without_comments(text)
    found, given = [], set()
    for match in _TOKENS.finditer(text):
        token = match[0]
        if token[0] == "/":
            given |= set(re.findall(r"\(\?<(\w+)>", token))
        elif token[0] == "`":
            found.append(token.strip("`"))
        elif re.match(r"[@A-Za-z_]", token):
            is_call = text[match.end() :].startswith("(")
            assert not is_call or token in FUNCTIONS, f"unknown function {token}"
            if not is_call and token not in COMMANDS | WORDS:
                found.append(token)
    given |= set(re.findall(r"\bas (\w+)", text))
    return set(found) - given - BUILT_IN


def real_fields(template: Template) -> dict[str, frozenset[str]]:
    """What is in the logs, by their kind: real lines, the formats that the stack asks AWS for, AWS's documentation."""
    return {
        queries.RENDERER: fields_of(renderer_lines(*log_settings(template))),
        queries.FUNCTIONS: fields_of(function_lines()) | PLATFORM_FIELDS,
        queries.API_ACCESS: frozenset(ACCESS_LOG),
        queries.FIREWALLS: FIREWALL_FIELDS,
        queries.EDGE_FIREWALL: FIREWALL_FIELDS,
        queries.VIEWERS: frozenset(FIELDS),
    }


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_row_16_queries_name_fields_that_are_in_the_log(query: Query, templates: Mapping[str, Template]) -> None:
    """One that names another field finds nothing, and says so at night."""
    named = named_fields(query.text)

    assert named
    assert named - real_fields(templates["dev"])[query.log] == set()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_row_16_queries_are_commands_in_a_row(query: Query) -> None:
    """Each part between bars begins with a command; CloudWatch takes 10,000 characters."""
    text = re.sub(r"/[^/\n]+/", "", without_comments(query.text))
    for part in text.split("|"):
        assert part.split()[0] in COMMANDS, part
    assert len(query.text) <= 10_000


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('filter a.b = "c d" | stats pct(e, 95) / 1000 as f by bin(5m), g\n| sort f desc', {"a.b", "e", "g"}),
        ("parse h /^(?<i>[^:]{1,9})/ | display i, @timestamp, `j-k(l)`", {"h", "j-k(l)"}),
        ("fields coalesce(m.0, n) as o | filter o in [1, 2] and not ispresent(p)", {"m.0", "n", "p"}),
    ],
)
def test_fields_are_read_out_of_a_query(text: str, named: set[str]) -> None:
    """The reader that the tests above rely on."""
    assert named_fields(text) == named


def test_row_16_queries_are_saved_in_a_folder_of_the_stage(templates: Mapping[str, Template]) -> None:
    """All in us-east-1, and for a stack elsewhere those of CloudFront there, each over log groups of its template."""
    names = {}
    for variant in ("production", "europe", "watch"):
        saved = texts_of(templates[variant], "AWS::Logs::QueryDefinition")
        names[variant] = {query["Name"] for query in saved}
        assert all(query["LogGroupNames"] for query in saved)
    wanted = {f"bildwerk-production/{query.name}" for query in QUERIES}

    assert names["production"] == wanted
    assert names["europe"] | names["watch"] == wanted
    assert not names["europe"] & names["watch"]
    assert {name.partition("/")[2] for name in wanted} >= CHECKLIST


def test_row_17_every_log_group_forgets(templates: Mapping[str, Template]) -> None:
    """Each has an age that CloudWatch knows and that the stage has chosen; in dev that is a week."""
    for variant, template in templates.items():
        ages = {
            name: found["Properties"].get("RetentionInDays")
            for name, found in template.find_resources("AWS::Logs::LogGroup").items()
        }
        assert ages, variant
        assert set(ages.values()) <= set(LOG_RETENTION_DAYS), (variant, ages)
        assert set(ages.values()) == {7 if variant == "dev" else 90}, (variant, ages)


def test_row_17_no_part_of_ours_makes_a_log_group_by_itself(templates: Mapping[str, Template]) -> None:
    """Functions, container, gateway and firewalls write into groups of the template. CDK's own functions, which carry
    values from one region to another, are the exception: they run at deployments only and log a few lines.
    """
    for variant, template in templates.items():
        functions = template.find_resources("AWS::Lambda::Function")
        own = {name for name, found in functions.items() if "LoggingConfig" not in found["Properties"]}
        assert all(name.startswith("CustomCrossRegionExport") for name in own), (variant, own)
        for task in texts_of(template, "AWS::ECS::TaskDefinition"):
            for container in task["ContainerDefinitions"]:
                options = container["LogConfiguration"]["Options"]
                assert options["awslogs-group"].startswith("<Ref:")
        for stage in texts_of(template, "AWS::ApiGateway::Stage"):
            assert stage["AccessLogSetting"]["DestinationArn"].startswith("<Fn::GetAtt:")


def test_row_17_lines_are_json_and_no_log_holds_a_token(templates: Mapping[str, Template]) -> None:
    """Server and functions write JSON; the gateway logs no header, path or body, CloudFront no cookie and no query, and
    firewalls strike the headers out that hold tokens.
    """
    template = templates["production"]
    assert dict(log_settings(template))["IMGPROXY_LOG_FORMAT"] == "json"
    functions = [found for found in texts_of(template, "AWS::Lambda::Function") if "LoggingConfig" in found]
    assert {found["LoggingConfig"]["LogFormat"] for found in functions} == {"JSON"}
    (stage,) = texts_of(template, "AWS::ApiGateway::Stage")
    line = json.loads(stage["AccessLogSetting"]["Format"])
    assert [value for value in line.values() if re.search(r"header|path$|\.path\b|body|querystring", value)] == []
    assert [setting["DataTraceEnabled"] for setting in stage["MethodSettings"]] == [False]
    (delivery,) = texts_of(template, "AWS::Logs::Delivery")
    assert [field for field in delivery["RecordFields"] if "ookie" in field or "query" in field] == []
    firewalls = texts_of(template, "AWS::WAFv2::LoggingConfiguration")
    assert len(firewalls) == 3
    for firewall in firewalls:
        redacted = {each["SingleHeader"]["Name"] for each in firewall["RedactedFields"]}
        assert {"authorization", "cookie"} <= redacted
