"""Lines that the parts really write: the render server and the functions as processes. AWS's own are as documented."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from scripts.ports import free_port
from tests.api import queued
from tests.api.fakes import picture, proxied

START_SECONDS = 60
BUCKET = "pictures"
JSON = {"Content-Type": "application/json"}

PLATFORM_FIELDS = frozenset(
    {"time", "type", "record.requestId", "record.status", "record.metrics.durationMs", "record.metrics.maxMemoryUsedMB"}
    | {"timestamp", "log_level", "errorType", "errorMessage", "requestId", "location"}
)
"""What Lambda itself writes in JSON: `platform.report`, and an error that leaves a function (Lambda Developer Guide,
"Lambda Telemetry API event schema reference"; awslambdaric, `log_error`)."""

FIREWALL_FIELDS = frozenset(
    {
        "timestamp",
        "formatVersion",
        "webaclId",
        "terminatingRuleId",
        "terminatingRuleType",
        "action",
        "httpSourceName",
        "httpSourceId",
        "responseCodeSent",
        "httpRequest.clientIp",
        "httpRequest.country",
        "httpRequest.uri",
        "httpRequest.args",
        "httpRequest.httpVersion",
        "httpRequest.httpMethod",
        "httpRequest.requestId",
    }
)
"""AWS WAF Developer Guide, "Log fields for web ACL traffic"."""

_PATHS = {
    "w:10/plain/local:///a.png": 200,
    "raw:1/plain/local:///a.png": 200,
    "w:10/plain/local:///none.png": 404,
    "nothing:1/plain/local:///a.png": 404,
    "w:10/plain/s3://bucket/key": 502,
}
"""What is asked of the server, and the status of each answer."""

_CALLS = """
import json, sys
from types import SimpleNamespace
from api import functions
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn:aws:lambda:a:b:c", aws_request_id="r",
    get_remaining_time_in_millis=lambda: 30_000, tenant_id=None,
)
for name, event in json.load(sys.stdin):
    getattr(functions, name)(event, context)
"""


def lines_of(text: str) -> list[dict[str, Any]]:
    """The lines that are JSON objects."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def flat(line: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Names of fields as Logs Insights calls them: members with a dot, items by their number."""
    for name, value in line.items():
        yield f"{prefix}{name}"
        members = {str(number): item for number, item in enumerate(value)} if isinstance(value, list) else value
        if isinstance(members, Mapping):
            yield from flat(members, f"{prefix}{name}.")


def fields_of(lines: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """All fields of some lines."""
    return frozenset(name for line in lines for name in flat(line))


@cache
def renderer_lines(*variables: tuple[str, str]) -> list[dict[str, Any]]:
    """A server's log: pictures, a missing one, a bad URL, a store that is out of reach, a start and an end."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.png").write_bytes(picture())
        return lines_of(_served(folder, dict(variables)))


def _served(folder: str, variables: Mapping[str, str]) -> str:
    given = {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        **variables,
        "IMGPROXY_BIND": f"127.0.0.1:{free_port()}",
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT": folder,
        "IMGPROXY_USE_S3": "true",
        "IMGPROXY_S3_REGION": "us-east-1",
        "IMGPROXY_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",  # nobody listens
    }
    command = [sys.executable, "-u", "-m", "bildwerk.main", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=given) as process:
        try:
            assert process.stdout is not None
            seen, address = [], None
            for line in process.stdout:
                seen.append(line)
                if address := re.search(r"listens on (http://127\.0\.0\.1:\d+)", line):
                    break
            assert address is not None, "".join(seen)
            statuses = {path: _status(f"{address[1]}/unsafe/{path}") for path in _PATHS}
            assert statuses == _PATHS
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
            assert process.wait(timeout=START_SECONDS) == 0
        finally:
            process.kill()
    return "".join(seen) + rest


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=START_SECONDS) as answer:  # noqa: S310 - a server of this test
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@cache
def function_lines() -> list[dict[str, Any]]:
    """The functions' log: uploads stored, refused and broken, a deletion, a change, a purge that is given up."""
    with ExitStack() as stack:
        address = stack.enter_context(queued.aws())
        sqs, cloudfront, s3 = (
            stack.enter_context(queued.client(name, address)) for name in ("sqs", "cloudfront", "s3")
        )
        s3.create_bucket(Bucket=BUCKET)
        known = {
            "AWS_ENDPOINT_URL_SQS": address,
            "BILDWERK_S3_ENDPOINT": address,
            "BILDWERK_CLOUDFRONT_ENDPOINT": address,
            "BILDWERK_PURGE_QUEUE_URL": sqs.create_queue(QueueName="purges")["QueueUrl"],
            "BILDWERK_DISTRIBUTION_ID": queued.new_distribution(cloudfront),
        }
        given_up = {**known, "BILDWERK_DISTRIBUTION_ID": "UNKNOWN"}
        text = _called(_calls(), known) + _called([("purge", queued.event([queued.order(0)], 5))], given_up)
    return lines_of(text)


def _calls() -> list[tuple[str, Any]]:
    png = {"Content-Type": "image/png"}
    removed = {"bucket": {"name": BUCKET}, "object": {"key": "a.png"}}
    return [
        ("upload", proxied("PUT", "/images/a.png", picture(), png)),
        ("upload", proxied("PUT", "/images/a.png", b"no picture", png)),
        ("upload", {**proxied("PUT", "/images/a.png", b""), "requestContext": 5}),
        ("presign", proxied("POST", "/uploads", json.dumps({"content_type": "image/png", "bytes": 9_000_000}), JSON)),
        ("delete", proxied("DELETE", "/images/a.png")),
        ("change", {"Records": [{"eventName": "ObjectRemoved:Delete", "s3": removed}]}),
        ("purge", queued.event([queued.order(0)])),
    ]


def _called(calls: list[tuple[str, Any]], variables: Mapping[str, str]) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "POWERTOOLS_TRACE_DISABLED": "1",
        "BILDWERK_BUCKET": BUCKET,
        "BILDWERK_API_AUTH": "tokens",
        "BILDWERK_API_TOKENS": "[]",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", _CALLS],
        input=json.dumps(calls),
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
