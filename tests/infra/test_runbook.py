"""What whoever is woken up reads: every alarm leads to a section, every section says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk.assertions import Template

from infra.config import MonitoringConfig
from tests.infra.watched import alarms_of, dashboard_widgets, texts_of

RUNBOOK = Path(__file__).parents[2] / "infra" / "runbook.md"
NO_ALARM = {"budget"}
"""Sections of what is told by mail, but not by CloudWatch."""


def _sections() -> dict[str, str]:
    """The runbook's sections that have an alarm's form, by their anchor."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_row_24_each_alarm_has_a_section_in_the_runbook_and_each_section_an_alarm(
    templates: Mapping[str, Template],
) -> None:
    """The link in its description leads to a file that exists and to a heading in it."""
    linked = set()
    for template in templates.values():
        for name, alarm in alarms_of(template).items():
            place, _, section = alarm["AlarmDescription"].rpartition(" ")[2].partition("#")
            assert place == MonitoringConfig().runbook
            assert name == section or name.startswith(f"{section}-"), name
            linked.add(section)

    assert (Path(__file__).parents[2] / MonitoringConfig().runbook) == RUNBOOK
    assert linked == set(_sections()) - NO_ALARM


@pytest.mark.parametrize("name", sorted(_sections()))
def test_row_24_each_section_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    """In that order; whoever was asleep five minutes ago should not have to search."""
    section = _sections()[name]

    assert re.search(r"\*\*Means:\*\* \w.*\*\*Look first:\*\* \w.*\*\*Do:\*\* \S", section, re.DOTALL), section
    assert re.fullmatch(r"[a-z0-9-]+", name), "GitHub makes an anchor of a heading; this one would be another"


def test_row_24_the_runbook_names_queries_graphs_and_sections_that_exist(templates: Mapping[str, Template]) -> None:
    """What stands behind the words query, graph and section is one of ours."""
    text = RUNBOOK.read_text(encoding="utf-8")
    saved = {
        query["Name"].partition("/")[2]
        for template in templates.values()
        for query in texts_of(template, "AWS::Logs::QueryDefinition")
    }
    queries = set(re.findall(r"[Qq]uer(?:y|ies) `([a-z0-9-]+)`", text))
    sections = set(re.findall(r"[Ss]ection\s`([a-z0-9-]+)`", text))

    graphs = set(re.findall(r'[Gg]raphs? "([^"]+)"', text))
    titles = [widget["properties"]["title"] for widget in dashboard_widgets(templates["production"])]

    assert graphs
    assert [graph for graph in graphs if not any(title.startswith(graph) for title in titles)] == []
    assert queries
    assert queries <= saved
    assert sections
    assert sections <= set(_sections())
