"""Saved queries of CloudWatch Logs Insights: the questions of a bad night, one click each.

Field names are those of the lines that the parts really write: the render server's JSON log, the functions' lines,
API Gateway's access log as `upload_api` formats it, WAF's log. Durations of the render server are whole nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_logs as logs
from constructs import Construct

RENDERER: Final = "renderer"
FUNCTIONS: Final = "functions"
API_ACCESS: Final = "api-access"
FIREWALLS: Final = "firewalls"
VIEWERS: Final = "viewers"
EDGE_FIREWALL: Final = "edge-firewall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query.

    Attributes:
        name: what it is called in its folder.
        log: which kind of log groups it is asked of.
        text: in the language of Logs Insights, a command on a line.
    """

    name: str
    log: str
    text: str


_STAGES: Final = """
| fields coalesce(timings.queue, 0) / 1000000 as queue_ms,
    coalesce(timings.downloading_source_image, 0) / 1000000 as download_ms,
    coalesce(timings.processing_image, 0) / 1000000 as processing_ms,
    coalesce(timings.streaming_image, 0) / 1000000 as streaming_ms
"""

_BLOCKED: Final = """
filter action = "BLOCK"
| stats count(*) as requests, latest(httpRequest.uri) as example
    by terminatingRuleId, httpRequest.clientIp, httpRequest.country
| sort requests desc
| limit 50
"""

QUERIES: Final = (
    Query(
        name="slowest-renders",
        log=RENDERER,
        text=f"""
filter ispresent(timings.processing_image)
{_STAGES.strip()}
| fields queue_ms + download_ms + processing_ms + streaming_ms as total_ms
| sort total_ms desc
| display @timestamp, total_ms, queue_ms, download_ms, processing_ms, streaming_ms, status, result_bytes, image_url,
    request_id
| limit 50
""",
    ),
    Query(
        name="render-stages",
        log=RENDERER,
        text="""
filter ispresent(timings.processing_image)
| stats count(*) as pictures,
    pct(timings.queue, 95) / 1000000 as queue_p95_ms,
    pct(timings.downloading_source_image, 95) / 1000000 as download_p95_ms,
    pct(timings.processing_image, 95) / 1000000 as processing_p95_ms,
    sum(result_bytes) as bytes
    by bin(5m)
""",
    ),
    Query(
        name="errors-by-reason",
        log=RENDERER,
        text="""
filter status >= 400
| parse error /^(?<reason>[^:;]{1,100})/
| stats count(*) as requests, latest(error) as example, latest(request_id) as example_id by status, reason
| sort requests desc
| limit 50
""",
    ),
    Query(
        name="faults",
        log=RENDERER,
        text="""
filter level = "ERROR" and ispresent(stack)
| sort @timestamp desc
| display @timestamp, status, error, image_url, request_id, stack
| limit 50
""",
    ),
    Query(
        name="refusals-by-minute",
        log=RENDERER,
        text="""
filter status in [429, 503, 504]
| stats count(*) as requests by status, bin(1m)
""",
    ),
    Query(
        name="top-sources-by-bytes",
        log=RENDERER,
        text="""
filter ispresent(result_bytes)
| stats sum(result_bytes) as bytes, count(*) as pictures by image_url
| sort bytes desc
| limit 50
""",
    ),
    Query(
        name="missing-originals",
        log=RENDERER,
        text="""
filter status = 404 and ispresent(image_url)
| stats count(*) as requests, latest(error) as example by image_url
| sort requests desc
| limit 50
""",
    ),
    Query(
        name="server-events",
        log=RENDERER,
        text="""
filter not ispresent(request_id) and ispresent(msg)
| sort @timestamp desc
| display @timestamp, @logStream, level, msg
| limit 200
""",
    ),
    Query(
        name="one-request",
        log=RENDERER,
        text="""
filter request_id = "write its X-Request-ID here"
| sort @timestamp asc
| display @timestamp, @logStream, level, msg, status, error, timings.queue, timings.processing_image
""",
    ),
    Query(
        name="upload-rejects",
        log=FUNCTIONS,
        text="""
filter request.status >= 400
| stats count(*) as requests, latest(request.path) as example, latest(function_request_id) as example_id
    by request.problem, request.status, request.method, request.token
| sort requests desc
| limit 50
""",
    ),
    Query(
        name="purge-latency",
        log=FUNCTIONS,
        text="""
# Of each invalidation the first order: a line names its messages in a list, and a query reads one item of it.
filter ispresent(purge.id) or ispresent(invalidation)
| fields coalesce(purge.id, message_ids.0) as message
| stats min(@timestamp) as queued, max(@timestamp) as invalidated, earliest(purge.source_url) as original by message
| fields (invalidated - queued) / 1000 as seconds
| filter seconds > 0
| sort seconds desc
| limit 50
""",
    ),
    Query(
        name="purges-given-up",
        log=FUNCTIONS,
        text="""
filter level = "ERROR" and ispresent(message_id)
| sort @timestamp desc
| display @timestamp, tag, source_url, message_id, message
| limit 100
""",
    ),
    Query(
        name="function-errors",
        log=FUNCTIONS,
        text="""
filter level in ["ERROR", "CRITICAL"] or ispresent(errorType)
    or (type = "platform.report" and record.status != "success")
| sort @timestamp desc
| display @timestamp, @log, message, exception_name, exception, errorType, errorMessage, record.status,
    record.metrics.maxMemoryUsedMB, function_request_id
| limit 100
""",
    ),
    Query(
        name="slowest-calls",
        log=API_ACCESS,
        text="""
fields @timestamp, milliseconds, function_milliseconds, authorizer_milliseconds, method, resource, status, token,
    request_id
| sort milliseconds desc
| limit 50
""",
    ),
    Query(
        name="api-refusals",
        log=API_ACCESS,
        text="""
filter status >= 400
| stats count(*) as requests, latest(request_id) as example_id
    by status, refused_as, firewall, method, resource, source_ip, token
| sort requests desc
| limit 50
""",
    ),
    Query(name="firewall-blocks", log=FIREWALLS, text=_BLOCKED),
    Query(name="cdn-firewall-blocks", log=EDGE_FIREWALL, text=_BLOCKED),
    Query(
        name="visitors-errors",
        log=VIEWERS,
        text="""
filter `sc-status` >= 400
| stats count(*) as requests, latest(`cs-uri-stem`) as example
    by `sc-status`, `x-edge-detailed-result-type`, `x-edge-location`
| sort requests desc
| limit 50
""",
    ),
    Query(
        name="cache-misses",
        log=VIEWERS,
        text="""
filter `x-edge-result-type` = "Miss"
| stats count(*) as requests, avg(`time-taken`) as seconds, sum(`sc-bytes`) as bytes by `cs-uri-stem`
| sort requests desc
| limit 50
""",
    ),
    Query(
        name="busiest-visitors",
        log=VIEWERS,
        text="""
stats count(*) as requests, sum(`sc-bytes`) as bytes by `c-ip`, `c-country`, `cs(User-Agent)`
| sort requests desc
| limit 50
""",
    ),
)
"""All of them. Those of `VIEWERS` and `EDGE_FIREWALL` are saved in us-east-1, where these logs are."""


def add_queries(scope: Construct, stage: str, groups: Mapping[str, Sequence[logs.ILogGroup]]) -> None:
    """Saves the queries whose logs are here, in a folder of the stage.

    Args:
        scope: where they belong.
        stage: its name; the folder is called after it.
        groups: log groups by kind, `RENDERER` and so on.
    """
    for query in QUERIES:
        if found := groups.get(query.log):
            logs.CfnQueryDefinition(
                scope,
                query.name,
                name=f"bildwerk-{stage}/{query.name}",
                query_string=query.text.strip(),
                log_group_names=[group.log_group_name for group in found],
            )
