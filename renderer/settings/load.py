"""Environment text -> Settings: every bad variable is reported at once, unknown ones get a hint."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from renderer.errors import ConfigurationError
from renderer.settings.accepted import AcceptedSettings
from renderer.settings.declare import Row, rows
from renderer.settings.elsewhere import SUCCESSORS, is_of_pro
from renderer.settings.environment import EnvironmentSettings
from renderer.settings.headers import HeaderSettings, header_problems
from renderer.settings.monitoring import LogSettings, MetricsSettings
from renderer.settings.processing import FallbackSettings, FormatSettings, PixelSettings, WatermarkSettings
from renderer.settings.proxies import ProxySettings
from renderer.settings.results import ResultSettings, result_problems
from renderer.settings.s3 import S3Settings
from renderer.settings.security import GrammarSettings, SecuritySettings
from renderer.settings.server import ServerSettings
from renderer.settings.sharing import SharingSettings
from renderer.settings.sources import SourceSettings
from renderer.settings.stores import AbsSettings, GcsSettings, SwiftSettings, store_problems
from renderer.settings.tracing import ReportingSettings, TracingSettings

T = TypeVar("T")

_NEARNESS = 0.75
"""How alike two names must be for a hint, from 0 to 1: two letters exchanged in a word of seven are 0.86."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, one table per concern."""

    server: ServerSettings = field(default_factory=ServerSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    grammar: GrammarSettings = field(default_factory=GrammarSettings)
    sources: SourceSettings = field(default_factory=SourceSettings)
    headers: HeaderSettings = field(default_factory=HeaderSettings)
    proxies: ProxySettings = field(default_factory=ProxySettings)
    sharing: SharingSettings = field(default_factory=SharingSettings)
    s3: S3Settings = field(default_factory=S3Settings)
    gcs: GcsSettings = field(default_factory=GcsSettings)
    abs: AbsSettings = field(default_factory=AbsSettings)
    swift: SwiftSettings = field(default_factory=SwiftSettings)
    formats: FormatSettings = field(default_factory=FormatSettings)
    pixels: PixelSettings = field(default_factory=PixelSettings)
    watermark: WatermarkSettings = field(default_factory=WatermarkSettings)
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    results: ResultSettings = field(default_factory=ResultSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
    reporting: ReportingSettings = field(default_factory=ReportingSettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    accepted: AcceptedSettings = field(default_factory=AcceptedSettings)


TABLES: Mapping[str, type[Any]] = {
    "server": ServerSettings,
    "security": SecuritySettings,
    "grammar": GrammarSettings,
    "sources": SourceSettings,
    "headers": HeaderSettings,
    "proxies": ProxySettings,
    "sharing": SharingSettings,
    "s3": S3Settings,
    "gcs": GcsSettings,
    "abs": AbsSettings,
    "swift": SwiftSettings,
    "formats": FormatSettings,
    "pixels": PixelSettings,
    "watermark": WatermarkSettings,
    "fallback": FallbackSettings,
    "results": ResultSettings,
    "tracing": TracingSettings,
    "reporting": ReportingSettings,
    "log": LogSettings,
    "metrics": MetricsSettings,
    "environment": EnvironmentSettings,
    "accepted": AcceptedSettings,
}


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Reads every table from the environment.

    Raises:
        ConfigurationError: naming each variable that cannot be used, what it expects and what it got.
    """
    problems: list[str] = []
    tables = {name: load_table(table, environment, problems) for name, table in TABLES.items()}
    settings = Settings(**tables)
    if environment.get("AWS_LAMBDA_FUNCTION_NAME"):
        settings = _for_lambda(settings)
    _check_together(settings, problems)
    if problems:
        raise ConfigurationError(problems)
    return settings


def _for_lambda(settings: Settings) -> Settings:
    """One request at a time, which is all that a Lambda function is given (spec 03 section 1.2)."""
    server = dataclasses.replace(settings.server, workers=1, requests_queue_size=0, processes=1)
    return dataclasses.replace(settings, server=server)


def load_table(table: type[T], environment: Mapping[str, str], problems: list[str]) -> T:
    """One table; what cannot be used keeps its default and becomes a line of `problems`."""
    values = {}
    for attribute, row in rows(table).items():
        for name in row.names:
            text = environment.get(name)
            if text is None or (not text.strip() and not row.is_empty_meaningful):
                continue
            try:
                values[attribute] = row.reader.read(text)
            except ValueError as error:
                problems.append(_problem(name, row, text, error))
            break
    return table(**values)


def _problem(name: str, row: Row, text: str, error: ValueError) -> str:
    if row.is_secret:
        return f"{name}: expected {row.reader.expected}"
    return f"{name}: expected {row.reader.expected}, got {text[:200]!r} ({error})"


def _check_together(settings: Settings, problems: list[str]) -> None:
    security = settings.security
    # A list that could not be read counts as none: its own line says what is wrong, a second one would mislead.
    is_read = not any(problem.startswith(("IMGPROXY_KEY:", "IMGPROXY_SALT:")) for problem in problems)
    if is_read and len(security.keys) != len(security.salts):
        problems.append(
            f"IMGPROXY_KEY, IMGPROXY_SALT: expected as many keys as salts, got {len(security.keys)} and"
            f" {len(security.salts)}"
        )
    if settings.log.syslog_enabled and settings.log.syslog_network and not settings.log.syslog_address:
        problems.append("IMGPROXY_SYSLOG_ADDRESS: expected an address, because IMGPROXY_SYSLOG_NETWORK is set")
    if settings.metrics.prometheus_bind and settings.metrics.prometheus_bind == settings.server.bind:
        problems.append("IMGPROXY_PROMETHEUS_BIND: expected another address than IMGPROXY_BIND's")
    problems += header_problems(settings.headers)
    problems += store_problems(settings.abs, settings.swift)
    problems += result_problems(settings.results)


def unknown_settings(environment: Iterable[str], others: Iterable[type[Any]] = ()) -> list[str]:
    """A sentence for each variable that nobody reads, with what can be done about it.

    Args:
        environment: the names that are set.
        others: tables of programs that may share the environment.
    """
    return [_told(name, nearest) for name, nearest in unknown_names(environment, others)]


def _told(name: str, nearest: str | None) -> str:
    if name in SUCCESSORS:
        return f"{name} was removed in imgproxy 4 for {nearest}"
    if is_of_pro(name):
        return f"{name} is a setting of imgproxy Pro that has no effect here"
    return f"{name} is unknown; is {nearest} meant?" if nearest else f"{name} is unknown"


def unknown_names(environment: Iterable[str], others: Iterable[type[Any]] = ()) -> list[tuple[str, str | None]]:
    """The `IMGPROXY_*` and `BILDWERK_*` variables that no table has, each with the name that is probably meant."""
    known = {name for table in (*TABLES.values(), *others) for row in rows(table).values() for name in row.names}
    unknown = sorted(name for name in environment if name.startswith(("IMGPROXY_", "BILDWERK_")) and name not in known)
    # The common prefix would make every name look near to every other one.
    ends = {_end(name): name for name in sorted(known)}
    return [(name, SUCCESSORS.get(name) or _nearest(name, ends)) for name in unknown]


def _nearest(name: str, ends: Mapping[str, str]) -> str | None:
    """The known name that is most like `name`, if one is; names of Pro are like many and mean none of them."""
    found = [] if is_of_pro(name) else difflib.get_close_matches(_end(name), ends, 1, _NEARNESS)
    return ends[found[0]] if found else None


def _end(name: str) -> str:
    return name.partition("_")[2]
