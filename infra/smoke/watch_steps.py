"""Steps of whoever watches: alarms, the dashboard's metrics, saved queries, log lines, and what is in no log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.smoke.asking import ask, require, until
from infra.smoke.stack import Stage
from infra.smoke.steps import Seen, Step
from infra.smoke.visit import ANY, AVIF, Visit

LOG_GROUP: Final = "AWS::Logs::LogGroup"
ALARM_STATE: Final = "ALARM"

EXPECTED: Final = (
    ("AWS/CloudFront", "Requests"),
    ("AWS/CloudFront", "CacheHitRate"),
    ("AWS/ApplicationELB", "RequestCount"),
    ("AWS/ECS", "CPUUtilization"),
    ("ECS/ContainerInsights", "RunningTaskCount"),
    ("imgproxy", "WorkersUtilization"),
    ("AWS/ApiGateway", "Count"),
    ("Bildwerk", "ImagesStored"),
)
"""Metrics of the dashboard that have data as soon as there was traffic. Errors have none until there is one, and S3's
request metrics begin a quarter of an hour after they were switched on (Amazon S3 User Guide, "Monitoring metrics")."""

SEARCHED_CHARACTERS: Final = 12
"""Of a token: enough to find it, too few to use it, since what is searched for is itself written down."""


def _alarms(visit: Visit) -> Seen:
    stage = visit.deployed
    count, readers = 0, 0
    for region in stage.regions:
        found = _alarms_in(stage, region)
        require(bool(found), f"there is no alarm in {region}")
        ringing = [alarm["AlarmName"] for alarm in found if alarm["StateValue"] == ALARM_STATE]
        require(not ringing, f"{', '.join(ringing)} rings: see the runbook")
        mute = [alarm["AlarmName"] for alarm in found if not (alarm["ActionsEnabled"] and alarm["AlarmActions"])]
        require(not mute, f"{', '.join(mute)} tells nobody")
        count += len(found)
        topic = found[0]["AlarmActions"][0]
        told = stage.client("sns", region).list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        readers += sum(one["SubscriptionArn"].startswith("arn:") for one in told)
    return Seen(text=f"{count} alarms, none rings; confirmed readers: {readers}", figures={"readers": readers})


def _alarms_in(stage: Stage, region: str) -> list[Any]:
    pages = (
        stage.client("cloudwatch", region)
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"bildwerk-{stage.name}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    return [alarm for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page.get(kind, ())]


def _dashboard(visit: Visit) -> Seen:
    stage = visit.deployed
    name = f"bildwerk-{stage.name}-{stage.region}"
    body = json.loads(stage.client("cloudwatch", stage.region).get_dashboard(DashboardName=name)["DashboardBody"])
    shown = dashboard_metrics(body, stage.region)
    absent = [f"{namespace} {metric}" for namespace, metric in EXPECTED if (namespace, metric) not in shown]
    require(not absent, f"{name} does not show {', '.join(absent)}")
    # Traffic of a minute ago shows after some minutes only.
    empty: list[str] = []

    def look() -> bool | None:
        empty[:] = [f"{one[0]} {one[1]}" for one in EXPECTED if not _has_data(stage, shown[one], one)]
        return None if empty else True

    _, seconds = until(look, visit.patience_seconds, lambda: f"{name} has no data of {', '.join(empty)}")
    return Seen(text=f"{name}: {len(body['widgets'])} widgets, {len(EXPECTED)} metrics have data after {seconds:.0f} s")


def dashboard_metrics(body: Mapping[str, Any], region: str) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
    """The metrics of a dashboard by namespace and name: region and dimensions of the first that is so called."""
    found: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    for widget in body["widgets"]:
        properties = widget["properties"]
        for row in properties.get("metrics", ()):
            words = [word for word in row if isinstance(word, str)]
            if len(words) < 2:  # a formula
                continue
            options = row[-1] if isinstance(row[-1], dict) else {}
            where = options.get("region") or properties.get("region") or region
            dimensions = dict(zip(words[2::2], words[3::2], strict=True))
            found.setdefault((words[0], words[1]), (where, dimensions))
    return found


def _has_data(stage: Stage, place: tuple[str, dict[str, str]], metric: tuple[str, str]) -> bool:
    region, dimensions = place
    now = datetime.now(UTC)
    statistics = stage.client("cloudwatch", region).get_metric_statistics(
        Namespace=metric[0],
        MetricName=metric[1],
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["SampleCount"],
    )
    return bool(statistics["Datapoints"])


def _queries(visit: Visit) -> Seen:
    stage = visit.deployed
    saved = [
        (region, query)
        for region in stage.regions
        for query in stage.client("logs", region).describe_query_definitions(
            queryDefinitionNamePrefix=f"bildwerk-{stage.name}/"
        )["queryDefinitions"]
    ]
    require(bool(saved), "there are no saved queries")
    failed = []
    for region, query in saved:
        try:
            _answer(visit, region, query["logGroupNames"], query["queryString"])
        except Exception as error:  # noqa: BLE001 - told below, with those of the others
            failed.append(f"{query['name']}: {error}")
    require(not failed, f"{len(failed)} of {len(saved)} saved queries fail: {'; '.join(failed)}")
    return Seen(text=f"all {len(saved)} saved queries run", figures={"queries": len(saved)})


def _server_log(visit: Visit) -> Seen:
    stage = visit.deployed
    reply = ask(visit.url(visit.new_key()), headers={"Accept": ANY})
    id = reply.header("X-Request-Id")
    require(bool(id), f"the answer has no X-Request-Id: {reply}")
    group = stage.one(LOG_GROUP, "RendererLog")
    seconds = _logged(visit, group.region, [group.physical_id], f'filter request_id = "{id}"')
    return Seen(text=f"the lines of a request are there after {seconds:.0f} s", figures={"seconds": seconds})


def _viewer_log(visit: Visit) -> Seen:
    stage, key = visit.deployed, visit.new_key()
    ask(visit.url(key), headers={"Accept": AVIF})
    group = stage.one(LOG_GROUP, "DeliveryAccessLog", "AccessLog")
    seconds = _logged(visit, group.region, [group.physical_id], f'filter `cs-uri-stem` like "{key}"')
    return Seen(text=f"CloudFront's line is there after {seconds:.0f} s", figures={"seconds": seconds})


def _firewall_log(visit: Visit) -> Seen:
    stage, key = visit.deployed, visit.new_key()
    ask(visit.url(key), "POST", body=b"-")
    group = stage.one(LOG_GROUP, "EdgeFirewallLog")
    query = f'filter terminatingRuleId = "OtherMethods" and httpRequest.uri like "{key}"'
    seconds = _logged(visit, group.region, [group.physical_id], query)
    return Seen(text=f"the refused POST is there after {seconds:.0f} s", figures={"seconds": seconds})


def _secrets_in_logs(visit: Visit) -> Seen:
    stage, key = visit.deployed, visit.new_key()
    visit.upload(key)
    mine = [one for one in stage.all(LOG_GROUP) if one.region == stage.region]
    groups = [one.physical_id for one in mine]
    functions = [one.physical_id for one in mine if one.logical_id.startswith("Functions")]
    # Not before the upload that carried the token is in the log: an empty answer would prove nothing.
    _logged(visit, stage.region, functions, f'filter @message like "{key}"')
    piece = visit.commands.token[-SEARCHED_CHARACTERS:]
    found = _answer(visit, stage.region, groups, f'filter @message like "{piece}" | fields @log | limit 5')
    require(not found, f"the token is in {', '.join(sorted({_field(row, '@log') for row in found}))}")
    return Seen(text=f"the token is in none of {len(groups)} log groups")


def _logged(visit: Visit, region: str, groups: list[str], condition: str) -> float:
    """Seconds until a line is in one of the log groups."""
    query = f"{condition} | fields @timestamp | limit 1"
    _, seconds = until(
        lambda: _answer(visit, region, groups, query) or None,
        visit.patience_seconds,
        lambda: f"no line in {', '.join(groups)} for {condition}",
    )
    return seconds


def _answer(visit: Visit, region: str, groups: list[str], query: str) -> list[Any]:
    """What Logs Insights finds in the last hour."""
    logs = visit.deployed.client("logs", region)
    now = int(time.time())
    id = logs.start_query(logGroupNames=groups, startTime=now - 3600, endTime=now + 60, queryString=query)["queryId"]
    states: list[str] = []

    def look() -> list[Any] | None:
        found = logs.get_query_results(queryId=id)
        states.append(found["status"])
        require(states[-1] in ("Scheduled", "Running", "Complete"), f"a query ended as {states[-1]}: {query}")
        return list(found["results"]) if states[-1] == "Complete" else None

    found, _ = until(look, visit.patience_seconds, lambda: f"a query is {states[-1]}: {query}")
    return found


def _field(row: Iterable[Mapping[str, str]], name: str) -> str:
    return next((cell["value"] for cell in row if cell["field"] == name), "")


STEPS: Final = (
    Step(name="alarms", claims="all alarms are there, tell somebody, and none rings", look=_alarms, needs="stage"),
    Step(name="dashboard", claims="the dashboard is there, and its metrics have data", look=_dashboard, needs="stage"),
    Step(name="queries", claims="Logs Insights takes every saved query", look=_queries, needs="stage"),
    Step(name="server-log", claims="a request's lines arrive under its id", look=_server_log, needs="stage"),
    Step(name="viewer-log", claims="CloudFront writes its access log", look=_viewer_log, needs="stage"),
    Step(name="firewall-log", claims="what the firewall refuses is written down", look=_firewall_log, needs="stage"),
    Step(name="secrets-in-logs", claims="the token is in no log", look=_secrets_in_logs, needs="stage"),
)
