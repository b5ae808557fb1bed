"""The environment of the render server in this deployment: plain text, no secrets (docs/settings.md explains each).

Names are text here, because `infra` does not import the server; a test holds them against the server's own tables and
loads them.
"""

from __future__ import annotations

import math
import re
from typing import Final

from infra.config import ConfigurationError, RendererConfig
from infra.storage import RESULTS_DAYS
from infra.timeouts import KEEP_ALIVE_SECONDS, WRITE_SECONDS, graceful_stop, waiting_room

METRICS_NAMESPACE: Final = "imgproxy"
"""imgproxy's own, so that its dashboards and alarms keep working."""
BROWSER_SECONDS: Final = 300
"""What browsers may keep: no purge reaches them."""
CDN_SECONDS: Final = 31_536_000
"""What CloudFront may keep: a year, since a purge reaches it."""

AUTO_FORMATS: Final = ("webp", "avif")
"""What clients that name them get if the URL names no format: CloudFront's function keeps these names in `Accept`."""
CACHE_TAG_HEADER: Final = "Cache-Tag"
"""The response header that names a picture's originals, by which CloudFront is purged."""

MAX_SOURCE_BYTES: Final = 104_857_600
"""What the upload API takes at the most (`BILDWERK_MAX_LARGE_UPLOAD_BYTES`)."""

FIXED: Final = re.compile(
    r"IMGPROXY_(BIND|NETWORK|PATH_PREFIX|TIMEOUT|(KEEP_ALIVE|WRITE_RESPONSE|GRACEFUL_STOP)_TIMEOUT|USE_S3|S3_.*|CACHE_.*"
    r"|ALLOWED_SOURCES|(AUTO|ENFORCE)_(WEBP|AVIF|JXL)|LOG_FORMAT|CLOUD_WATCH_.*)|BILDWERK_(CACHE_TAG_HEADER|RELEASE|RESULTS_(TTL|MEMORY_SECONDS))"
)
"""What `config.settings` may not say otherwise: health checks, time limits, rights, metrics or the CDN rely on it."""

_MIB: Final = 1_048_576


def server_environment(
    config: RendererConfig, *, originals: str, results: str, region: str, service_name: str, http_sources: bool
) -> dict[str, str]:
    """What the container is given; `config.settings` wins where nothing else in the stack relies on a value.

    Args:
        config: of the server.
        originals: name of the bucket that pictures come from.
        results: name of the bucket that keeps results.
        region: of both.
        service_name: the dimension `ServiceName` of its metrics.
        http_sources: whether pictures may come from http(s) URLs too.

    Raises:
        ConfigurationError: the settings change what other parts of the stack rely on.
    """
    if fixed := sorted(name for name, _ in config.settings if FIXED.fullmatch(name)):
        raise ConfigurationError(
            f"settings has {', '.join(fixed)}, which the rest of the stack relies on: leave it out; timeout_seconds and"
            " http_sources are there for what may differ."
        )
    return {
        **_sources(originals, region, http_sources=http_sources),
        **_results(results, region, config.memory_mib),
        **_capacity(config),
        **_answers(config.release),
        "IMGPROXY_LOG_FORMAT": "json",
        "IMGPROXY_CLOUD_WATCH_SERVICE_NAME": service_name,
        "IMGPROXY_CLOUD_WATCH_NAMESPACE": METRICS_NAMESPACE,
        **dict(config.settings),
    }


def _sources(originals: str, region: str, *, http_sources: bool) -> dict[str, str]:
    """Only the bucket of originals, by name and by URL; with http sources no address inside the VPC (SSRF)."""
    own = f"s3://{originals}/"
    return {
        "IMGPROXY_USE_S3": "true",
        "IMGPROXY_S3_REGION": region,
        "IMGPROXY_S3_ALLOWED_BUCKETS": originals,
        "IMGPROXY_ALLOWED_SOURCES": f"{own},https://,http://" if http_sources else own,
        "IMGPROXY_MAX_SRC_FILE_SIZE": str(MAX_SOURCE_BYTES),
        "IMGPROXY_ALLOW_PRIVATE_SOURCE_ADDRESSES": "false",
        "IMGPROXY_ALLOW_LINK_LOCAL_SOURCE_ADDRESSES": "false",
        "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "false",
    }


def _results(results: str, region: str, memory_mib: int) -> dict[str, str]:
    """Kept in S3 for all tasks, and an eighth of the task's memory in front of it."""
    return {
        "IMGPROXY_CACHE_USE": "s3",
        "IMGPROXY_CACHE_BUCKET": results,
        "IMGPROXY_CACHE_S3_REGION": region,
        "BILDWERK_RESULTS_TTL": str(RESULTS_DAYS * 86_400),
        "BILDWERK_RESULTS_MEMORY_BYTES": str(memory_mib * _MIB // 8),
    }


def _capacity(config: RendererConfig) -> dict[str, str]:
    """What fits into the task. CPUs are told, because a Fargate task may see more of them than it has paid for.

    Memory: a quarter for sources, and a process that holds more than its share of six tenths is replaced before the
    kernel ends the whole task; the rest is results and pixels.
    """
    processes = max(1, math.ceil(config.vcpus))
    return {
        "BILDWERK_PROCESSES": str(processes),
        "IMGPROXY_WORKERS": str(2 * processes),
        "IMGPROXY_REQUESTS_QUEUE_SIZE": str(waiting_room(config)),
        "IMGPROXY_TIMEOUT": str(config.timeout_seconds),
        "IMGPROXY_WRITE_RESPONSE_TIMEOUT": str(WRITE_SECONDS),
        "IMGPROXY_GRACEFUL_STOP_TIMEOUT": str(graceful_stop(config.timeout_seconds)),
        "IMGPROXY_KEEP_ALIVE_TIMEOUT": str(KEEP_ALIVE_SECONDS),
        "BILDWERK_MAX_SOURCE_BYTES_IN_FLIGHT": str(config.memory_mib * _MIB // 4),
        "BILDWERK_PROCESS_MAX_MEMORY": str(config.memory_mib * _MIB * 6 // 10 // processes),
    }


def _answers(release: str) -> dict[str, str]:
    """For how long, and in which formats; CloudFront's function reduces `Accept` to what these look for."""
    return {
        "IMGPROXY_TTL": str(CDN_SECONDS),
        "BILDWERK_BROWSER_TTL": str(BROWSER_SECONDS),
        "BILDWERK_CACHE_TAG_HEADER": CACHE_TAG_HEADER,
        "BILDWERK_RELEASE": release,
        **{f"IMGPROXY_AUTO_{name.upper()}": "true" for name in AUTO_FORMATS},
    }
