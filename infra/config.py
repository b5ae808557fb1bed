"""What a deployment is made of, as frozen data: one `StageConfig` for each stage.

Nothing here knows the CDK. Each part checks itself when it is made, so a bad configuration stops synthesis with a
sentence that says what to write instead, before a template exists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final, Literal

from infra.offers import FARGATE_MEMORY_MIB, LOG_RETENTION_DAYS

CLOUDFRONT_REGION: Final = "us-east-1"
"""Where CloudFront wants its web ACL and its certificate, wherever the rest is."""

_PINNED_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_CERTIFICATE: Final = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[0-9a-f-]+")
_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


class ConfigurationError(ValueError):
    """A deployment that cannot be, with what to write instead."""


def _require(claim: bool, sentence: str) -> None:
    if not claim:
        raise ConfigurationError(sentence)


def _is_private_network(text: str) -> bool:
    """Whether it is one of IPv4, in the sizes that a VPC may have."""
    try:
        network = ip_network(text)
    except ValueError:
        return False
    return network.version == 4 and network.is_private and 16 <= network.prefixlen <= 24


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Where tasks live. With `http_sources` they reach the internet through NAT; without, AWS's endpoints alone."""

    cidr: str = "10.20.0.0/16"
    availability_zones: tuple[str, ...] = ()
    """By name; blank is the first two of the region."""
    http_sources: bool = False
    nat_gateways: int = 1
    """Used with `http_sources` alone. One for each zone survives the loss of a zone."""

    def __post_init__(self) -> None:
        _require(_is_private_network(self.cidr), f"cidr {self.cidr!r}: write a private network like 10.20.0.0/16.")
        zones = self.availability_zones
        _require(
            not zones or len(zones) >= 2, f"availability_zones names {len(zones)} zone: name at least two, or none."
        )
        _require(len(set(zones)) == len(zones), "availability_zones names a zone twice: name each once.")
        most = len(zones) or 2
        _require(1 <= self.nat_gateways <= most, f"nat_gateways is {self.nat_gateways}: write 1 to {most}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingConfig:
    """How many tasks, by target tracking. Any policy adds tasks, all must agree to remove some."""

    min_tasks: int = 2
    max_tasks: int = 10
    cpu_percent: int = 60
    """Of CPUUtilization over 20 seconds: the rest is what a task has left while the next one starts."""
    pictures_per_second_per_vcpu: float = 11.0
    """Measured: 91 CPU ms for each of a news site's pictures, many of them large and in AVIF (docs/growth.md)."""
    requests_percent: int = 60
    """Share of that rate at which a task is full for the policy by requests."""
    scale_out_cooldown_seconds: int = 30
    scale_in_cooldown_seconds: int = 300

    def __post_init__(self) -> None:
        _require(
            self.min_tasks >= 2,
            f"min_tasks is {self.min_tasks}: write 2 or more, one for each of two zones.",
        )
        _require(
            self.min_tasks <= self.max_tasks,
            f"min_tasks {self.min_tasks} is above max_tasks {self.max_tasks}: raise max_tasks or lower min_tasks.",
        )
        for name in ("cpu_percent", "requests_percent"):
            percent = getattr(self, name)
            _require(10 <= percent <= 90, f"{name} is {percent}: write 10 to 90.")
        _require(
            self.pictures_per_second_per_vcpu > 0,
            "pictures_per_second_per_vcpu is not above 0: write what `make bench` measured.",
        )

    def requests_per_task_minute(self, vcpus: float) -> int:
        """Requests per target and minute at which ECS adds tasks (the metric ALBRequestCountPerTarget)."""
        return max(1, round(self.pictures_per_second_per_vcpu * vcpus * 60 * self.requests_percent / 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class RendererConfig:
    """The render server's task and service."""

    image: str = ""
    """`repository@sha256:...`; blank builds the Dockerfile at deployment and pins what comes out by its content."""
    release: str = "0"
    """Becomes the tag `v-<release>` of each answer, so that a whole release can be purged at once."""
    cpu_units: int = 1024
    memory_mib: int = 2048
    spot_weight: int = 0
    """Tasks on Spot for each one on demand above `scaling.min_tasks`; 0 is none."""
    canary: bool = False
    """10 % of the requests for five minutes, then all. ECS then scales by CPU alone."""
    timeout_seconds: int = 10
    """`IMGPROXY_TIMEOUT`; what waits on it (target group, CloudFront, purge) is derived from it."""
    settings: tuple[tuple[str, str], ...] = ()
    """Further environment variables of the server. No secrets: these are readable in the task definition."""
    scaling: ScalingConfig = field(default_factory=ScalingConfig)

    def __post_init__(self) -> None:
        _require(
            not self.image or _PINNED_IMAGE.fullmatch(self.image) is not None,
            f"image {self.image!r} is not pinned: write repository@sha256:<64 hexadecimal digits>.",
        )
        _require(
            re.fullmatch(r"[A-Za-z0-9._-]{1,100}", self.release) is not None,
            f"release {self.release!r}: write letters, digits, dots, hyphens and underscores, up to 100.",
        )
        sizes = FARGATE_MEMORY_MIB.get(self.cpu_units, ())
        _require(bool(sizes), f"cpu_units is {self.cpu_units}: write one of {', '.join(map(str, FARGATE_MEMORY_MIB))}.")
        _require(
            self.memory_mib in sizes,
            f"memory_mib is {self.memory_mib}: with {self.cpu_units} CPU units write {sizes[0]} to {sizes[-1]},"
            " in Fargate's steps.",
        )
        _require(
            2 <= self.timeout_seconds <= 90,
            f"timeout_seconds is {self.timeout_seconds}: write 2 to 90, so that CloudFront can wait a little longer.",
        )
        _require(0 <= self.spot_weight <= 20, f"spot_weight is {self.spot_weight}: write 0 to 20.")
        secret = [name for name, _ in self.settings if re.search("KEY$|KEYS$|SALT|SECRET|TOKEN|PASSWORD", name)]
        _require(not secret, f"settings has {', '.join(secret)}: put secrets into Secrets Manager (infra/README.md).")

    @property
    def vcpus(self) -> float:
        """CPUs of a task."""
        return self.cpu_units / 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainConfig:
    """A name of one's own for the distribution, and what proves it. CloudFront's own name allows old TLS versions."""

    name: str
    certificate_arn: str = ""
    """In us-east-1. Blank asks ACM for one in the zone."""
    hosted_zone_id: str = ""
    hosted_zone_name: str = ""
    """Of Route 53: for the certificate's proof and the alias records. Blank leaves both to you."""

    def __post_init__(self) -> None:
        _require(_DOMAIN.fullmatch(self.name) is not None, f"domain {self.name!r}: write it like img.example.com.")
        _require(
            bool(self.certificate_arn) or bool(self.hosted_zone_id),
            f"domain {self.name} has no certificate: write certificate_arn, of a certificate in {CLOUDFRONT_REGION},"
            " or hosted_zone_id and hosted_zone_name, and one is made.",
        )
        if self.certificate_arn:
            found = _CERTIFICATE.fullmatch(self.certificate_arn)
            _require(found is not None, f"certificate_arn {self.certificate_arn!r} is not the ARN of a certificate.")
            region = found.group(1) if found else ""
            _require(
                region == CLOUDFRONT_REGION,
                f"the certificate is in {region}: CloudFront takes one from {CLOUDFRONT_REGION} alone; ask there.",
            )
        _require(
            bool(self.hosted_zone_id) == bool(self.hosted_zone_name),
            "hosted_zone_id and hosted_zone_name belong together: write both or neither.",
        )
        zone = self.hosted_zone_name
        _require(
            not zone or self.name == zone or self.name.endswith(f".{zone}"),
            f"domain {self.name} is not in the zone {zone}: name the zone that it is in.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryConfig:
    """CloudFront and its firewall."""

    domain: DomainConfig | None = None
    price_class: Literal["100", "200", "all"] = "100"
    origin_shield: bool = True
    origin_header_generation: int = 1
    """Raised by one to rotate the secret of CloudFront for the load balancer, which accepts this one and the last."""
    requests_per_client_per_5_minutes: int = 10_000
    """What one address may ask before the firewall blocks it for a while."""
    web_acl_arn: str = ""
    """A firewall of your own for the distribution instead of ours."""

    def __post_init__(self) -> None:
        _require(self.origin_header_generation >= 1, "origin_header_generation counts from 1.")
        _require(
            10 <= self.requests_per_client_per_5_minutes <= 2_000_000_000,
            f"requests_per_client_per_5_minutes is {self.requests_per_client_per_5_minutes}:"
            " write 10 to 2,000,000,000, as WAF allows.",
        )
        _require(self.price_class in {"100", "200", "all"}, "price_class is 100, 200 or all.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """The upload and delete API."""

    auth: Literal["tokens", "iam"] = "tokens"
    allow_origins: tuple[str, ...] = ()
    requests_per_second: int = 20
    burst: int = 40
    account_log_role: bool = False
    """API Gateway's log role is one for account and region; True lets this stack set it."""
    reserve_concurrency: bool = True
    """Each function has a share of the account's concurrency for itself. False where the account has only 10 in all."""
    settings: tuple[tuple[str, str], ...] = ()
    """Further environment variables of the functions."""

    def __post_init__(self) -> None:
        _require(self.auth in {"tokens", "iam"}, f"auth is {self.auth!r}: write tokens or iam.")
        _require(
            1 <= self.requests_per_second <= self.burst,
            f"requests_per_second is {self.requests_per_second} and burst {self.burst}: write 1 or more, and a burst"
            " that is not smaller.",
        )
        for origin in self.allow_origins:
            _require(
                origin == "*" or re.fullmatch(r"https?://[^/\s]+", origin) is not None,
                f"allow_origins has {origin!r}: write an origin like https://editor.example.com, or *.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringConfig:
    """Who is told what, and how long it is kept."""

    alarm_email: str = ""
    """Gets every alarm. Blank makes the topic without a reader: subscribe one."""
    log_retention_days: int = 30
    monthly_budget_usd: int = 300
    runbook: str = "infra/runbook.md"
    """Where the runbook is: a path or a URL. Each alarm names it, with `#` and its section behind."""

    def __post_init__(self) -> None:
        _require(
            self.log_retention_days in LOG_RETENTION_DAYS,
            f"log_retention_days is {self.log_retention_days}: write one of {', '.join(map(str, LOG_RETENTION_DAYS))}.",
        )
        _require(
            not self.alarm_email or re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_email) is not None,
            f"alarm_email {self.alarm_email!r}: write an address, or leave it blank.",
        )
        _require(self.monthly_budget_usd > 0, "monthly_budget_usd: write whole dollars above 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """A whole deployment."""

    name: str
    region: str
    retain: bool = True
    """Originals outlive the stack, and nothing is deleted by mistake."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)
    delivery: DeliveryConfig = field(default_factory=DeliveryConfig)
    api: ApiConfig = field(default_factory=ApiConfig)
    monitoring: MonitoringConfig = field(default_factory=MonitoringConfig)

    def __post_init__(self) -> None:
        _require(
            re.fullmatch(r"[a-z][a-z0-9]{1,15}", self.name) is not None,
            f"stage {self.name!r}: write 2 to 16 lower-case letters and digits, a letter first.",
        )
        _require(
            _REGION.fullmatch(self.region) is not None, f"region {self.region!r}: write it like {CLOUDFRONT_REGION}."
        )
        _require(not self.region.startswith("cn-"), "CloudFront has no cache tags in China: use another region.")
        away = [zone for zone in self.network.availability_zones if not zone.startswith(self.region)]
        _require(not away, f"availability_zones has {', '.join(away)}, which is not in {self.region}.")

    @property
    def needs_edge_stack(self) -> bool:
        """Whether CloudFront's firewall and certificate need a stack of their own, in us-east-1."""
        return self.region != CLOUDFRONT_REGION
