"""Settings of the log and of metrics (spec 03 sections 1.2 and 1.12)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from renderer.settings.declare import Reader, setting
from renderer.settings.readers import BOOLEAN, TEXT, non_empty, one_of


def _read_metric_prefix(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", text):
        raise ValueError("no metric may be named so")
    return text


_METRIC_PREFIX = Reader(expected="letters, digits and `_`, no digit first", read=_read_metric_prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged, how and where to."""

    format: str = setting(
        "IMGPROXY_LOG_FORMAT",
        read=one_of("pretty", "structured", "json", "gcp"),
        default="",
        shown_default="pretty on a terminal, else structured",
        doc="How a line is written: for people, as `key=value` pairs, as JSON, or as JSON with Google Cloud's names.",
    )
    level: str = setting(
        "IMGPROXY_LOG_LEVEL", read=one_of("debug", "info", "warn", "error"), default="info", doc="What is logged."
    )
    memory_stats: bool = setting(
        "IMGPROXY_LOG_MEM_STATS",
        read=BOOLEAN,
        default=False,
        doc="Log the memory in use each `IMGPROXY_FREE_MEMORY_INTERVAL`, at level `debug`.",
    )
    syslog_enabled: bool = setting(
        "IMGPROXY_SYSLOG_ENABLE", read=BOOLEAN, default=False, doc="Send every line to syslog as well."
    )
    syslog_level: str = setting(
        "IMGPROXY_SYSLOG_LEVEL",
        read=one_of("debug", "info", "warn", "error", "crit"),
        default="",
        shown_default="as IMGPROXY_LOG_LEVEL",
        doc="What is sent to syslog.",
    )
    syslog_network: str = setting(
        "IMGPROXY_SYSLOG_NETWORK",
        read=one_of("udp", "udp4", "udp6", "tcp", "tcp4", "tcp6", "unix", "unixgram"),
        default="",
        doc="How syslog is reached; blank is the machine's own socket.",
    )
    syslog_address: str = setting(
        "IMGPROXY_SYSLOG_ADDRESS",
        read=TEXT,
        default="",
        doc="`host:port` of syslog, or the path of its socket. Without a port it is 514.",
    )
    syslog_tag: str = setting(
        "IMGPROXY_SYSLOG_TAG", read=non_empty(), default="imgproxy", doc="The program's name in syslog."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """Metrics for Prometheus and for CloudWatch."""

    prometheus_bind: str = setting(
        "IMGPROXY_PROMETHEUS_BIND",
        read=TEXT,
        default="",
        doc="Address and port where Prometheus finds metrics, on any path; must not be `IMGPROXY_BIND`. Blank is off.",
    )
    prometheus_namespace: str = setting(
        "IMGPROXY_PROMETHEUS_NAMESPACE",
        read=_METRIC_PREFIX,
        default="",
        doc="Put before the names of metrics with a `_`; `process_*` keep theirs.",
    )
    cloud_watch_service_name: str = setting(
        "IMGPROXY_CLOUD_WATCH_SERVICE_NAME",
        read=TEXT,
        default="",
        doc="Dimension `ServiceName` of CloudWatch metrics, written to the log in the embedded metric format every ten"
        " seconds. Blank is off.",
    )
    cloud_watch_namespace: str = setting(
        "IMGPROXY_CLOUD_WATCH_NAMESPACE",
        read=non_empty(),
        default="imgproxy",
        doc="Namespace of CloudWatch metrics.",
    )
    cloud_watch_region: str = setting(
        "IMGPROXY_CLOUD_WATCH_REGION",
        read=TEXT,
        default="",
        doc="Accepted and of no effect: metrics appear in the region that the log goes to.",
    )

    @property
    def are_wanted(self) -> bool:
        """Whether anything is to be measured."""
        return bool(self.prometheus_bind or self.cloud_watch_service_name)
